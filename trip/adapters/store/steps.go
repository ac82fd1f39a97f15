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

// Airline implements app.Airline over the inventory. A reservation is the step's record, and the same transaction takes
// the seats from the flight's counter.
type Airline struct {
	table  table.Table
	now    func() time.Time
	offers offers
}

// NewAirline returns an airline whose inventory and reservations are in t.
func NewAirline(t table.Table, now func() time.Time) *Airline { return &Airline{table: t, now: now} }

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
	key := flightKey(f.Number, f.Date, skInventory)
	offer, ok, err := a.offers.get(ctx, a.table, key)
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
	e.Ops = []table.Op{table.Add(beside(key, skAvailable), available, -int64(f.Seats), 0)}
	e.Refuse = func(int) error {
		return noFlight("%s has too few seats left, %d asked for", domain.FlightDay{Number: f.Number, Date: f.Date}, f.Seats)
	}
	return e, nil
}

// Cancel implements app.Airline.
func (a *Airline) Cancel(ctx context.Context, tripID string) (taken bool, err error) {
	key := tripKey(tripID, skFlight)
	return barrier.Undo(ctx, a.table, key, func(_ context.Context,
		r domain.FlightReservation) (domain.FlightReservation, []table.Op, bool, error) {
		cancelled := domain.Compensated(domain.FlightCancelled, tripID, r.Amount, a.now())
		event, err := outbox(key.PK, &cancelled)
		free := table.Add(flightKey(r.Flight.Number, r.Flight.Date, skAvailable), available, int64(r.Flight.Seats), 0)
		return r, []table.Op{free, event}, true, err
	})
}

func noFlight(format string, args ...any) error {
	return fault.New(fault.Refused, fault.NameFlightUnavailable, format, args...)
}

// Hotels implements app.Hotels over the inventory, as [Airline] does. One transaction takes all nights.
type Hotels struct {
	table  table.Table
	now    func() time.Time
	offers offers
}

// NewHotels returns hotels whose inventory and reservations are in t.
func NewHotels(t table.Table, now func() time.Time) *Hotels { return &Hotels{table: t, now: now} }

// Reserve implements app.Hotels.
func (h *Hotels) Reserve(ctx context.Context, tripID string, s domain.Stay,
	currency money.Currency) (domain.HotelReservation, error) {
	step := barrier.Step{
		Key: tripKey(tripID, skHotel),
		Fingerprint: ident.Fingerprint(string(s.Hotel), string(s.CheckIn), string(s.CheckOut),
			strconv.Itoa(s.Rooms), string(currency)),
	}
	return barrier.Do(ctx, h.table, step, func(ctx context.Context) (barrier.Effect[domain.HotelReservation], error) {
		return h.hold(ctx, tripID, s, currency)
	})
}

func (h *Hotels) hold(ctx context.Context, tripID string, s domain.Stay,
	currency money.Currency) (e barrier.Effect[domain.HotelReservation], err error) {
	if err := s.CheckNights(h.now()); err != nil {
		return e, err
	}
	nights := s.Nights()
	rooms := move(s.Hotel, nights, -int64(s.Rooms))
	amount, err := h.price(ctx, s, nights, rooms, currency)
	if err != nil {
		return e, err
	}
	e.Result = domain.HotelReservation{ID: ident.Derive("hotel", tripID), Stay: s, Amount: amount}
	e.Ops = rooms
	e.Refuse = func(op int) error {
		night := domain.HotelNight{Hotel: s.Hotel, Night: nights[op]}
		return noHotel("%s has too few rooms left, %d asked for", night, s.Rooms)
	}
	return e, nil
}

// price adds up the prices of the nights. rooms[i] is the operation on the rooms of nights[i], whose partition has the offer too.
func (h *Hotels) price(ctx context.Context, s domain.Stay, nights []domain.Date, rooms []table.Op,
	currency money.Currency) (sum money.Amount, err error) {
	for i, date := range nights {
		night := domain.HotelNight{Hotel: s.Hotel, Night: date}
		offer, ok, err := h.offers.get(ctx, h.table, beside(rooms[i].Key, skInventory))
		switch {
		case err != nil:
			return sum, err
		case !ok:
			return sum, noHotel("%s is not offered", night)
		case offer.Price.Currency != currency:
			return sum, noHotel("%s is sold in %s, not in %s", night, offer.Price.Currency, currency)
		}
		if sum, err = sum.Add(offer.Price); err != nil {
			return sum, err
		}
	}
	return sum.Times(int64(s.Rooms))
}

// Cancel implements app.Hotels.
func (h *Hotels) Cancel(ctx context.Context, tripID string) (taken bool, err error) {
	key := tripKey(tripID, skHotel)
	return barrier.Undo(ctx, h.table, key, func(_ context.Context,
		r domain.HotelReservation) (domain.HotelReservation, []table.Op, bool, error) {
		cancelled := domain.Compensated(domain.HotelCancelled, tripID, r.Amount, h.now())
		event, err := outbox(key.PK, &cancelled)
		free := move(r.Stay.Hotel, r.Stay.Nights(), int64(r.Stay.Rooms))
		return r, append(free, event), true, err
	})
}

// move adds rooms to the counter of every night. A negative number takes rooms.
func move(hotel domain.HotelID, nights []domain.Date, rooms int64) []table.Op {
	ops := make([]table.Op, 0, len(nights)+1)
	for _, night := range nights {
		ops = append(ops, table.Add(hotelKey(hotel, night, skAvailable), available, rooms, 0))
	}
	return ops
}

func noHotel(format string, args ...any) error {
	return fault.New(fault.Refused, fault.NameHotelUnavailable, format, args...)
}
