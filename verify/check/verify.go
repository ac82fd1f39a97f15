package check

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/trip/wire"
	"tripsaga/verify/play"
)

// Check is one comparison of an expected with an actual value.
type Check struct {
	Name        string `json:"name"`
	Want        string `json:"want"`
	Got         string `json:"got"`
	OK          bool   `json:"ok"`
	NotCompared string `json:"not_compared,omitempty"` // why the values could not be compared; "" if they were
}

func same(name string, want, got any) Check {
	w, g := text(want), text(got)
	return Check{Name: name, Want: w, Got: g, OK: w == g}
}

// text formats a value; an empty one is shown as "none".
func text(v any) string {
	if a, ok := v.(money.Amount); ok && a == (money.Amount{}) {
		return none
	}
	if s := fmt.Sprint(v); s != "" {
		return s
	}
	return none
}

const (
	none  = "none"
	given = "given"
)

// presence formats whether an id exists; its value does not matter.
func presence(there bool) string {
	if there {
		return given
	}
	return none
}

// verify compares all records of the trip with the expected ones.
func (t *trial) verify() []Check {
	return slices.Concat(t.verifyKey(), t.verifyTrip(), t.verifySaga(), t.verifySteps(), t.verifyCancellation(), t.verifyTotals())
}

func (t *trial) verifyKey() []Check {
	if !t.scenario.repeats() {
		return nil
	}
	return []Check{
		same("same key, same booking", t.id, t.repeated),
		same("same key, other booking", fault.NameIdempotencyMismatch, t.other),
	}
}

// recordVersion is the version of the trip's record: one write for the request, one for the end, and more for a cancellation.
func (t *trial) recordVersion() int {
	if t.scenario.cancels() {
		return 4
	}
	return 2
}

func (t *trial) verifyTrip() []Check {
	want, asked, got := t.scenario.want, t.request, t.trip
	return []Check{
		same("trip id", t.id, got.ID),
		same("trip status", want.Trip, got.Status),
		same("trip reason", want.Reason, got.Reason.Name),
		same("trip total", onlyIf(t.scenario.charged(), t.offer.total()), got.Total),
		same("trip currency", asked.Currency, got.Currency),
		same("trip version", t.recordVersion(), got.Version),
		same("trip traveler", asked.Traveler.Name+" "+asked.Traveler.Email, got.Traveler.Name+" "+string(got.Traveler.Email)),
		same("trip flight", wire.FlightText(asked.Flight.Number, asked.Flight.Date, asked.Flight.Seats),
			wire.FlightText(got.Flight.Number, got.Flight.Date, got.Flight.Seats)),
		same("trip hotel", wire.StayText(asked.Hotel.ID, asked.Hotel.CheckIn, asked.Hotel.CheckOut, asked.Hotel.Rooms),
			wire.StayText(got.Hotel.Hotel, got.Hotel.CheckIn, got.Hotel.CheckOut, got.Hotel.Rooms)),
		same("trip card", domain.CardToken(asked.Payment.CardToken), got.Payment.CardToken),
		same("trip times in order", true, inTime(got.Created, got.Updated)),
	}
}

// inTime reports whether both times are set and in this order; they may be equal.
func inTime(first, last time.Time) bool { return !first.IsZero() && !last.Before(first) }

// known reports whether one of this program's sagas has the state. Another version may have further states between these.
func known(state string) bool {
	return slices.ContainsFunc(saga.All(), func(s *saga.Saga) bool { return s.Find(state).Name != "" })
}

// verifySaga compares the saga's history with the expected one and with the trip's own records.
func (t *trial) verifySaga() []Check {
	want, got := t.scenario.want, history.Read(t.events)
	var visited []string
	for _, name := range got.States() {
		if known(name) {
			visited = append(visited, name)
		}
	}
	status, failure := outcome(got)
	recorded := ""
	if t.trip.Saga != nil {
		recorded = t.trip.Saga.Status
	}
	checks := []Check{
		same("saga status", want.Saga, status),
		same("saga status on record", want.Saga, recorded),
		same("saga error", want.Error, failure),
		same("saga redrives", false, slices.ContainsFunc(got.Lines, func(l history.Line) bool { return l.Redriven })),
		same("saga times in order", true, slices.IsSortedFunc(t.events, func(a, b history.Event) int { return a.Timestamp.Compare(b.Timestamp) })),
	}
	for i := range max(len(want.States), len(visited)) {
		checks = append(checks, same(fmt.Sprintf("saga state %d", i+1), at(want.States, i), at(visited, i)))
	}
	return checks
}

func outcome(x history.Execution) (status, failure string) {
	switch {
	case !x.Ended:
		return "RUNNING", ""
	case x.Failure == nil:
		return "SUCCEEDED", ""
	}
	return "FAILED", x.Failure.Error
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return none
}

// reached reports whether a step has a recorded result. A step keeps its result when it is compensated.
func reached(s domain.StepState) bool { return s == domain.StepDone || s == domain.StepUndone }

func (t *trial) verifySteps() []Check {
	want := t.scenario.want
	paid := t.trip.Payment
	return slices.Concat(
		t.verifyStep("flight", want.Flight, t.offer.flightPrice(), t.trip.Reservations.Flight),
		t.verifyStep("hotel", want.Hotel, t.offer.stayPrice(), t.trip.Reservations.Hotel),
		[]Check{
			same("payment", want.Payment, paid.State),
			// The amount is fixed before the bank is called, and stays recorded if the bank declines.
			same("payment amount", onlyIf(want.Payment != "", t.offer.total()), paid.Amount),
			same("payment charge id", presence(t.scenario.charged()), presence(paid.ChargeID != "")),
			same("payment refund id", presence(t.refund() != 0), presence(paid.RefundID != "")),
			same("payment reason", refusal(want.Payment, want), paid.Reason.Name),
		})
}

func (t *trial) verifyStep(name string, want domain.StepState, price money.Amount, got *wire.Reservation) []Check {
	if got == nil {
		got = &wire.Reservation{}
	}
	return []Check{
		same(name, want, got.State),
		same(name+" amount", onlyIf(reached(want), price), got.Amount),
		same(name+" id", presence(reached(want)), presence(got.ID != "")),
		same(name+" reason", refusal(want, t.scenario.want), got.Reason.Name),
	}
}

// fee is the cancellation fee in minor units, rounded down; 0 without a cancellation.
func (t *trial) fee() int64 {
	if !t.scenario.cancels() {
		return 0
	}
	return t.offer.total().Minor * int64(t.quotedPercent()) / 100
}

func (t *trial) quotedPercent() int {
	if t.quote.FeePercent == nil {
		return 0
	}
	return *t.quote.FeePercent
}

// refund is the amount that the cancellation refunds, in minor units.
func (t *trial) refund() int64 {
	if !t.scenario.cancels() {
		return 0
	}
	return t.offer.total().Minor - t.fee()
}

// verifyCancellation compares the quote before the cancellation with the record after it.
func (t *trial) verifyCancellation() []Check {
	if !t.scenario.cancels() {
		return nil
	}
	in := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: t.offer.total().Currency} }
	q, got := t.quote, t.trip.Cancellation
	return []Check{
		same("quote cancellable", true, q.Cancellable),
		same("quote fee", in(t.fee()), q.Fee),
		same("quote refund", in(t.refund()), q.Refund),
		same("cancellation reason", t.scenario.script.Cancels[0].Reason, got.Reason),
		same("cancellation fee percent", t.quotedPercent(), got.FeePercent),
		same("cancellation fee", in(t.fee()), got.Fee),
		same("cancellation refund", in(t.refund()), got.Refund),
		same("cancelled twice", domain.Cancelled, t.twice),
	}
}

// refusal is the expected reason of a step: that of the trip if the step was refused.
func refusal(s domain.StepState, want play.End) string {
	if s == domain.StepRefused {
		return want.Reason
	}
	return ""
}

func onlyIf(held bool, a money.Amount) money.Amount {
	if held {
		return a
	}
	return money.Amount{}
}

func (o offer) flightPrice() money.Amount {
	return money.Amount{Minor: o.flight.Price.Minor * bookedSeats, Currency: o.flight.Price.Currency}
}

func (o offer) stayPrice() money.Amount {
	sum := money.Amount{Currency: o.flight.Price.Currency}
	for _, n := range o.nights {
		sum.Minor += n.Price.Minor * bookedRooms
	}
	return sum
}

func (o offer) total() money.Amount {
	return money.Amount{Minor: o.flightPrice().Minor + o.stayPrice().Minor, Currency: o.flight.Price.Currency}
}

// delta is the change of a total.
type delta int64

func (d delta) String() string { return fmt.Sprintf("%+d", int64(d)) }

// holds returns amount if the step is DONE, else 0.
func holds(s domain.StepState, amount int64) delta {
	if s == domain.StepDone {
		return delta(amount)
	}
	return 0
}

// verifyTotals compares the changes of the totals. The totals include the trips of others: if others book at the same time, the
// changes are shown but not compared.
func (t *trial) verifyTotals() []Check {
	moved := disturbed(t.before, t.after)
	counters := notCompared(moved, append(t.verifyCounters(),
		same("list of trips", t.scenario.want.Trip, t.after.listed[t.id])))
	unread := t.before.unread
	if unread == nil {
		unread = t.after.unread
	}
	if unread != nil {
		moved = fmt.Sprintf("the ledger could not be read: %v", unread)
	}
	return append(counters, notCompared(moved, t.verifyLedger())...)
}

func notCompared(why string, checks []Check) []Check {
	for i := range checks {
		if why != "" {
			checks[i].NotCompared = why
		}
	}
	return checks
}

// verifyCounters compares the counters of the offer's flight and nights, even if the scenario requests others.
func (t *trial) verifyCounters() []Check {
	want, f := t.scenario.want, t.offer.flight
	checks := []Check{same(fmt.Sprintf("seats held, %s on %s", f.Number, f.Date),
		holds(want.Flight, bookedSeats), delta(t.after.seats-t.before.seats))}
	for i, n := range t.offer.nights {
		checks = append(checks, same(fmt.Sprintf("rooms held, %s on %s", n.Hotel, n.Night),
			holds(want.Hotel, bookedRooms), delta(held(t.after, i)-held(t.before, i))))
	}
	return checks
}

// held returns how many rooms are held on a night; 0 if the night is no longer offered.
func held(s *snapshot, night int) int64 {
	if night < len(s.rooms) {
		return s.rooms[night]
	}
	return 0
}

func (t *trial) verifyLedger() []Check {
	want, paid := t.scenario.want, t.offer.total()
	was, is := t.before.ledger, t.after.ledger
	captured, confirmed := delta(0), holds(want.Payment, paid.Minor)
	if t.scenario.charged() {
		captured = delta(paid.Minor)
	}
	return []Check{
		same(fmt.Sprintf("ledger trips %s", want.Trip), delta(1), delta(is.Trips[want.Trip]-was.Trips[want.Trip])),
		same("ledger seats held", holds(want.Flight, bookedSeats), delta(is.SeatsHeld-was.SeatsHeld)),
		same("ledger room nights held", holds(want.Hotel, bookedRooms*bookedNights), delta(is.RoomsHeld-was.RoomsHeld)),
		same(fmt.Sprintf("ledger captured in %s", paid.Currency), captured,
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Captured })),
		same(fmt.Sprintf("ledger refunded in %s", paid.Currency), delta(t.refund()),
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Refunded })),
		same(fmt.Sprintf("ledger confirmed in %s", paid.Currency), confirmed,
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Confirmed })),
		same(fmt.Sprintf("ledger fees in %s", paid.Currency), delta(t.fee()),
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Fees })),
		t.verifyBalance(),
	}
}

func moneyMoved(was, is app.Ledger, c money.Currency, of func(app.Account) int64) delta {
	return delta(of(is.Currencies[c]) - of(was.Currencies[c]))
}

// verifyBalance tolerates a ledger that does not balance because of trips that need attention: until they are redriven, they
// hold or have paid without being confirmed.
func (t *trial) verifyBalance() Check {
	v := same("ledger balanced", true, t.after.ledger.Balanced)
	if n := len(t.after.attentionAfter); !v.OK && n > 0 {
		v.NotCompared = fmt.Sprintf("trips that need attention: %d, such as %s", n, anyOf(t.after.attentionAfter))
	}
	return v
}

func anyOf(ids map[string]int64) (least string) {
	for id := range ids {
		if least == "" || id < least {
			least = id
		}
	}
	return least
}
