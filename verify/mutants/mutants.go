// Package mutants introduces bugs into the booking saga, in every way that is known to lose money, seats or events, to show
// that the exploration of package verify finds them. A mutant is the product with an edited definition or with a wrapper around
// one of its parts; the product has no code for it.
package mutants

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tripsaga/trip/saga"
	"tripsaga/verify"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// Mutant is one broken variant.
type Mutant struct {
	Name     string
	Means    string
	Scenario string // the only scenario to explore, "" for all; a shortcut: an exploration of all scenarios finds the mutant as well

	edit    func(states map[string]state) // changes the definition; nil: unchanged
	variant func() trip.Variant           // wraps parts of the program; nil: unchanged
}

// All lists the mutants: those of the definition, of the steps, of the protocol with the provider, of the
// cancellation, of the table's use and of the engine.
func All() []Mutant {
	return slices.Concat(definitions[:1], notUndone(), definitions[1:], steps, providers, cancellations, tables, engines)
}

// schedules lists the mutants' names and schedules; go test -run TestTable -update writes it and the table of README.md.
//
//go:embed schedules.txt
var schedules string

// Schedule returns the id of the shortest schedule in which the mutant violates an invariant; "" if it is not known yet.
func (m Mutant) Schedule() string {
	for line := range strings.Lines(schedules) {
		if name, id, _ := strings.Cut(strings.TrimSpace(line), " "); name == m.Name {
			return id
		}
	}
	return ""
}

// Config returns the world that runs the mutant.
func (m Mutant) Config() (world.Config, error) {
	cfg := trip.Config{Variant: m.variant}
	if m.edit != nil {
		var err error
		if cfg.Definition, err = edited(saga.Booking().Definition(), m.edit); err != nil {
			return world.Config{}, fmt.Errorf("mutant %s: %w", m.Name, err)
		}
	}
	return world.Config{Subject: trip.Subject(cfg)}, nil
}

// state is a state of the definition as decoded JSON.
type state map[string]any

// edited returns the definition after an edit of its states.
func edited(definition []byte, edit func(map[string]state)) ([]byte, error) {
	var machine map[string]any
	if err := json.Unmarshal(definition, &machine); err != nil {
		return nil, err
	}
	states := map[string]state{}
	for name, s := range machine["States"].(map[string]any) {
		states[name] = s.(map[string]any)
	}
	edit(states)
	machine["States"] = states
	return json.Marshal(machine)
}

// Verdict is the result of the exploration of a mutant.
type Verdict struct {
	Name      string  `json:"name"`
	Means     string  `json:"means"`
	Killed    bool    `json:"killed"`
	Invariant string  `json:"invariant,omitempty"` // the violated invariant
	Schedule  string  `json:"schedule,omitempty"`  // the shortest that violates it
	Detail    string  `json:"detail,omitempty"`
	Schedules int     `json:"schedules"` // number of schedules run
	Seconds   float64 `json:"seconds"`
}

// Kill explores a mutant until an invariant is violated, in the same way as the product is explored. Errors: those of
// [Mutant.Config] and [verify.Explore].
func Kill(ctx context.Context, m Mutant, opt verify.Options) (Verdict, error) {
	v := Verdict{Name: m.Name, Means: m.Means}
	cfg, err := m.Config()
	if err != nil {
		return v, err
	}
	opt.World, opt.Enough = cfg, true
	if m.Scenario != "" {
		opt.Scenarios = []string{m.Scenario}
	}
	r, err := verify.Explore(ctx, opt)
	v.Schedules, v.Seconds = r.Schedules, r.Seconds
	if len(r.Violations) > 0 {
		first := r.Violations[0]
		v.Killed, v.Invariant, v.Schedule, v.Detail = true, first.Invariant, first.ID, first.Detail
	}
	return v, err
}

// definitions are the mutants of the state machine's definition.
var definitions = []Mutant{
	{Name: "refund-not-wired", Means: "an unknown failure of the payment leads to CancelHotel, past the refund",
		edit: func(s map[string]state) {
			past(s, saga.Booking().Find("ProcessPayment"))
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
			steps := saga.Booking().Steps()
			before := slices.IndexFunc(steps, func(t saga.Task) bool { return t.Pivot }) - 1
			s[steps[before].Name]["Next"] = "BookingConfirmed"
			delete(s, "ProcessPayment")
			delete(s, "RefundPayment")
		}},
	{Name: "undo-not-retried", Means: "CancelHotel has no Retry", Scenario: "booked",
		edit: func(s map[string]state) { delete(s["CancelHotel"], "Retry") }},
	{Name: "undo-given-up", Means: "CancelHotel has a Catch that continues at BookingFailed", Scenario: "booked",
		edit: func(s map[string]state) {
			s["CancelHotel"]["Catch"] = []any{map[string]any{
				"ErrorEquals": []any{"States.ALL"}, "ResultPath": "$.failure", "Next": "BookingFailed"}}
		}},
	{Name: "no-time-out", Means: "ReserveHotel has no TimeoutSeconds",
		edit: func(s map[string]state) { delete(s["ReserveHotel"], "TimeoutSeconds") }},
	{Name: "confirm-not-retried", Means: "BookingConfirmed has no Retry",
		edit: func(s map[string]state) { delete(s["BookingConfirmed"], "Retry") }},
}

// notUndone returns, for each step between the first and the pivot, a definition that does not compensate the step after
// an unknown failure. The first step and the pivot have separate mutants.
func notUndone() (all []Mutant) {
	for _, step := range saga.Booking().Steps()[1:] {
		if step.Pivot {
			break
		}
		what := strings.ToLower(step.Record)
		next := saga.Booking().After(step.Compensation)
		all = append(all, Mutant{
			Name: what + "-not-undone", Means: "an unknown failure of the " + what + " leads to " + next + ", past " + step.Compensation,
			edit: func(s map[string]state) { past(s, step) },
		})
	}
	return all
}

// past makes an unknown failure of the step skip its compensation.
func past(s map[string]state, step saga.Task) {
	s[step.Name].catchAll(saga.Booking().After(step.Compensation))
}

// catchAll changes the next state of the Catch for States.ALL.
func (s state) catchAll(next string) {
	for _, c := range s["Catch"].([]any) {
		catcher := c.(map[string]any)
		if catcher["ErrorEquals"].([]any)[0] == "States.ALL" {
			catcher["Next"] = next
		}
	}
}
