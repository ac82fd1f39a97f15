package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
)

// reconciled is how long a trip is looked at after it has become overdue, which leaves a schedule that stood still time to
// go on. Older days are not read at all: they would become more each day.
const reconciled = 31 * 24 * time.Hour

// newReconciler makes the function that runs on a schedule. Its payload is of no account; its answer is the report. A
// trip that could not be started or marked makes the invocation fail, so that the function's alarm is raised; the next
// run tries it again.
func newReconciler(s *system) handler {
	patience := app.Patience{Grace: s.config.grace, Overdue: s.config.overdue, Within: s.config.overdue + reconciled}
	return func(ctx context.Context, _ []byte) ([]byte, error) {
		report, err := s.app.Reconcile(ctx, patience)
		s.logReport(ctx, report, err)
		if err != nil {
			return nil, named(fault.Wrap(fault.KindOf(err), fault.NameOf(err), err, "reconciled %+v", report))
		}
		return json.Marshal(report)
	}
}

func (s *system) logReport(ctx context.Context, r app.ReconcileReport, err error) {
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.Int("pending", r.Pending), slog.Int("started", r.Started), slog.Int("failed", r.Failed),
		slog.Int("overdue", r.Overdue), slog.Int("marked", r.Marked), slog.Bool("cut_off", r.CutOff),
	}
	if r.CutOff || r.Overdue > 0 {
		level = slog.LevelWarn
	}
	if err != nil {
		level, attrs = slog.LevelError, append(attrs, slog.String("error", fmt.Sprint(err)))
	}
	s.log.LogAttrs(ctx, level, "reconciled", attrs...)
}
