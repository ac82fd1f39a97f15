package main

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// verification is one thing that must be so.
type verification struct {
	Name        string `json:"name"`
	Want        string `json:"want"`
	Got         string `json:"got"`
	OK          bool   `json:"ok"`
	NotCompared string `json:"not_compared,omitempty"` // why it does not count
}

func same(name string, want, got any) verification {
	w, g := text(want), text(got)
	return verification{Name: name, Want: w, Got: g, OK: w == g}
}

// text shows a value; what is empty is none.
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

// presence is for ids, of which it matters that they are there.
func presence(there bool) string {
	if there {
		return given
	}
	return none
}

// verify compares everything that the trip has left with what it must leave.
func (t *trial) verify() []verification {
	return slices.Concat(t.verifyKey(), t.verifyTrip(), t.verifySaga(), t.verifySteps(), t.verifyTotals())
}

func (t *trial) verifyKey() []verification {
	if !t.scenario.repeat {
		return nil
	}
	return []verification{
		same("same key, same booking", t.id, t.repeated),
		same("same key, other booking", fault.NameIdempotencyMismatch, t.other),
	}
}

// recordVersion is that of a trip that was requested and has ended.
const recordVersion = 2

func (t *trial) verifyTrip() []verification {
	want, asked, got := t.scenario.want, t.request, t.trip
	return []verification{
		same("trip id", t.id, got.ID),
		same("trip status", want.status, got.Status),
		same("trip reason", want.reason, got.Reason.Name),
		same("trip total", onlyIf(want.payment == domain.StepDone, t.offer.total()), got.Total),
		same("trip currency", asked.Currency, got.Currency),
		same("trip version", recordVersion, got.Version),
		same("trip traveler", asked.Traveler.Name+" "+asked.Traveler.Email, got.Traveler.Name+" "+string(got.Traveler.Email)),
		same("trip flight", flightText(asked.Flight.Number, asked.Flight.Date, asked.Flight.Seats),
			flightText(got.Flight.Number, got.Flight.Date, got.Flight.Seats)),
		same("trip hotel", stayText(asked.Hotel.ID, asked.Hotel.CheckIn, asked.Hotel.CheckOut, asked.Hotel.Rooms),
			stayText(got.Hotel.Hotel, got.Hotel.CheckIn, got.Hotel.CheckOut, got.Hotel.Rooms)),
		same("trip card", domain.CardToken(asked.Payment.CardToken), got.Payment.CardToken),
		same("trip times in order", true, inTime(got.Created, got.Updated)),
	}
}

// inTime tells that both are given, in this order; they may be one moment.
func inTime(first, last time.Time) bool { return !first.IsZero() && !last.Before(first) }

// knownStates are the states of the saga that the scenarios speak of. Others, of steps added to the saga, may stand
// between them.
var knownStates = []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed", "RefundPayment",
	"CancelHotel", "CancelFlight", "BookingFailed", "FlightBookingFailed"}

func (t *trial) verifySaga() []verification {
	want, got := t.scenario.want, t.trip.Saga
	if got == nil {
		got = &wire.Saga{}
	}
	var visited []string
	for _, s := range got.States {
		if slices.Contains(knownStates, s.Name) {
			visited = append(visited, s.Name)
		}
	}
	checks := []verification{
		same("saga status", want.saga, got.Status),
		same("saga error", want.sagaError, got.Error),
		same("saga failed at", want.sagaError, got.FailedState),
		same("saga redrives", 0, got.Redrives),
		same("saga times in order", true, inTime(got.Started, got.Stopped)),
	}
	for i := range max(len(want.states), len(visited)) {
		checks = append(checks, same(fmt.Sprintf("saga state %d", i+1), at(want.states, i), at(visited, i)))
	}
	return checks
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return none
}

// reached tells that a step has a result on record, which it keeps after it was taken back.
func reached(s domain.StepState) bool { return s == domain.StepDone || s == domain.StepUndone }

func (t *trial) verifySteps() []verification {
	want := t.scenario.want
	paid := t.trip.Payment
	return slices.Concat(
		t.verifyStep("flight", want.flight, t.offer.flightPrice(), t.trip.Reservations.Flight),
		t.verifyStep("hotel", want.hotel, t.offer.stayPrice(), t.trip.Reservations.Hotel),
		[]verification{
			same("payment", want.payment, paid.State),
			// The amount is frozen before the bank is asked, and stays on record when it declines.
			same("payment amount", onlyIf(want.payment != "", t.offer.total()), paid.Amount),
			same("payment charge id", presence(want.payment == domain.StepDone), presence(paid.ChargeID != "")),
			same("payment refund id", none, presence(paid.RefundID != "")),
			same("payment reason", refusal(want.payment, want), paid.Reason.Name),
		})
}

func (t *trial) verifyStep(name string, want domain.StepState, price money.Amount, got *wire.Reservation) []verification {
	if got == nil {
		got = &wire.Reservation{}
	}
	return []verification{
		same(name, want, got.State),
		same(name+" amount", onlyIf(reached(want), price), got.Amount),
		same(name+" id", presence(reached(want)), presence(got.ID != "")),
		same(name+" reason", refusal(want, t.scenario.want), got.Reason.Name),
	}
}

// refusal is the reason of the step that was refused, which is the trip's.
func refusal(s domain.StepState, want expectation) string {
	if s == domain.StepRefused {
		return want.reason
	}
	return ""
}

func onlyIf(held bool, a money.Amount) money.Amount {
	if held {
		return a
	}
	return money.Amount{}
}
