package verify

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
)

// paying is a saga of one step, which charges a card at the bank that change returns. An act looks at the program.
func paying(looked *int, change func(bank sim.Provider[int], p *Program) sim.Provider[int]) Saga {
	return Saga{
		Definition: []byte(`{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "pay", "End": true, ` + patient + `}}}`),
		Open: func(p *Program) map[string]engine.Task {
			bank := change(sim.Provider[int]{Name: "BANK", Op: "charge", Books: p.Outside, Call: p.Call}, p)
			p.App = &bank
			return map[string]engine.Task{"pay": engine.JSON(func(ctx context.Context, cents int) (any, error) {
				return nil, bank.Perform(ctx, "1", cents)
			})}
		},
		Scenarios: []Scenario{{Name: "paid", Inputs: []any{100}, Acts: []Act{{Name: "Look", Do: func(_ context.Context, p *Program) error {
			*looked++
			return p.App.(*sim.Provider[int]).Refuse(101)
		}}}}},
		Rest: func(r Rest) error {
			if paid := r.Acts("BANK", "1"); paid != (r.Executions[0].Status == asl.Succeeded) || r.Acts("BANK", "2") || r.Acts("SHOP", "1") {
				return fmt.Errorf("paid: %t, and the saga is %s", paid, r.Executions[0].Status)
			}
			return nil
		},
		Depth: 1, Workers: 1,
	}
}

// TestProviderOfTheRun: a double of package sim has its books outside of the program, and each call of it is a point.
func TestProviderOfTheRun(t *testing.T) {
	willing := func(b sim.Provider[int], _ *Program) sim.Provider[int] {
		b.Refuse = func(int) error { return nil }
		return b
	}
	looked := 0
	report, err := paying(&looked, willing).Explore(t.Context())
	if err != nil || report.Found > 0 || looked < report.Schedules/2 {
		t.Errorf("%d violations in %d schedules, looked %d times: %v", report.Found, report.Schedules, looked, err)
	}
	for name, test := range map[string]struct {
		change func(bank sim.Provider[int], p *Program) sim.Provider[int]
		found  string
	}{
		"no Call": {func(b sim.Provider[int], p *Program) sim.Provider[int] {
			b.Call = nil
			return willing(b, p)
		}, "wrap each call"},
		"books in the program's table": {func(b sim.Provider[int], p *Program) sim.Provider[int] {
			b.Books = p.Table
			return willing(b, p)
		}, "paid: false, and the saga is SUCCEEDED"},
	} {
		report, err := paying(&looked, test.change).Explore(t.Context())
		text := fmt.Sprint(err)
		for _, v := range report.Violations {
			text += "\n" + v.Detail
		}
		if !strings.Contains(text, test.found) {
			t.Errorf("%s: %q is not found: %s", name, test.found, text)
		}
	}
}
