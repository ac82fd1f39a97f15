package verify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tripsaga/engine"
	"tripsaga/verify/world"
)

// TestNamesThatNothingHas: a name that is misspelt would judge nothing.
func TestNamesThatNothingHas(t *testing.T) {
	for want, misspell := range map[string]func(*Saga){
		`no task has made a call "chrage"`: func(s *Saga) { s.Refusals = map[string]error{"chrage": errDeclined} },
		`has a number ["cent"]`:            func(s *Saga) { s.Amounts = []string{"cent"} },
	} {
		s := theSale()
		s.Depth, s.Scenarios = 1, s.Scenarios[:1]
		misspell(&s)
		if _, err := s.Explore(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestBrokenWithoutAFault: what fails in every schedule is found by the first ones.
func TestBrokenWithoutAFault(t *testing.T) {
	for name, reserve := range map[string]engine.Task{
		"panics": func(context.Context, json.RawMessage) (json.RawMessage, error) { panic("no") },
		"fails":  func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, errors.New("no") },
	} {
		t.Run(name, func(t *testing.T) {
			s := theSale()
			s.Open = func(p *Program) map[string]engine.Task {
				tasks := (&sale{p.Table, called{booked{p.Outside}, p}}).tasks()
				tasks["Reserve"] = reserve
				return tasks
			}
			r, err := s.Explore(t.Context())
			if err != nil || r.Found == 0 || r.Schedules != len(s.Scenarios) {
				t.Errorf("%d schedules, %d violations, %v; want only those without a fault", r.Schedules, r.Found, err)
			}
			p, err := s.prepare()
			if err != nil {
				t.Fatal(err)
			}
			text, err := shortest(t.Context(), world.Config{Subject: p.subject()}, r, t.Name())
			if n := strings.Count(text, "\nViolation "); err != nil || n < 1 || n > mostViolations {
				t.Errorf("%d violations, %v, in\n%s", n, err, text)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short the advice is to leave it out")
	}
	for want, m := range map[string]*mutant{
		"in which the step is refused": {name: "Charge has no Catch"},
		"compares Outside":             unasked("cancel"),
		"in which the saga fails":      {name: "Refund has no Retry"},
	} {
		if got := m.advice(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", m.name, got, want)
		}
	}
}
