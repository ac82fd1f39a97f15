package store

import (
	"context"
	"encoding/json"
	"fmt"
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
	table table.Table
	now   func() time.Time
}

// NewAirline returns an airline whose inventory and reservations are in t.
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

// Hotels implements app.Hotels over the inventory, as [Airline] does. One transaction takes all nights.
type Hotels struct {
	table table.Table
	now   func() time.Time
}

// NewHotels returns hotels whose inventory and reservations are in t.
func NewHotels(t table.Table, now func() time.Time) *Hotels { return &Hotels{t, now} }

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
	amount, err := h.price(ctx, s, nights, currency)
	if err != nil {
		return e, err
	}
	e.Result = domain.HotelReservation{ID: ident.Derive("hotel", tripID), Stay: s, Amount: amount}
	e.Ops = move(s.Hotel, nights, -int64(s.Rooms))
	e.Refuse = func(op int) error {
		night := domain.HotelNight{Hotel: s.Hotel, Night: nights[op]}
		return noHotel("%s has too few rooms left, %d asked for", night, s.Rooms)
	}
	return e, nil
}

// price adds up the prices of the nights.
func (h *Hotels) price(ctx context.Context, s domain.Stay, nights []domain.Date,
	currency money.Currency) (sum money.Amount, err error) {
	for _, date := range nights {
		night := domain.HotelNight{Hotel: s.Hotel, Night: date}
		offer, ok, err := getOffer(ctx, h.table, hotelKey(s.Hotel, date, skInventory))
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
	return barrier.Undo(ctx, h.table, tripKey(tripID, skHotel), func(_ context.Context,
		r domain.HotelReservation) (domain.HotelReservation, []table.Op, bool, error) {
		event, err := outbox(domain.Compensated(domain.HotelCancelled, tripID, r.Amount, h.now()))
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

// Bank is the provider that moves the money. It keeps its own books. A call or its reply can be lost, so both calls take
// an idempotency key.
type Bank interface {
	// Charge charges the amount. Errors: PaymentDeclined of kind Refused; StepCancelled of kind Conflict if the key was
	// cancelled before; Unavailable, after which the money may have moved.
	Charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error)
	// Cancel refunds what was charged under key and refuses all later charges. refundID is "" if nothing was charged.
	// Errors: Unavailable.
	Cancel(ctx context.Context, key string) (refundID string, err error)
	// Entries returns the entries of the bank's ledger under key. Errors: Unavailable.
	Entries(ctx context.Context, key string) ([]domain.Entry, error)
}

// Payments implements app.Payments over a bank. The payment is the step's record: first the intent with its fixed amount,
// then the charge.
type Payments struct {
	table table.Table
	bank  Bank
	now   func() time.Time
}

// NewPayments returns payments that are recorded in t and made by bank.
func NewPayments(t table.Table, bank Bank, now func() time.Time) *Payments {
	return &Payments{t, bank, now}
}

// Charge implements app.Payments.
func (p *Payments) Charge(ctx context.Context, tripID string) (domain.Payment, error) {
	var card domain.CardToken
	step := barrier.Step{Key: tripKey(tripID, skPayment), Fingerprint: ident.Fingerprint(tripID)}
	return barrier.Call(ctx, p.table, step, barrier.Provider[domain.Payment]{
		Prepare: func(ctx context.Context) (intent domain.Payment, err error) {
			intent, card, err = p.prepare(ctx, tripID)
			return intent, err
		},
		Perform: func(ctx context.Context, intent domain.Payment) (domain.Payment, error) {
			id, err := p.bank.Charge(ctx, intent.Key, intent.Amount, string(card))
			intent.ChargeID = id
			return intent, err
		},
	})
}

// prepare adds up the prices of the trip's reservations, as recorded. It decodes only the fields that it needs.
func (p *Payments) prepare(ctx context.Context, tripID string) (intent domain.Payment, card domain.CardToken, err error) {
	card, err = p.card(ctx, tripID)
	if err != nil {
		return intent, card, err
	}
	flight, err := p.held(ctx, tripKey(tripID, skFlight))
	if err != nil {
		return intent, card, err
	}
	hotel, err := p.held(ctx, tripKey(tripID, skHotel))
	if err != nil {
		return intent, card, err
	}
	amount, err := flight.Add(hotel)
	return domain.Payment{Key: ident.Derive("payment", tripID), Amount: amount}, card, err
}

func (p *Payments) card(ctx context.Context, tripID string) (domain.CardToken, error) {
	item, ok, err := p.table.Get(ctx, tripKey(tripID, skTrip))
	if err != nil {
		return "", err
	}
	if !ok {
		return "", noTrip(tripID)
	}
	var trip struct {
		Card domain.CardToken `json:"card"`
	}
	if err := json.Unmarshal(item.Data, &trip); err != nil {
		return "", fmt.Errorf("store: the trip at %s: %w", item.Key, err)
	}
	return trip.Card, nil
}

// held returns the price of a reservation. A payment that finds no reservation is late: the trip was cancelled before it.
func (p *Payments) held(ctx context.Context, key table.Key) (money.Amount, error) {
	rec, ok, err := barrier.Load[struct {
		Amount money.Amount `json:"amount"`
	}](ctx, p.table, key)
	if err == nil && (!ok || rec.State != barrier.Done) {
		err = fault.New(fault.Conflict, fault.NameStepCancelled, "nothing is reserved at %s", key)
	}
	return rec.Result.Amount, err
}

// Refund implements app.Payments. It refunds the recorded amount of the payment.
func (p *Payments) Refund(ctx context.Context, tripID string) (taken bool, err error) {
	return barrier.Undo(ctx, p.table, tripKey(tripID, skPayment), func(ctx context.Context,
		paid domain.Payment) (domain.Payment, []table.Op, bool, error) {
		id, err := p.bank.Cancel(ctx, paid.Key)
		if err != nil || id == "" {
			return paid, nil, false, err
		}
		paid.RefundID = id
		event, err := outbox(domain.Compensated(domain.PaymentRefunded, tripID, paid.Amount, p.now()))
		return paid, []table.Op{event}, true, err
	})
}

// GiveBack implements app.Payments.
func (p *Payments) GiveBack(ctx context.Context, tripID string, amount money.Amount) (taken bool, err error) {
	return barrier.Undo(ctx, p.table, tripKey(tripID, skPayment), func(ctx context.Context,
		paid domain.Payment) (domain.Payment, []table.Op, bool, error) {
		if amount.Minor == 0 {
			return paid, nil, false, nil
		}
		if amount != paid.Amount {
			return paid, nil, false, fault.New(fault.Unavailable, fault.NameUnavailable, "the bank refunds no part of a charge")
		}
		id, err := p.bank.Cancel(ctx, paid.Key)
		if err != nil || id == "" {
			return paid, nil, false, err
		}
		paid.RefundID = id
		event, err := outbox(domain.Compensated(domain.PaymentRefunded, tripID, amount, p.now()))
		return paid, []table.Op{event}, true, err
	})
}

// Get implements app.Payments.
func (p *Payments) Get(ctx context.Context, tripID string) (domain.Payment, error) {
	rec, ok, err := barrier.Load[domain.Payment](ctx, p.table, tripKey(tripID, skPayment))
	if err == nil && (!ok || rec.State != barrier.Done) {
		err = fault.New(fault.NotFound, fault.NameNotFound, "trip %s has no payment", tripID)
	}
	return rec.Result, err
}

// EachEntry implements app.Payments.
func (p *Payments) EachEntry(ctx context.Context, visit func(domain.Entry)) (bool, error) {
	if all, ok := p.bank.(interface {
		EachEntry(context.Context, func(domain.Entry)) (bool, error)
	}); ok {
		return all.EachEntry(ctx, visit)
	}
	return false, nil
}

// Entries implements app.Payments.
func (p *Payments) Entries(ctx context.Context, key string) ([]domain.Entry, error) {
	return p.bank.Entries(ctx, key)
}
