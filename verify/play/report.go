package play

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tripsaga/engine"
	"tripsaga/shared/history"
	"tripsaga/table"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// reporter writes a report of how bookings ended, until the first error.
type reporter struct {
	ctx context.Context
	sys System
	out bytes.Buffer
	err error
}

func (r *reporter) line(format string, args ...any) { fmt.Fprintf(&r.out, format+"\n", args...) }

func (r *reporter) report(id string) {
	r.parts(id, r.saga, r.trip, r.events, r.ledger, r.history, r.cancellation)
}

func (r *reporter) parts(id string, parts ...func(id string) error) {
	for _, part := range parts {
		if r.err == nil {
			r.err = part(id)
		}
	}
}

func (r *reporter) saga(id string) error { return r.execution(r.sys.Engine, "saga", id) }

func (r *reporter) execution(e *engine.Engine, what, id string) error {
	d, err := e.Describe(r.ctx, id)
	if d.Error != "" {
		r.line("%s %s %s at %s", what, d.Status, d.Error, d.State)
	} else {
		r.line("%s %s", what, d.Status)
	}
	return err
}

// cancellation reports the second saga, if it exists.
func (r *reporter) cancellation(id string) error {
	if r.sys.Cancellations == nil {
		return nil
	}
	if _, err := r.sys.Cancellations.Describe(r.ctx, id); errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err := r.execution(r.sys.Cancellations, "cancellation", id); err != nil {
		return err
	}
	return r.historyOf(r.sys.Cancellations, id)
}

func (r *reporter) trip(id string) error {
	d, err := r.sys.App.GetTrip(r.ctx, id)
	if err != nil {
		return err
	}
	if reason := d.Trip.Reason(); reason.Name != "" {
		r.line("trip %s %s: %s", d.Trip.Status(), reason.Name, reason.Message)
	} else {
		r.line("trip %s", d.Trip.Status())
	}
	if c, requested := d.Trip.Cancellation(); requested {
		if c.Refund.Currency != "" {
			r.line("fee %d%% %s refund %s", c.FeePercent, c.Fee, c.Refund)
		} else { // it was not confirmed
			r.line("fee none")
		}
	}
	for _, step := range saga.Booking().Steps() {
		if step.Record != "" {
			r.line("%s %s", strings.ToLower(step.Record), cmp.Or(d.State(step.Record), "none"))
		}
	}
	return nil
}

// events lists the types of the trip's events.
func (r *reporter) events(id string) error {
	keys, err := r.outbox(id)
	list := "events"
	for _, key := range keys {
		if key.PK == "TRIP#"+id {
			list += " " + strings.TrimPrefix(key.SK, store.OutboxPrefix)
		}
	}
	r.line("%s", list)
	return err
}

// outbox reads keys in commit order or, if that is unknown, in the order of their sort keys.
func (r *reporter) outbox(id string) (keys []table.Key, err error) {
	if r.sys.Events != nil {
		return r.sys.Events(r.ctx)
	}
	for item, err := range table.Items(r.ctx, r.sys.Table, table.Query{PK: "TRIP#" + id, Prefix: store.OutboxPrefix}) {
		if err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		keys = append(keys, item.Key)
	}
	return keys, nil
}

// EventsByName sorts the events of a report by name.
func EventsByName(report string) string {
	lines := strings.Split(report, "\n")
	for i, line := range lines {
		if list, ok := strings.CutPrefix(line, "events "); ok {
			names := strings.Fields(list)
			slices.Sort(names)
			lines[i] = "events " + strings.Join(names, " ")
		}
	}
	return strings.Join(lines, "\n")
}

func (r *reporter) ledger(string) error {
	l, err := r.sys.App.Audit(r.ctx)
	yen := l.Currencies["JPY"] // the currency of all scripts
	fees := ""
	if yen.Fees != 0 {
		fees = fmt.Sprintf(" fees=%d", yen.Fees)
	}
	r.line("ledger seats=%d rooms=%d captured=%d refunded=%d confirmed=%d%s balanced=%v",
		l.SeatsHeld, l.RoomsHeld, yen.Captured, yen.Refunded, yen.Confirmed, fees, l.Balanced)
	for _, p := range l.Problems {
		r.line("   %s", p)
	}
	return err
}

func (r *reporter) history(id string) error { return r.historyOf(r.sys.Engine, id) }

// historyOf lists the states entered and how each delivery ended.
func (r *reporter) historyOf(e *engine.Engine, id string) error {
	events, err := e.History(r.ctx, id)
	if err != nil {
		return err
	}
	r.line("history")
	for _, e := range events {
		switch {
		case e.StateEntered != nil:
			r.line("  %s", e.StateEntered.Name)
		case e.LambdaFunctionFailed != nil:
			r.line("    failed %s", e.LambdaFunctionFailed.Error)
		case e.LambdaFunctionTimedOut != nil:
			r.line("    timed out %s", e.LambdaFunctionTimedOut.Error)
		case e.LambdaFunctionSucceeded != nil:
			r.line("    ok")
		case e.Type == history.ExecutionRedriven:
			r.line("  (redriven)")
		}
	}
	return nil
}

// End is the end of a booking, read from a report.
type End struct {
	Saga    string // the status of the execution of the current saga
	Error   string // the error of the execution, "" if it succeeded
	State   string // at which it failed
	Trip    domain.Status
	Reason  string           // the name of the error that failed the trip, "" if it is confirmed
	Flight  domain.StepState // "" if the step never ran
	Hotel   domain.StepState
	Payment domain.StepState
	States  []string // states entered in the current saga, in order
}

// End is the expected end of the script's only booking.
func (s *Script) End() End { return endOf(s.Want) }

func endOf(report string) (e End) {
	for line := range strings.Lines(report) {
		what, value, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		name, rest, _ := strings.Cut(value, " ")
		step := domain.StepState(strings.TrimSuffix(name, "none"))
		switch what {
		case "saga", "cancellation": // the second one is the present saga
			e.States = nil
			e.Saga = name
			e.Error, e.State, _ = strings.Cut(rest, " at ")
		case "trip":
			e.Trip = domain.Status(name)
			e.Reason, _, _ = strings.Cut(rest, ":")
		case "flight":
			e.Flight = step
		case "hotel":
			e.Hotel = step
		case "payment":
			e.Payment = step
		case "": // within the history
			if state := strings.TrimPrefix(value, " "); state != "" && state[0] >= 'A' && state[0] <= 'Z' {
				e.States = append(e.States, state)
			}
		}
	}
	return e
}
