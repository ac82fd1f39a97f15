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

// Wait configures how to wait for the end of a trip's sagas.
type Wait struct {
	Interval time.Duration // between two reads of the trip; at least MinInterval
	// Reached means that the server has answered the caller before: if it does not answer now, it is probably restarting.
	Reached bool
	// Look, unless nil, is called with the history of the current saga, which is read less often than the trip because AWS
	// limits reads of histories. The last call comes when the saga has ended, unless the history cannot be read.
	Look func(saga string, events []history.Event)
}

// MinInterval is the shortest interval, which limits the load on the server.
const MinInterval = 10 * time.Millisecond

const (
	// patience is how long calls to a server that answered before are retried: long enough for a restart.
	patience = 15 * time.Second
	// settleTries limits how often the history of an ended trip is read: its saga ends a moment later.
	settleTries = 50
	// lookInterval is the shortest time between two reads that query a state machine, unless the trip has changed.
	lookInterval = time.Second
)

// ErrGone means that a server that answered before no longer answers. The saga continues on the server.
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

// ended reports whether the trip will not change any more unless it is cancelled or redriven.
func ended(t wire.TripDetails) bool {
	switch t.Status {
	case domain.Confirmed, domain.Cancelled, domain.Failed:
		return true
	case domain.NeedsAttention: // its saga may be late, or is being redriven
		return !t.SagaUnread && (t.Saga == nil || t.Saga.Status != "RUNNING" && t.Saga.Status != "SUCCEEDED")
	}
	return false
}

// pause returns the time until the next read. It is longer for a trip that the server cannot read without the state machine.
func (f *follower) pause(t wire.TripDetails) time.Duration {
	if t.Status == domain.NeedsAttention {
		return max(f.Interval, lookInterval)
	}
	return f.Interval
}

// lastLook reads the history until it contains the saga's end.
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

// look calls Look for the current saga. over reports whether there is nothing more to show. A saga that has not started and a
// history that cannot be read at the moment are not shown.
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

// patiently repeats look until the server answers or, if it has answered before, patience has passed.
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
