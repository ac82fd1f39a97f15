package store

import (
	"context"
	"strconv"
	"time"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Airline implements app.Airline over the inventory: a reservation is the step's record, and the seats are taken from
// the flight's counter in the same transaction.
type Airline struct {
	table table.Table
	now   func() time.Time
}

// NewAirline holds seats in t.
func NewAirline(t table.Table, now func() time.Time) *Airline { return &Airline{t, now} }

// Reserve implements app.Airline.
func (a *Airline) Reserve(ctx context.Context, tripID string, f domain.Flight,
	currency money.Currency) (domain.FlightReservation, error) {
	step := barrier.Step{
		Key:         tripKey(tripID, skFlight),
		Fingerprint: ident.Fingerprint(string(f.Number), string(f.Date), strconv.Itoa(f.Seats), string(currency)),
	}
	return barrier.Do(ctx, a.table, step, func(ctx context.Context) (barrier.Effect[domain.FlightReservation], error) {
		return a.hold(ctx, tripID, f, currency)
	})
}

func (a *Airline) hold(ctx context.Context, tripID string, f domain.Flight,
	currency money.Currency) (e barrier.Effect[domain.FlightReservation], err error) {
	flight := domain.FlightDay{Number: f.Number, Date: f.Date}
	offer, ok, err := getOffer(ctx, a.table, flightKey(f.Number, f.Date, skInventory))
	switch {
	case err != nil:
		return e, err
	case !ok:
		return e, noFlight("%s is not offered", flight)
	case offer.Price.Currency != currency:
		return e, noFlight("%s is sold in %s, not in %s", flight, offer.Price.Currency, currency)
	}
	flight.Origin, flight.Departs = offer.Origin, offer.Departs
	if err := flight.CheckDeparture(a.now()); err != nil {
		return e, err
	}
	amount, err := offer.Price.Times(int64(f.Seats))
	if err != nil {
		return e, err
	}
	e.Result = domain.FlightReservation{ID: ident.Derive("flight", tripID), Flight: f, Amount: amount}
	e.Ops = []table.Op{table.Add(flightKey(f.Number, f.Date, skAvailable), available, -int64(f.Seats), 0)}
	e.Refuse = func(int) error { return noFlight("%s has too few seats left, %d asked for", flight, f.Seats) }
	return e, nil
}

// Cancel implements app.Airline.
func (a *Airline) Cancel(ctx context.Context, tripID string) (taken bool, err error) {
	return barrier.Undo(ctx, a.table, tripKey(tripID, skFlight), func(_ context.Context,
		r domain.FlightReservation) (domain.FlightReservation, []table.Op, bool, error) {
		event, err := outbox(domain.Compensated(domain.FlightCancelled, tripID, r.Amount, a.now()))
		free := table.Add(flightKey(r.Flight.Number, r.Flight.Date, skAvailable), available, int64(r.Flight.Seats), 0)
		return r, []table.Op{free, event}, true, err
	})
}

func noFlight(format string, args ...any) error {
	return fault.New(fault.Refused, fault.NameFlightUnavailable, format, args...)
}
