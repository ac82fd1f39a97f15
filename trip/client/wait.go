package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// Wait says how to wait for the end of a trip's sagas.
type Wait struct {
	Interval time.Duration // between two looks, MinInterval or more
	// Reached is for a caller that has had an answer of this server before: if it is gone, it is probably restarting.
	Reached bool
	// Look, if any, is called with the history of the present saga, which is read less often than the trip: AWS allows few reads of
	// histories. It is called last when the saga has ended, unless the history cannot be read.
	Look func(saga string, events []history.Event)
}

// MinInterval keeps waiting from being a load on the server.
const MinInterval = 10 * time.Millisecond

const (
	// patience is how long a server that was reached and is gone is asked again: long enough for a restart.
	patience = 15 * time.Second
	// settleTries bounds how often the history of a trip that has ended is read: its saga ends a moment later.
	settleTries = 50
	// lookInterval is the shortest time between two reads of what a state machine has to be asked for, unless the trip has changed.
	lookInterval = time.Second
)

// ErrGone means that a server that was reached does not answer any more. The saga continues where it is.
var ErrGone = errors.New("the server is gone")

// Wait waits until a trip has ended, or needs attention and its saga has stopped. A trip that is CANCELLING has not ended.
// Errors besides those of Trip and History: [ErrGone].
func (c *Client) Wait(ctx context.Context, id string, w Wait) (wire.TripDetails, error) {
	f := follower{c: c, id: id, Wait: w}
	trip, err := f.toEnd(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return trip, ctx.Err()
	case f.Reached && NoAnswer(err):
		return trip, fmt.Errorf("%w: %w", ErrGone, err)
	}
	return trip, err
}

type follower struct {
	c  *Client
	id string
	Wait
}

func (f *follower) toEnd(ctx context.Context) (trip wire.TripDetails, err error) {
	var seen wire.TripDetails
	var looked time.Time
	for {
		if trip, err = f.trip(ctx); err != nil {
			return trip, err
		}
		if ended(trip) {
			return trip, f.lastLook(ctx)
		}
		if time.Since(looked) >= lookInterval || !reflect.DeepEqual(trip, seen) {
			if _, err := f.look(ctx); err != nil {
				return trip, err
			}
			seen, looked = trip, time.Now()
		}
		if !sleep(ctx, f.pause(trip)) {
			return trip, ctx.Err()
		}
	}
}

// ended reports whether nothing happens to the trip any more, unless it is cancelled or redriven.
func ended(t wire.TripDetails) bool {
	switch t.Status {
	case domain.Confirmed, domain.Cancelled, domain.Failed:
		return true
	case domain.NeedsAttention: // it may be late, or be redriven at the moment
		return !t.SagaUnread && (t.Saga == nil || t.Saga.Status != "RUNNING" && t.Saga.Status != "SUCCEEDED")
	}
	return false
}

// pause is longer for a trip that the server cannot read without the state machine.
func (f *follower) pause(t wire.TripDetails) time.Duration {
	if t.Status == domain.NeedsAttention {
		return max(f.Interval, lookInterval)
	}
	return f.Interval
}

// lastLook looks until the history has the saga's end.
func (f *follower) lastLook(ctx context.Context) error {
	for range settleTries {
		over, err := f.look(ctx)
		if over || err != nil {
			return err
		}
		if !sleep(ctx, f.Interval) {
			return ctx.Err()
		}
	}
	return nil
}

// look shows the present saga. over reports whether there is nothing more to show. A saga that has not started and a history
// that cannot be read just now are not shown.
func (f *follower) look(ctx context.Context) (over bool, err error) {
	if f.Look == nil {
		return true, nil
	}
	var body wire.History
	err = f.patiently(ctx, func() error {
		body, err = f.c.History(ctx, f.id, "")
		return err
	})
	if NotFound(err) || Unavailable(problemStatus(err)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	events, err := history.Decode(body.Events)
	if err != nil {
		return false, err
	}
	f.Look(cmp.Or(body.Saga, domain.BookingSaga), events) // a server that knows no other
	return len(events) > 0 && history.Ends(events[len(events)-1].Type), nil
}

func (f *follower) trip(ctx context.Context) (trip wire.TripDetails, err error) {
	err = f.patiently(ctx, func() error {
		trip, err = f.c.Trip(ctx, f.id)
		return err
	})
	return trip, err
}

// patiently repeats look until the server answers; when it was reached before, as long as the patience lasts.
func (f *follower) patiently(ctx context.Context, look func() error) error {
	for end := time.Now().Add(patience); ; {
		err := look()
		if !NoAnswer(err) {
			f.Reached = true
			return err
		}
		if !f.Reached || time.Now().After(end) || !sleep(ctx, max(f.Interval, brokenWait)) {
			return err
		}
	}
}
