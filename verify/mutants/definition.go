package mutants

import (
	"slices"
	"strings"

	"tripsaga/trip/saga"
)

// definitions are broken where a person draws the arrows.
var definitions = []Mutant{
	{Name: "refund-not-wired", Means: "an unknown failure of the payment leads to CancelHotel, past the refund",
		edit: func(s map[string]state) {
			past(s, saga.Find("ProcessPayment"))
			delete(s, "RefundPayment")
		}},
	{Name: "flight-not-caught", Means: "ReserveFlight has no Catch",
		edit: func(s map[string]state) { delete(s["ReserveFlight"], "Catch"); delete(s, "FlightBookingFailed") }},
	{Name: "refund-after-pivot", Means: "a failure of BookingConfirmed leads to RefundPayment",
		edit: func(s map[string]state) {
			s["BookingConfirmed"]["Catch"] = []any{map[string]any{
				"ErrorEquals": []any{"States.ALL"}, "ResultPath": "$.failure", "Next": "RefundPayment"}}
		}},
	{Name: "confirm-before-payment", Means: "ReserveHotel leads to BookingConfirmed",
		edit: func(s map[string]state) {
			steps := saga.Steps()
			before := slices.IndexFunc(steps, func(t saga.Task) bool { return t.Pivot }) - 1
			s[steps[before].Name]["Next"] = "BookingConfirmed"
			delete(s, "ProcessPayment")
			delete(s, "RefundPayment")
		}},
	{Name: "undo-not-retried", Means: "CancelHotel has no Retry", Scenario: "booked",
		edit: func(s map[string]state) { delete(s["CancelHotel"], "Retry") }},
	{Name: "undo-given-up", Means: "CancelHotel has a Catch that goes on to BookingFailed", Scenario: "booked",
		edit: func(s map[string]state) {
			s["CancelHotel"]["Catch"] = []any{map[string]any{
				"ErrorEquals": []any{"States.ALL"}, "ResultPath": "$.failure", "Next": "BookingFailed"}}
		}},
	{Name: "no-time-out", Means: "ReserveHotel has no TimeoutSeconds",
		edit: func(s map[string]state) { delete(s["ReserveHotel"], "TimeoutSeconds") }},
	{Name: "confirm-not-retried", Means: "BookingConfirmed has no Retry",
		edit: func(s map[string]state) { delete(s["BookingConfirmed"], "Retry") }},
}

// notUndone has, for each step between the first and the pivot, a definition that does not compensate it after an unknown
// failure. The others have mutants of their own.
func notUndone() (all []Mutant) {
	for _, step := range saga.Steps()[1:] {
		if step.Pivot {
			break
		}
		what := strings.ToLower(step.Record)
		next := saga.After(step.Compensation)
		all = append(all, Mutant{
			Name: what + "-not-undone", Means: "an unknown failure of the " + what + " leads to " + next + ", past " + step.Compensation,
			edit: func(s map[string]state) { past(s, step) },
		})
	}
	return all
}

// past leads an unknown failure of the step past its compensation.
func past(s map[string]state, step saga.Task) { s[step.Name].catchAll(saga.After(step.Compensation)) }

// catchAll leads every error that has no Catch of its own to another state.
func (s state) catchAll(next string) {
	for _, c := range s["Catch"].([]any) {
		catcher := c.(map[string]any)
		if catcher["ErrorEquals"].([]any)[0] == "States.ALL" {
			catcher["Next"] = next
		}
	}
}
