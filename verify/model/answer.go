package model

import (
	"maps"
	"slices"
)

// effect is what a task writes, which its answers must match.
type effect struct {
	part parts
	does bool   // it performs the step; otherwise it compensates it
	name string // the name of the error with which it succeeds
	ends string // the status in which it leaves the trip
}

// effects are the tasks whose answers the model judges.
var effects = map[string]effect{
	"ReserveFlight":       {part: partFlight, does: true},
	"ReserveHotel":        {part: partHotel, does: true},
	"ProcessPayment":      {part: partPayment, does: true},
	"CancelFlight":        {part: partFlight},
	"CancelHotel":         {part: partHotel},
	"RefundPayment":       {part: partPayment},
	"RefundBooking":       {part: partPayment},
	"BookingCancelled":    {part: partTrip, ends: cancelled},
	"BookingConfirmed":    {part: partTrip, ends: confirmed},
	"BookingFailed":       {part: partTrip, ends: failed, name: "BookingFailed"},
	"FlightBookingFailed": {part: partTrip, ends: failed, name: "FlightBookingFailed"},
}

// Tasks lists the tasks whose effects are judged, by name.
func Tasks() []string { return slices.Sorted(maps.Keys(effects)) }

// Answered judges a task's answer against the records at that moment, whether the engine received the answer or not.
// failure is the name of the task's error, "" for success.
func (j *Judge) Answered(id, task string, out []byte, failure string) []Violation {
	e, known := effects[task]
	b := j.world.trips[id]
	if !known || b == nil {
		return nil
	}
	w := j.world
	w.found = nil
	switch {
	case e.part == partTrip:
		w.judgeEnding(b, task, e, failure)
	case e.does:
		w.judgeDone(b, task, e.part, out, failure, j.expired)
	case failure == "":
		if s := b.now.step(e.part); s.State != undone && (s.State != refused || s.Open) {
			w.report(answerFits, "%s: %s answers that it has compensated, and the record is %s", b, task, named(s.State))
		}
	}
	found := w.found
	w.found = nil
	return found
}

func (w *world) judgeEnding(b *booking, task string, e effect, failure string) {
	t := &b.now.trip
	recorded := t.Status == e.ends || e.ends == confirmed && t.paid() || e.ends == failed && t.Status == cancelled && !t.paid()
	if failure == e.name && !recorded {
		w.report(answerFits, "%s: %s answers that the end is recorded, and the trip is %s", b, task, named(b.now.trip.Status))
	}
	if failure == "" && e.name != "" {
		w.report(answerFits, "%s: %s succeeds, so that the saga would end as SUCCEEDED", b, task)
	}
}

// answer is the answer of a step.
type answer struct {
	ID       string `json:"reservation_id"`
	Minor    int64  `json:"amount_minor"`
	Currency string `json:"currency"`
}

// judgeDone compares the answer of a step with its record.
func (w *world) judgeDone(b *booking, task string, part parts, out []byte, failure string, expired bool) {
	s := b.now.step(part)
	fits := true
	switch failure {
	case "":
		id := s.Result.ID
		if part == partPayment {
			id = s.Result.Key
		}
		told, err := answers.decode(out)
		fits = err == nil && s.State == done && told.ID == id && amount{told.Minor, told.Currency} == s.Result.Amount
	case "FlightUnavailable", "HotelUnavailable", "PaymentDeclined", "TripCancelled":
		fits = s.State == refused && !s.Open && s.Refusal.Name == failure
	case "StepCancelled":
		intent := w.booksOf(b).intent.State
		fits = s.State == undone || part == partPayment &&
			(intent == cancelled || intent == refunded || expired && intent != captured || b.now.flight.State != done || b.now.hotel.State != done)
	case "IdempotencyMismatch":
		fits = false
	}
	if !fits {
		w.report(answerFits, "%s: %s answers %q %s, and its record is %s (%s): %s over %s", b, task, failure, out,
			named(s.State), s.Refusal.Name, shown(s.Result), shown(s.Result.Amount))
	}
}
