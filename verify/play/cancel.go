package play

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Cancel is a cancellation that a traveler requests: a line of the part cancel. Possible lines, in the order in which they can
// happen to a trip:
//
//	TRIP ended                    when nothing of the trip is under way any more
//	TRIP after 300ms              from the booking
//	TRIP 72h before departure     of the trip's flight, as it is on offer
//	TRIP 1h after departure
//
// A line may end with a colon and the reason: "trip ended: plans changed".
type Cancel struct {
	Trip   string // of its part, without .json
	Reason string

	after     time.Duration  // from the booking, if it is not 0
	departure *time.Duration // from the departure; negative before it
}

var cancelLine = regexp.MustCompile(`^(\S+) (?:ended|after (\S+)|(\S+) (before|after) departure)(?:: (.+))?$`)

func parseCancels(text string) (all []Cancel, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		m := cancelLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%q is not a line, allowed are: TRIP ended, TRIP after DURATION, TRIP DURATION before departure, "+
				"TRIP DURATION after departure; each may end with : REASON", line)
		}
		c := Cancel{Trip: m[1], Reason: m[5]}
		if m[2] != "" {
			c.after, err = time.ParseDuration(m[2])
		}
		if m[3] != "" {
			var d time.Duration
			d, err = time.ParseDuration(m[3])
			if m[4] == "before" {
				d = -d
			}
			c.departure = &d
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// cancelAll requests the script's cancellations of a trip. It runs the reconciler to start one that was requested before the
// trip was confirmed.
func (s *Stage) cancelAll(ctx context.Context, r *reporter, script *Script, name string, t *domain.Trip) error {
	booked := s.Scheduler.Now()
	for _, c := range script.Cancels {
		if c.Trip == name {
			if err := s.cancel(ctx, r, c, t, booked); err != nil {
				return err
			}
		}
	}
	if len(script.Cancels) == 0 {
		return nil
	}
	s.Scheduler.Run()
	_, err := r.sys.App.Reconcile(ctx, app.Patience{})
	return err
}

// cancel waits for the time of the request and makes it. A refusal is a line of the report.
func (s *Stage) cancel(ctx context.Context, r *reporter, c Cancel, t *domain.Trip, booked time.Time) error {
	switch {
	case c.departure != nil:
		s.Scheduler.Run()
		flight, err := r.sys.App.Inventory.Departure(ctx, t.Flight().Number, t.Flight().Date)
		if err != nil {
			return err
		}
		s.advance(flight.Departure().Add(*c.departure))
	case c.after != 0:
		until := booked.Add(c.after)
		for at, ok := s.Scheduler.Next(); ok && !at.After(until); at, ok = s.Scheduler.Next() {
			s.Scheduler.Step()
		}
		s.advance(until)
	default:
		s.Scheduler.Run()
	}
	cancelled, err := r.sys.App.CancelTrip(ctx, t.ID(), app.CancelRequest{Reason: c.Reason})
	if err != nil {
		r.line("cancel refused %s: %s", fault.NameOf(err), err)
		return nil
	}
	r.line("cancel accepted, trip %s", cancelled.Status())
	return nil
}

// advance moves the virtual time forward to t, which may be centuries away.
func (s *Stage) advance(t time.Time) {
	for now := s.Scheduler.Now(); now.Before(t); now = s.Scheduler.Now() {
		s.Scheduler.Advance(t.Sub(now))
	}
}
