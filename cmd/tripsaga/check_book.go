package main

import (
	"errors"
	"fmt"

	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// trial is one scenario under way.
type trial struct {
	scenario      scenario
	offer         offer
	request       domain.Request
	before, after *snapshot

	key      string // the Idempotency-Key
	id       string
	repeated string // what the same booking hears under the same key
	other    string // what another booking hears under the same key

	trip wire.TripDetails
}

// book sends the booking under a key of its own.
func (t *trial) book(d *deployment) error {
	b := bookCmd{Key: t.key}
	trip, err := b.book(d.p, d.c, requestBody(t.request))
	if err != nil {
		return notBooked(err)
	}
	t.id = trip.ID
	d.ours[t.id] = true
	return nil
}

// repeat sends the same booking under the same key, and another one.
func (t *trial) repeat(d *deployment) (err error) {
	if !t.scenario.repeat {
		return nil
	}
	if t.repeated, err = t.bookAgain(d, t.request); err != nil {
		return err
	}
	another := t.request
	another.Flight.Seats--
	t.other, err = t.bookAgain(d, another)
	return err
}

// bookAgain gives the trip's id, or the name of the problem that the server tells.
func (t *trial) bookAgain(d *deployment, r domain.Request) (answer string, err error) {
	b := bookCmd{Key: t.key}
	trip, err := b.book(d.p, d.c, requestBody(r))
	var told *serverProblem
	if errors.As(err, &told) {
		return told.Name, nil
	}
	d.ours[trip.ID] = true
	return trip.ID, err
}

// notBooked says during what the error came.
func notBooked(err error) error { return fmt.Errorf("booking: %w", err) }
