package rehearsal

import (
	"fmt"
	"slices"

	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Report is what a rehearsal came to.
type Report struct {
	BadVersion BadVersion `json:"bad_version"`
	Functions  []string   `json:"functions_under_test"`
	Rate       int        `json:"bookings_per_minute"`
	Seed       uint64     `json:"seed"`
	Groups     []Group    `json:"deployment_groups"`

	Timeline    []Minute    `json:"timeline"`
	Outcome     Outcome     `json:"outcome"`
	Met         Met         `json:"met_the_version_under_test"`
	Consistency Consistency `json:"consistency"`
	Findings    []string    `json:"findings"` // what is wrong; none when all is as it must be
}

// Group is how a function is rolled out.
type Group struct {
	Function          string   `json:"function"`
	Configuration     string   `json:"configuration"` // "" when CodeDeploy has no part in it
	Alarms            []string `json:"alarms"`
	AutomaticRollback bool     `json:"automatic_rollback"`
	State             string   `json:"state"` // in the end
}

// Outcome is what became of the release.
type Outcome struct {
	State    string `json:"state"` // completed, rolled back or stopped
	Expected string `json:"expected_state"`
	Minute   int    `json:"minute"`          // of the release, in which that was decided
	Second   int    `json:"second"`          // of the release
	Alarm    string `json:"alarm,omitempty"` // the first that took it back
	Group    string `json:"deployment_group,omitempty"`
}

// Met counts who met the new version of the functions under test.
type Met struct {
	Bookings   int `json:"bookings"` // with at least one delivery by it
	Of         int `json:"of_bookings"`
	Deliveries int `json:"deliveries"`
	Errors     int `json:"errors"`
	Faults     int `json:"faults"`
}

// Consistency is the audit of everything that was booked.
type Consistency struct {
	Bookings       int                            `json:"bookings"`
	Confirmed      int                            `json:"confirmed"`
	Failed         int                            `json:"failed"`
	Pending        int                            `json:"pending"`
	NeedsAttention int                            `json:"needs_attention"`
	SeatsHeld      int64                          `json:"seats_held"`
	RoomsHeld      int64                          `json:"rooms_held"`
	Currencies     map[money.Currency]app.Account `json:"currencies"`
	Consistent     bool                           `json:"consistent"`
	Problems       []string                       `json:"problems"`
}

// OK tells whether all is as it must be.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (p *play) report() (*Report, error) {
	ledger, err := p.sys.App.Audit(p.ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{
		BadVersion: p.opt.Bad, Rate: p.opt.Rate, Seed: p.opt.Seed, Timeline: p.timeline.minutes,
		Outcome: p.outcome(), Met: p.counted(), Consistency: p.consistency(ledger), Findings: []string{},
	}
	for _, x := range p.release.rollouts {
		r.Groups = append(r.Groups, x.reported())
		if x.function.tested {
			r.Functions = append(r.Functions, x.function.Handler)
		}
	}
	slices.Sort(r.Functions)
	slices.SortFunc(r.Groups, func(a, b Group) int { return compareText(a.Function, b.Function) })
	p.find(r)
	return r, nil
}

func compareText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func (x *rollout) reported() Group {
	g := Group{Function: x.function.Handler, Alarms: []string{}, State: string(x.phase)}
	if x.group != nil {
		g.Configuration, g.AutomaticRollback = x.group.Config, x.group.TakeBack
		g.Alarms = append(g.Alarms, x.group.Alarms...)
	}
	return g
}

func (p *play) outcome() Outcome {
	r := &p.release
	o := Outcome{State: string(r.outcome()), Expected: string(completed), Alarm: r.by, Group: r.group}
	if p.opt.Bad.wantsRollback() {
		o.Expected = string(rolledBack)
	}
	decided := r.ended
	if r.by != "" {
		decided = r.at
	}
	o.Minute, o.Second = r.minute(decided), int(decided.Sub(r.began).Seconds())
	return o
}

func (p *play) counted() Met {
	m := Met{Bookings: len(p.met), Of: len(p.traffic.ids)}
	for _, row := range p.timeline.minutes {
		m.Deliveries += row.Deliveries
		m.Errors += row.Errors
		m.Faults += row.Faults
	}
	return m
}

// consistency wants every booking ended, besides what the audit wants.
func (p *play) consistency(l app.Ledger) Consistency {
	c := Consistency{
		Bookings: len(p.traffic.ids), Confirmed: l.Trips[domain.Confirmed], Failed: l.Trips[domain.Failed],
		Pending: l.Trips[domain.Pending], NeedsAttention: l.Trips[domain.NeedsAttention],
		SeatsHeld: l.SeatsHeld, RoomsHeld: l.RoomsHeld, Currencies: l.Currencies, Problems: append([]string{}, l.Problems...),
	}
	if open := p.sys.Engine.OpenExecutions(); open > 0 {
		c.Problems = append(c.Problems, fmt.Sprintf("%d sagas have not ended", open))
	}
	if c.Confirmed+c.Failed != c.Bookings {
		c.Problems = append(c.Problems, fmt.Sprintf("%d bookings, %d of them confirmed and %d failed", c.Bookings, c.Confirmed, c.Failed))
	}
	c.Consistent = l.Balanced && len(c.Problems) == 0
	return c
}
