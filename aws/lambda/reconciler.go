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

// reconciled is how long a trip is read after it became overdue, so that a schedule that was paused can catch up. Older
// days are not read, since their number grows each day.
const reconciled = 31 * 24 * time.Hour

// newReconciler makes the function that runs on a schedule. It ignores its payload and answers with a report. A trip that
// could not be started or marked fails the invocation, which raises the function's alarm; the next run retries.
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
