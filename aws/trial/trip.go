package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// syntheticTrip is the trip of a trial.
type syntheticTrip struct {
	id     string
	input  map[string]any // what its saga would be started with, and the failure for later states
	ofSaga bool           // a real saga compensates it
}

// errEarlier is the error of a repeated call of the hook.
var errEarlier = errors.New("an earlier call of this hook was cut off: nothing more was tried")

func newTrip(id string, ofSaga bool) *syntheticTrip {
	failure := app.Failure{Error: "PreTraffic", Cause: "the trip is synthetic"}
	return &syntheticTrip{id: id, ofSaga: ofSaga, input: map[string]any{"trip_id": id, "failure": failure}}
}

// plan ensures that the trip does not exist yet. It sets a.trip first, so that from here on Run knows what to release.
func (a *attempt) plan(ctx context.Context, ofSaga bool) error {
	a.trip = newTrip(ident.Derive("trip", a.hook), ofSaga)
	_, err := a.app.GetTrip(ctx, a.trip.id)
	switch {
	case err == nil:
		return errEarlier
	case fault.KindOf(err) != fault.NotFound:
		a.trip = nil
		return fmt.Errorf("reading the table: %w", err)
	}
	return nil
}

// book stores the trip. Its saga is not started.
func (a *attempt) book(ctx context.Context, request domain.Request) error {
	if err := a.plan(ctx, false); err != nil {
		return err
	}
	if err := a.offer(ctx); err != nil {
		return err
	}
	a.app.Starter = instead{a.trip}
	_, err := a.app.BookTrip(ctx, a.hook, request)
	if err != nil {
		return fmt.Errorf("booking the synthetic trip: %w", err)
	}
	return nil
}

// instead is a Starter that keeps a saga's input and does not start it.
type instead struct{ trip *syntheticTrip }

// Start implements app.Starter.
func (s instead) Start(_ context.Context, _, _ string, input json.RawMessage) error {
	return json.Unmarshal(input, &s.trip.input)
}

// cancel cancels the trip as the API does. No saga is started.
func (a *attempt) cancel(ctx context.Context) error {
	if _, err := a.app.CancelTrip(ctx, a.trip.id, app.CancelRequest{Key: a.hook, Reason: "the trip is synthetic"}); err != nil {
		return fmt.Errorf("cancelling the synthetic trip: %w", err)
	}
	return nil
}

// request books the function's own offer.
func (a *attempt) request(flight domain.FlightNumber, card string) domain.Request {
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Synthetic Traveler", Email: "synthetic@example.com"},
		Flight:   domain.FlightRequest{Number: string(flight), Date: string(day), Seats: seats},
		Hotel:    domain.StayRequest{ID: string(a.hotel()), CheckIn: string(day), CheckOut: string(nextDay), Rooms: rooms},
		Payment:  domain.PaymentRequest{CardToken: card}, Currency: currency,
	}
}

// standing is the state of a trip and of its steps, by record. A step without a record has no entry.
type standing struct {
	steps map[string]domain.StepState
	trip  domain.Status
}

func (a *attempt) standing(ctx context.Context) (s standing, d domain.Details, err error) {
	if d, err = a.app.GetTrip(ctx, a.trip.id); err != nil {
		return s, d, fmt.Errorf("reading the trip's records: %w", err)
	}
	s = standing{map[string]domain.StepState{}, d.Trip.Status()}
	for _, step := range saga.Booking().Steps() {
		if state := d.State(step.Record); state != "" {
			s.steps[step.Record] = state
		}
	}
	return s, d, nil
}

// with is the standing after the step's record has changed.
func (s standing) with(record string, state domain.StepState) standing {
	s.steps = maps.Clone(s.steps)
	if s.steps == nil {
		s.steps = map[string]domain.StepState{}
	}
	s.steps[record] = state
	return s
}

func (s standing) equal(other standing) bool {
	return s.trip == other.trip && maps.Equal(s.steps, other.steps)
}

// free reports whether nothing is held or charged.
func (s standing) free() bool {
	for _, state := range s.steps {
		if state == domain.StepStarted || state == domain.StepDone {
			return false
		}
	}
	return true
}

// settled requires that everything is as before: reservations are free again, charges are refunded.
func (a *attempt) settled(ctx context.Context) error {
	got, d, err := a.standing(ctx)
	if err != nil {
		return err
	}
	if !got.free() || got.trip != domain.Failed && got.trip != domain.Cancelled {
		return fmt.Errorf("in the end the trip's records are %v", got)
	}
	if err := a.refunded(ctx, d.Payment); err != nil {
		return err
	}
	return a.allBack(ctx)
}

// refunded requires that the refunds equal the charges.
func (a *attempt) refunded(ctx context.Context, p *domain.Step[domain.Payment]) error {
	if p == nil || p.Result.Intent() == "" {
		return nil
	}
	in, err := a.app.Payments.Intent(ctx, p.Result.Intent())
	if err != nil {
		return fmt.Errorf("the bank's ledger: %w", err)
	}
	var balance int64
	for _, e := range in.Entries {
		debit, credit := e.Totals()
		if debit != credit {
			return fmt.Errorf("bank entry %s: debits %d, credits %d", e.ID, debit, credit)
		}
		if balance += debit; e.Kind == domain.Refund {
			balance -= 2 * debit
		}
	}
	if balance != 0 {
		return fmt.Errorf("the trip was charged %d %s more than it was refunded", balance, currency)
	}
	return nil
}

// giveBack compensates everything that the trip may hold, at the versions in use, and records the end: as the booking's
// rollback does, or as the cancellation, if the trip was confirmed. The order is the saga's, and it stops at the first task
// that fails. The reconciler later starts a saga for the trip. A booking's saga repeats the forward steps until it meets
// the first compensated one, whose refusal makes it turn back, and it then compensates only what is before. If a step were
// skipped here and a step before it compensated, the saga would turn back before it reached the skipped step, whose effect
// would remain.
func (a *attempt) giveBack(ctx context.Context) error {
	d, err := a.app.GetTrip(ctx, a.trip.id)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return nil // it was not even stored
	}
	back := saga.Booking().Rollback()
	if err == nil && d.Trip.Confirmed() {
		if back, err = saga.Cancellation().Steps(), a.cancel(ctx); err != nil {
			return err
		}
	}
	for _, task := range back {
		if err := a.again(ctx, always, func() error { return a.undo(ctx, task) }); err != nil {
			return fmt.Errorf("%s: %w", task.Name, err)
		}
	}
	return a.settled(ctx)
}

func (a *attempt) undo(ctx context.Context, task saga.Task) error {
	payload, err := a.payload(task.Name, true)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, task.Name, true, payload)
	var f *Failure
	if task.Ends && errors.As(err, &f) && f.Type == task.Name { // a booking's rollback ends so
		return nil
	}
	return err
}

// What trials book. Each function has its own flight and hotel, so that concurrent trials do not interfere. No customer
// books them: no airline has the code, and the day is the last but one that can be written.
const (
	day      domain.Date = "9999-12-30"
	nextDay  domain.Date = "9999-12-31"
	currency             = "USD"
	capacity             = 100
	seats                = 2
	rooms                = 1

	seatPrice  = 300 // in minor units
	nightPrice = 500

	cardOK       = "tok_ok"
	cardDeclined = "tok_declined"

	airline                     = "ZZ"
	soldOut domain.FlightNumber = airline + "9999"
)

var (
	flightAmount = money.Amount{Minor: seats * seatPrice, Currency: currency}
	hotelAmount  = money.Amount{Minor: rooms * nightPrice, Currency: currency}
	total        = money.Amount{Minor: flightAmount.Minor + hotelAmount.Minor, Currency: currency}
)

func (a *attempt) flight() domain.FlightNumber {
	return domain.FlightNumber(fmt.Sprintf("%s%d", airline, 1+slices.Index(RolledOut(), a.function)))
}

func (a *attempt) hotel() domain.HotelID {
	return domain.HotelID("PRETRAFFIC-" + strings.ToUpper(a.function))
}

// free is the available part of a function's offer, or its capacity.
type free struct{ seats, rooms int64 }

// offer ensures that something can be booked, and records how much. An offer that is used up, by trips that were
// confirmed or could not be compensated, is enlarged.
func (a *attempt) offer(ctx context.Context) error {
	now, all, err := a.free(ctx)
	if err == nil && (now.seats < seats || now.rooms < rooms) {
		now = free{now.seats + capacity, now.rooms + capacity}
		err = a.again(ctx, passes, func() error {
			_, err := a.app.LoadInventory(ctx, a.offers(free{all.seats + capacity, all.rooms + capacity}))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("the synthetic offer: %w", err)
	}
	a.before = now
	return nil
}

// offers are loaded once; loading them again changes nothing.
func (a *attempt) offers(all free) domain.Offers {
	flight := func(number domain.FlightNumber, seats int64) domain.Offer[domain.FlightDay] {
		return domain.Offer[domain.FlightDay]{Source: "pre-traffic", Row: domain.FlightDay{
			Number: number, Date: day, Airline: "Synthetic", Origin: "XXX", Destination: "XXX", Departs: "00:00", Arrives: "00:00",
			Price: money.Amount{Minor: seatPrice, Currency: currency}, Capacity: seats,
		}}
	}
	night := domain.HotelNight{Hotel: a.hotel(), Night: day, Name: "Synthetic", City: "Nowhere",
		Price: money.Amount{Minor: nightPrice, Currency: currency}, Capacity: all.rooms}
	offers := domain.Offers{
		Flights:     []domain.Offer[domain.FlightDay]{flight(a.flight(), all.seats)},
		Nights:      []domain.Offer[domain.HotelNight]{{Row: night, Source: "pre-traffic"}},
		Fingerprint: ident.Fingerprint("pre-traffic", a.function, fmt.Sprint(all)),
	}
	if a.function == flightBookingFailed {
		offers.Flights = append(offers.Flights, flight(soldOut, 0))
	}
	return offers
}

// free reads what is available and the capacity. Both are zero if the offer does not exist, or if it is so new that the
// index does not have it yet.
func (a *attempt) free(ctx context.Context) (left, all free, err error) {
	q := domain.InventoryQuery{From: day, To: day, Limit: domain.MaxPage}
	flights, err := a.app.ShowFlights(ctx, q)
	if err != nil {
		return left, all, err
	}
	nights, err := a.app.ShowNights(ctx, q)
	if err != nil {
		return left, all, err
	}
	f := slices.IndexFunc(flights.Items, func(f domain.FlightDay) bool { return f.Number == a.flight() })
	empty := a.function != flightBookingFailed ||
		slices.ContainsFunc(flights.Items, func(f domain.FlightDay) bool { return f.Number == soldOut })
	h := slices.IndexFunc(nights.Items, func(n domain.HotelNight) bool { return n.Hotel == a.hotel() })
	if f < 0 || h < 0 || !empty {
		return left, all, nil
	}
	flight, night := flights.Items[f], nights.Items[h]
	return free{flight.Available, night.Available}, free{flight.Capacity, night.Capacity}, nil
}

// allBack requires that as much is free as before the trial, if that is known.
func (a *attempt) allBack(ctx context.Context) error {
	if a.before == (free{}) {
		return nil
	}
	return a.again(ctx, always, func() error {
		now, all, err := a.free(ctx)
		switch {
		case err != nil:
			return err
		case all == free{}:
			return fault.New(fault.Unavailable, fault.NameUnavailable, "the synthetic offer is not listed")
		case now != a.before:
			return fmt.Errorf("free are %+v, before they were %+v", now, a.before)
		}
		return nil
	})
}
