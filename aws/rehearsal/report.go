package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/shared/money"
	"tripsaga/telemetry"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Report is the result of a rehearsal.
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
	Findings    []string    `json:"findings"` // what is wrong; empty if everything is as expected

	// Partial says why the release was not played to its end: there is no outcome, and no audit. "" if it was.
	Partial string `json:"-"`
}

// Group is how a function is rolled out.
type Group struct {
	Function          string   `json:"function"`
	Configuration     string   `json:"configuration"` // "" without CodeDeploy
	Alarms            []string `json:"alarms"`
	AutomaticRollback bool     `json:"automatic_rollback"`
	State             string   `json:"state"` // in the end
}

// Outcome is the end of the release.
type Outcome struct {
	State    string `json:"state"` // completed, rolled back or stopped
	Expected string `json:"expected_state"`
	Minute   int    `json:"minute"`          // of the release, in which it was decided
	Second   int    `json:"second"`          // of the release
	Alarm    string `json:"alarm,omitempty"` // that caused the first rollback
	Cause    string `json:"cause,omitempty"` // of the rollback, if that was no alarm
	Group    string `json:"deployment_group,omitempty"`
	Stack    string `json:"stack"` // its status in CloudFormation

	DeploymentsBack int    `json:"deployments_back"` // of CloudFormation's rollback
	StuckBy         string `json:"stuck_by,omitempty"`
	Ended           int    `json:"ended_second"` // of the release
}

// stacks are the stack's statuses. Without automatic rollback CloudFormation is not assumed to roll back.
var stacks = map[phase]string{
	completed: "UPDATE_COMPLETE", rolledBack: "UPDATE_ROLLBACK_COMPLETE", stuck: "UPDATE_ROLLBACK_FAILED", stopped: "UPDATE_FAILED",
}

// Met counts what the new version of the functions under test has served.
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
	Cancelled      int                            `json:"cancelled"`
	Failed         int                            `json:"failed"`
	Pending        int                            `json:"pending"` // or being cancelled
	NeedsAttention int                            `json:"needs_attention"`
	SeatsHeld      int64                          `json:"seats_held"`
	RoomsHeld      int64                          `json:"rooms_held"`
	Currencies     map[money.Currency]app.Account `json:"currencies"`
	Consistent     bool                           `json:"consistent"`
	Problems       []string                       `json:"problems"`
}

// OK reports whether everything is as expected.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (p *play) report() (*Report, error) {
	ledger, err := p.sys.App.Audit(p.ctx)
	if err != nil {
		return nil, err
	}
	r := p.played()
	r.Outcome, r.Consistency = p.outcome(), p.consistency(ledger)
	p.find(r)
	return r, nil
}

// played is what a release has been played to so far.
func (p *play) played() *Report {
	r := &Report{
		BadVersion: p.opt.Bad, Rate: p.opt.Rate, Seed: p.opt.Seed, Timeline: p.timeline.minutes, Met: p.counted(), Findings: []string{},
	}
	for _, x := range p.release.rollouts {
		r.Groups = append(r.Groups, x.reported())
		if x.function.tested {
			r.Functions = append(r.Functions, x.function.Handler)
		}
	}
	slices.Sort(r.Functions)
	slices.SortFunc(r.Groups, func(a, b Group) int { return strings.Compare(a.Function, b.Function) })
	return r
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
	o := Outcome{State: string(r.outcome()), Expected: string(completed), Alarm: r.by, Group: r.group, Stack: stacks[r.outcome()],
		DeploymentsBack: r.back, StuckBy: r.stuckBy, Ended: int(r.ended.Sub(r.began).Seconds())}
	if r.group == "" {
		o.Alarm, o.Cause = "", r.by
	}
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

// consistency requires, beyond the audit, that every booking has ended.
func (p *play) consistency(l app.Ledger) Consistency {
	c := Consistency{
		Bookings: len(p.traffic.ids), Confirmed: l.Trips[domain.Confirmed], Cancelled: l.Trips[domain.Cancelled], Failed: l.Trips[domain.Failed],
		Pending: l.Trips[domain.Pending] + l.Trips[domain.Cancelling], NeedsAttention: l.Trips[domain.NeedsAttention],
		SeatsHeld: l.SeatsHeld, RoomsHeld: l.RoomsHeld, Currencies: l.Currencies, Problems: append([]string{}, l.Problems...),
	}
	if open := p.sys.Engine.OpenExecutions() + p.sys.Cancellations.OpenExecutions(); open > 0 {
		c.Problems = append(c.Problems, fmt.Sprintf("%d sagas have not ended", open))
	}
	if c.Confirmed+c.Cancelled+c.Failed != c.Bookings {
		c.Problems = append(c.Problems, fmt.Sprintf("%d bookings, %d of them confirmed, %d cancelled and %d failed",
			c.Bookings, c.Confirmed, c.Cancelled, c.Failed))
	}
	c.Consistent = l.Balanced && len(c.Problems) == 0
	return c
}

// find lists what is wrong.
func (p *play) find(r *Report) {
	for _, x := range p.release.rollouts {
		if lack := x.lacks(); lack != "" && x.function.tested {
			r.Findings = append(r.Findings, fmt.Sprintf("%s: %s, so that a bad version of it stays", x.function.Handler, lack))
		}
	}
	if r.Outcome.State != r.Outcome.Expected {
		r.Findings = append(r.Findings, r.unexpected())
	}
	if !r.Consistency.Consistent {
		r.Findings = append(r.Findings, "the bookings did not all end consistently")
	}
}

// lacks says what is missing in the function's deployment; "" if nothing is.
func (x *rollout) lacks() string {
	switch {
	case x.group == nil:
		return "no deployment group shifts its traffic"
	case len(x.group.Alarms) == 0:
		return "its deployment group watches no alarm"
	case !x.group.TakeBack:
		return "its deployment group does not roll back on alarm"
	case x.group.Shift.Length() == 0:
		return "its deployment group shifts all traffic at once, before any alarm can look"
	}
	return ""
}

func (r *Report) unexpected() string {
	switch {
	case r.Outcome.State == string(stopped):
		return "the release was stopped, and its traffic stays where it was"
	case r.Outcome.State == string(stuck):
		return "the way back is stuck, and the stack in UPDATE_ROLLBACK_FAILED, by " + r.Outcome.StuckBy
	case r.Outcome.State == string(rolledBack):
		return fmt.Sprintf("a release that must reach 100 %% was rolled back, by %s", r.Outcome.Alarm)
	case r.Met.Deliveries == 0:
		return "a bad version reached 100 %: it was never called, so that nothing could be seen"
	}
	return "a bad version reached 100 %"
}

// Minute is a minute of the timeline. Its counts are of the deliveries that began in it.
type Minute struct {
	Minute   int     `json:"minute"`         // of the release; 0 and less before it
	Weight   float64 `json:"weight_percent"` // of the new version when the minute began, on average of the functions under test
	Bookings int     `json:"bookings"`

	// Of the new version of the functions under test.
	Deliveries int     `json:"deliveries"`
	Errors     int     `json:"errors"`
	Business   int     `json:"business_errors"`
	Faults     int     `json:"faults"`
	FaultRate  float64 `json:"fault_percent"` // of the deliveries

	Raised []string `json:"alarms_raised"` // when the minute ended
	Notes  []Note   `json:"notes"`
}

// Note is an event of the timeline.
type Note struct {
	Second int    `json:"second"` // since the release began
	Text   string `json:"text"`
}

// timeline collects the minutes, counted from the begin of the release.
type timeline struct {
	p       *play
	minutes []Minute
}

// row returns the minute of a moment. When the rehearsal is over and only sagas have to end, it is the last minute.
func (t *timeline) row(at time.Time) *Minute {
	i := max(0, int(at.Sub(t.p.began)/time.Minute))
	for len(t.minutes) <= i && !t.p.over() {
		minute := len(t.minutes) + 1 - before
		t.minutes = append(t.minutes, Minute{Minute: minute, Notes: []Note{}, Raised: []string{}})
	}
	return &t.minutes[min(i, len(t.minutes)-1)]
}

// tick is called at the begin of every minute, after what CodeDeploy does at the same moment.
func (t *timeline) tick() {
	now := t.p.clock.Now()
	if len(t.minutes) > 0 {
		t.row(now.Add(-time.Second)).Raised = t.p.alarms.raised()
	}
	if t.p.over() {
		return
	}
	m := t.row(now)
	m.Weight = t.p.release.weight()
	if t.p.opt.Progress != nil {
		t.p.opt.Progress(m.Minute)
	}
	t.p.clock.AfterFunc(time.Minute, t.tick)
}

func (t *timeline) booked(at time.Time) { t.row(at).Bookings++ }

func (t *timeline) delivered(d *delivery, failed bool) {
	if d.version != newer {
		return
	}
	m := t.row(d.at)
	m.Deliveries++
	if failed {
		m.Errors++
	}
	switch d.outcome {
	case telemetry.Business:
		m.Business++
	case telemetry.Fault:
		m.Faults++
	}
	m.FaultRate = percent(m.Faults, m.Deliveries)
}

func (t *timeline) note(at time.Time, text string) {
	m := t.row(at)
	m.Notes = append(m.Notes, Note{int(at.Sub(t.p.releaseAt) / time.Second), text})
}

func percent(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(part) / float64(of)
}
