package mutants

import (
	"context"

	"tripsaga/verify"
)

// Verdict is what the exploration said of a mutant.
type Verdict struct {
	Name      string  `json:"name"`
	Means     string  `json:"means"`
	Killed    bool    `json:"killed"`
	Invariant string  `json:"invariant,omitempty"` // that it broke
	Schedule  string  `json:"schedule,omitempty"`  // the shortest that shows it
	Detail    string  `json:"detail,omitempty"`
	Schedules int     `json:"schedules"` // that were run
	Seconds   float64 `json:"seconds"`
}

// Kill explores a mutant until it is found out: the same exploration as that of the product.
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
