package model

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"tripsaga/trip/saga"
)

// TestEveryStepIsJudged finds what a new step of the saga lacks in the model.
func TestEveryStepIsJudged(t *testing.T) {
	var v view
	steps := map[*step]string{}
	for _, task := range saga.Booking().Tasks() {
		if _, ok := effects[task.Name]; !ok {
			t.Errorf("no effect of %s: add a row to effects in verify/model/answer.go", task.Name)
		}
		if task.Compensation == "" {
			continue
		}
		part := partOf(task.Record)
		if part == 0 {
			t.Errorf("no invariant judges the record %s of %s: add a row to kinds in verify/model/step.go", task.Record, task.Name)
			continue
		}
		if other, taken := steps[v.step(part)]; taken {
			t.Errorf("%s and %s have the same field of view: add a case to view.step in verify/model/step.go", task.Record, other)
		}
		steps[v.step(part)] = task.Record
	}
}

// TestAnswers judges answers against the records that a history leaves.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		scenario, task, failure string
		other                   bool // the answer tells of something else
		fits                    bool
	}{
		{booked, "ReserveFlight", "", false, true},
		{booked, "ReserveFlight", "", true, false},
		{booked, "ReserveFlight", "FlightUnavailable", false, false},
		{booked, "ReserveHotel", "StepCancelled", false, false},
		{booked, "ReserveHotel", "IdempotencyMismatch", false, false},
		{booked, "ReserveHotel", "ServiceUnavailable", false, true},
		{booked, "ProcessPayment", "", false, true},
		{booked, "ProcessPayment", "PaymentDeclined", false, false},
		{booked, "CancelHotel", "", false, false},
		{booked, "RefundPayment", "ServiceUnavailable", false, true},
		{booked, "BookingConfirmed", "", false, true},
		{booked, "BookingFailed", "BookingFailed", false, false},
		{decline, "BookingConfirmed", "", false, false},
		{decline, "BookingFailed", "BookingFailed", false, true},
		{decline, "BookingFailed", "", false, false},
		{decline, "CancelFlight", "", false, true},
		{decline, "ReserveFlight", "StepCancelled", false, true},
		{decline, "ReserveFlight", "", false, false},
		{decline, "ProcessPayment", "PaymentDeclined", false, true},
		{decline, "ProcessPayment", "StepCancelled", false, true},
		{booked, "ChargeBaggage", "", false, true}, // not known: reported elsewhere
	} {
		h := tamper(t, historyOf(t, c.scenario))
		j := New(h.base, h.trips...)
		items := Items{}
		for key, item := range h.base {
			items[key] = item
		}
		for _, a := range h.acts {
			apply(items, a.ops)
		}
		j.Reset(maps.All(items))
		b := j.world.trips[h.trips[0].ID]
		r := b.now.step(effects[c.task].part).Result
		id := r.ID
		if id == "" {
			id = r.Key
		}
		if c.other {
			id += "0"
		}
		out, err := json.Marshal(map[string]any{"reservation_id": id, "amount_minor": r.Amount.Minor, "currency": r.Amount.Currency})
		if err != nil {
			t.Fatal(err)
		}
		found := j.Answered(b.id, c.task, out, c.failure)
		if fits := len(found) == 0; fits != c.fits || !fits && found[0].Invariant != answerFits {
			t.Errorf("%s, %s answers %q, other %t: %v", c.scenario, c.task, c.failure, c.other, found)
		}
	}
	if !slices.Contains(Tasks(), "ProcessPayment") || slices.Contains(Tasks(), "ChargeBaggage") {
		t.Errorf("judged are %q", Tasks())
	}
}
