package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Ledger is the result of an audit: what the inventory holds, what the bank moved, and the trips by status.
type Ledger struct {
	Trips      map[domain.Status]int      `json:"trips"`
	SeatsHeld  int64                      `json:"seats_held"`
	RoomsHeld  int64                      `json:"rooms_held"` // a room for one night counts 1
	Currencies map[money.Currency]Account `json:"currencies"`
	Balanced   bool                       `json:"balanced"`
	Problems   []string                   `json:"problems,omitempty"` // what does not balance, at most maxProblems of them
}

// Account is the money of one currency, in minor units. There is no total over currencies.
type Account struct {
	Captured  int64 `json:"captured_minor"`
	Refunded  int64 `json:"refunded_minor"`
	Confirmed int64 `json:"confirmed_minor"`
	Fees      int64 `json:"fees_minor"` // of cancelled trips
}

const maxProblems = 100

// Audit reads trips, inventory and bank and compares them. Every held seat and room must belong to a reservation, a confirmed
// trip must hold all and one that failed or was cancelled nothing, captured less refunded must be what the confirmed trips
// paid and the fees of the cancelled ones, and every entry of the bank must balance. The three are read one after the other,
// so the result is exact only while nothing is booked. Errors: Unavailable.
func (s *Service) Audit(ctx context.Context) (Ledger, error) {
	a := audit{
		ledger:  Ledger{Trips: map[domain.Status]int{}, Currencies: map[money.Currency]Account{}},
		flights: map[string]int64{}, nights: map[string]int64{},
	}
	all, err := s.Payments.EachEntry(ctx, a.entry)
	if err == nil {
		err = s.Trips.Each(ctx, func(d domain.Details) error {
			a.trip(d)
			if all || d.Payment == nil || d.Payment.Result.Intent() == "" {
				return nil
			}
			in, err := s.Payments.Intent(ctx, d.Payment.Result.Intent())
			if fault.Is(err, fault.NameConflict) {
				a.unknown(d.Trip.ID(), err)
				return nil
			}
			for _, e := range in.Entries {
				a.entry(e)
			}
			return err
		})
	}
	if err == nil {
		err = s.auditInventory(ctx, &a)
	}
	if err != nil {
		return Ledger{}, err
	}
	a.close()
	return a.ledger, nil
}

// audit collects what is compared at the end.
type audit struct {
	mu      sync.Mutex // held by trip and entry
	ledger  Ledger
	flights map[string]int64 // seats reserved, by flight and day
	nights  map[string]int64 // rooms reserved, by hotel and night
}

func (a *audit) problem(format string, args ...any) {
	if len(a.ledger.Problems) < maxProblems {
		a.ledger.Problems = append(a.ledger.Problems, fmt.Sprintf(format, args...))
	}
}

// trip adds a trip.
func (a *audit) trip(d domain.Details) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledger.Trips[d.Trip.Status()]++
	a.held(d)
	a.paid(d)
	if f := d.Flight; f != nil && f.State == domain.StepDone {
		flight := f.Result.Flight
		a.flights[domain.FlightDay{Number: flight.Number, Date: flight.Date}.String()] += int64(flight.Seats)
	}
	if h := d.Hotel; h != nil && h.State == domain.StepDone {
		for _, night := range h.Result.Stay.Nights() {
			a.nights[domain.HotelNight{Hotel: h.Result.Stay.Hotel, Night: night}.String()] += int64(h.Result.Stay.Rooms)
		}
	}
}

// held compares a trip that has ended with its steps: a confirmed one holds all, a failed or cancelled one nothing.
func (a *audit) held(d domain.Details) {
	status := d.Trip.Status()
	ended := status == domain.Failed || status == domain.Cancelled
	for _, step := range []string{"FLIGHT", "HOTEL", "PAYMENT"} {
		if done := d.State(step) == domain.StepDone; status == domain.Confirmed && !done || ended && done {
			a.problem("trip %s is %s, and the state of its %s is %s", d.Trip.ID(), status, step, cmp.Or(d.State(step), "none"))
		}
	}
}

// paid adds what the trip has paid: its fee once a cancellation has given back the rest, else the total.
func (a *audit) paid(d domain.Details) {
	total := d.Trip.Total()
	if !d.Trip.Confirmed() {
		return
	}
	if c, cancelled := d.Trip.Cancellation(); cancelled && d.State("PAYMENT") == domain.StepUndone {
		a.move(total.Currency, Account{Fees: c.Fee.Minor})
		return
	}
	a.move(total.Currency, Account{Confirmed: total.Minor})
}

// unknown adds a payment that the provider does not know.
func (a *audit) unknown(tripID string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem("trip %s: %v", tripID, err)
}

// entry adds an entry of the provider.
func (a *audit) entry(e domain.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	debit, credit := e.Totals()
	if debit != credit || debit == 0 {
		a.problem("bank entry %s: debits %d, credits %d", e.ID, debit, credit)
	}
	currency := e.Currency
	if e.Kind == domain.Refund {
		a.move(currency, Account{Refunded: debit})
		return
	}
	a.move(currency, Account{Captured: debit})
}

func (a *audit) move(c money.Currency, by Account) {
	sum := a.ledger.Currencies[c]
	sum.Captured += by.Captured
	sum.Refunded += by.Refunded
	sum.Confirmed += by.Confirmed
	sum.Fees += by.Fees
	a.ledger.Currencies[c] = sum
}

func (s *Service) auditInventory(ctx context.Context, a *audit) error {
	err := eachPage(ctx, s.Inventory.Flights, func(f domain.FlightDay) {
		a.ledger.SeatsHeld += f.Capacity - f.Available
		a.compare(f.String(), "seats", f.Capacity-f.Available, a.flights)
	})
	return errors.Join(err, eachPage(ctx, s.Inventory.Nights, func(h domain.HotelNight) {
		a.ledger.RoomsHeld += h.Capacity - h.Available
		a.compare(h.String(), "rooms", h.Capacity-h.Available, a.nights)
	}))
}

// compare removes what it has compared. What remains in reserved was reserved but is not in the inventory.
func (a *audit) compare(what, unit string, held int64, reserved map[string]int64) {
	if held != reserved[what] {
		a.problem("%s: %d %s held, %d reserved", what, held, unit, reserved[what])
	}
	delete(reserved, what)
}

func (a *audit) close() {
	for _, left := range []map[string]int64{a.flights, a.nights} {
		for what, n := range left {
			a.problem("%s: %d reserved, but it is not in the inventory", what, n)
		}
	}
	for c, sum := range a.ledger.Currencies {
		if sum.Captured-sum.Refunded != sum.Confirmed+sum.Fees {
			a.problem("%s: captured %d less refunded %d is not what trips paid, %d, and the fees, %d",
				c, sum.Captured, sum.Refunded, sum.Confirmed, sum.Fees)
		}
	}
	slices.Sort(a.ledger.Problems)
	a.ledger.Balanced = len(a.ledger.Problems) == 0
}

func eachPage[T any](ctx context.Context, list func(context.Context, domain.InventoryQuery) (domain.Page[T], error),
	visit func(T)) error {
	q := domain.InventoryQuery{Limit: domain.MaxPage}
	for {
		page, err := list(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			visit(row)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}
