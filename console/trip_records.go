package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tripsaga/asl"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// records are what a trip has left beside its saga: its steps, the bank's ledger, its events, and what the saga costs.
type records struct {
	Steps  []step
	Ledger []ledgerEntry
	Events []domain.Event
	Cost   costs
}

// step is the record of one step.
type step struct {
	Name   string // key of a text
	What   string // of the seats, rooms or money
	ID     string
	State  domain.StepState // "" if there is no record
	Class  string
	Amount money.Amount
	Reason domain.Reason
	IDs    []string // further ids, such as that of a charge
}

// stepClass is the class of a step's state: what is held or taken is ok.
func stepClass(s domain.StepState) string {
	switch s {
	case domain.StepDone:
		return "ok"
	case domain.StepStarted:
		return "waiting"
	case domain.StepRefused:
		return "bad"
	}
	return "neutral"
}

// ledgerEntry is an entry of the bank's ledger.
type ledgerEntry struct {
	domain.Entry
	Lines []ledgerLine
}

type ledgerLine struct {
	Account       string
	Debit, Credit string // "" for none
}

// costs are what the saga has used of AWS's meters.
type costs struct {
	Transitions int
	*Cost       // nil without the prices
	Total       string
	Transition  string
	Writes      string
}

func (c *console) records(ctx context.Context, t *tripRead, visits visits) (v records, err error) {
	v.Steps = t.steps()
	entries, err := c.entries(ctx, t.Details)
	if err != nil {
		return v, err
	}
	for _, e := range entries {
		v.Ledger = append(v.Ledger, showEntry(e))
	}
	if v.Events, err = c.sagas.Events(ctx, t.Trip.ID()); err != nil {
		return v, err
	}
	slices.SortStableFunc(v.Events, t.compareEvents)
	v.Cost, err = c.cost(t, visits)
	return v, err
}

// compareEvents orders events by their time and, within a millisecond, as the trip's saga announces them: a booking
// refunds first, and a cancellation last.
func (t *tripRead) compareEvents(a, b domain.Event) int {
	rank := func(e domain.Event) int {
		if e.Type == domain.PaymentRefunded && t.Trip.Confirmed() {
			return 2*slices.Index(eventTypes, string(domain.FlightCancelled)) + 1
		}
		return 2 * slices.Index(eventTypes, string(e.Type))
	}
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank(a), rank(b)))
}

// entries reads the ledger of the trip's payment.
func (c *console) entries(ctx context.Context, d domain.Details) ([]domain.Entry, error) {
	if d.Payment == nil || d.Payment.Result.Intent() == "" {
		return nil, nil
	}
	in, err := c.sagas.Intent(ctx, d.Payment.Result.Intent())
	return in.Entries, err
}

func showEntry(e domain.Entry) ledgerEntry {
	v := ledgerEntry{Entry: e}
	amount := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return money.Amount{Minor: minor, Currency: e.Currency}.Grouped()
	}
	for _, p := range e.Postings {
		v.Lines = append(v.Lines, ledgerLine{p.Account, amount(p.Debit), amount(p.Credit)})
	}
	return v
}

// steps lists the steps in the order of the saga.
func (t *tripRead) steps() []step {
	flight := step{Name: "trip-seats", What: t.text("trip-seats-of", t.Trip.Flight().Seats, t.Trip.Flight().Number, t.Trip.Flight().Date)}
	if s := t.Flight; s != nil {
		flight.fill(s.State, s.Result.ID, s.Result.Amount, s.Reason)
	}
	stay := t.Trip.Stay()
	hotel := step{Name: "trip-rooms", What: t.text("trip-rooms-of", stay.Rooms, stay.Hotel, len(stay.Nights()))}
	if s := t.Hotel; s != nil {
		hotel.fill(s.State, s.Result.ID, s.Result.Amount, s.Reason)
	}
	payment := step{Name: "trip-payment", What: t.Trip.Card().String()}
	if s := t.Payment; s != nil {
		payment.fill(s.State, s.Result.Intent(), s.Result.Amount, s.Reason)
		for _, id := range []string{s.Result.ChargeID, s.Result.RefundID} {
			if id != "" {
				payment.IDs = append(payment.IDs, id)
			}
		}
	}
	return []step{flight, hotel, payment}
}

func (s *step) fill(state domain.StepState, id string, amount money.Amount, reason domain.Reason) {
	s.State, s.Class, s.ID, s.Amount, s.Reason = state, stepClass(state), id, amount, reason
}

// Held reports whether something is held or taken now.
func (s step) Held() bool { return s.State == domain.StepDone || s.State == domain.StepStarted }

// cost counts the transitions as Step Functions does: each visit of a state, and each retry.
func (c *console) cost(t *tripRead, visits visits) (costs, error) {
	if !t.Started {
		return costs{}, nil
	}
	v := costs{Transitions: 1} // the start
	for _, visit := range visits.all {
		v.Transitions += max(1, visit.attempts)
	}
	if c.price == nil || t.Saga.Status == asl.Running {
		return v, nil
	}
	cost, err := c.price(t.Name == domain.CancellationSaga, t.Saga.Status == asl.Succeeded, v.Transitions)
	if err != nil {
		return v, err
	}
	v.Cost = &cost
	v.Transition, v.Writes = usd(cost.TransitionsUSD), usd(cost.WritesUSD)
	v.Total = usd(cost.TransitionsUSD + cost.WritesUSD)
	return v, nil
}

func usd(v float64) string { return fmt.Sprintf("$%.6f", v) }
