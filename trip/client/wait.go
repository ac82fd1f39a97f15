package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// Look, if any, is called with the history of the present saga at each look: with none while no saga has started. saga is
	// "" then.
	Look func(saga string, events []history.Event)
}

// MinInterval keeps waiting from being a load on the server.
const MinInterval = 10 * time.Millisecond

const (
	// patience is how long a server that was reached and is gone is asked again: long enough for a restart.
	patience = 15 * time.Second
	// settleTries bounds how often the trip of an ended saga is read: it shows the outcome a moment later.
	settleTries = 50
)

// ErrGone means that a server that was reached does not answer any more. The saga continues where it is.
var ErrGone = errors.New("the server is gone")

// Wait waits until the present saga of a trip has ended, and returns the trip with its outcome. A saga that has not started
// yet is waited for. A booking that ends CANCELLING is no end: its cancellation is waited for as well. Errors besides those of Trip and History: [ErrGone].
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
	for {
		saga, events, err := f.history(ctx)
		if err != nil && !NotFound(err) { // not found: the saga has not started, or there is no such trip
			return trip, err
		}
		if f.Look != nil {
			f.Look(saga, events)
		}
		if n := len(events); n > 0 && history.Ends(events[n-1].Type) {
			// A booking that ended so continues with the cancellation.
			if trip, err = f.settled(ctx, saga); err != nil || saga == domain.CancellationSaga || trip.Status != domain.Cancelling {
				return trip, err
			}
		}
		if err != nil {
			if _, err := f.trip(ctx); err != nil {
				return trip, err
			}
		}
		if !sleep(ctx, f.Interval) {
			return trip, ctx.Err()
		}
	}
}

// settled reads the trip until it shows the end of the saga.
func (f *follower) settled(ctx context.Context, saga string) (trip wire.TripDetails, err error) {
	for range settleTries {
		if trip, err = f.trip(ctx); err != nil || trip.Status != domain.Pending && (saga != domain.CancellationSaga || trip.Status != domain.Cancelling) {
			break
		}
		if !sleep(ctx, f.Interval) {
			return trip, ctx.Err()
		}
	}
	return trip, err
}

func (f *follower) history(ctx context.Context) (saga string, events []history.Event, err error) {
	err = f.patiently(ctx, func() error {
		body, err := f.c.History(ctx, f.id, "")
		if err == nil {
			saga = cmp.Or(body.Saga, domain.BookingSaga) // a server that knows no other
			events, err = history.Decode(body.Events)
		}
		return err
	})
	return saga, events, err
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
