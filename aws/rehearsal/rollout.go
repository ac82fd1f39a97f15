package rehearsal

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
	"tripsaga/aws/rehearsal/template"
)

// phase is the state of a function's roll-out.
type phase string

const (
	waiting    phase = "waiting"
	shifting   phase = "shifting"
	completed  phase = "completed"   // the new version has all traffic
	stopped    phase = "stopped"     // by an alarm; the traffic stays as it is
	rolledBack phase = "rolled back" // the old version has all traffic
)

// rollout is the deployment of one function.
type rollout struct {
	function *function
	group    *template.Group // nil: the new version gets all traffic immediately, and no alarm is watched
	phase    phase
	weight   int // percent of the traffic that the new version has
}

// release is CloudFormation's update of the stack. All aliases change concurrently, each by its deployment group. If one
// deployment fails, the whole update is rolled back.
type release struct {
	p        *play
	rollouts []*rollout
	began    time.Time
	ended    time.Time // zero while anything is under way
	by       string    // the alarm that caused the first rollback
	group    string    // the deployment group of that rollback
	at       time.Time // of that rollback
	late     bool      // CloudFormation is about to roll the rest back
}

// takeBack is how long CloudFormation needs from a failed deployment to the old versions of the other functions. An
// assumption: AWS promises no figure.
const takeBack = 30 * time.Second

func (r *release) begin() {
	r.began = r.p.clock.Now()
	r.p.say("the release begins: %d functions", len(r.rollouts))
	for _, x := range r.rollouts {
		r.beginOne(x)
	}
	r.settle()
}

// beginOne begins a deployment. Like CodeDeploy it stops immediately if an alarm of the group is in ALARM already.
func (r *release) beginOne(x *rollout) {
	x.phase = shifting
	if x.group == nil {
		x.phase, x.weight = completed, 100
		return
	}
	for _, name := range x.group.Alarms {
		if r.p.alarms.state[name] == cloudwatch.InAlarm {
			r.stop(x, name)
			return
		}
	}
	r.shift(x)
}

// shift gives the new version its next share.
func (r *release) shift(x *rollout) {
	if x.phase != shifting {
		return
	}
	since := r.p.clock.Now().Sub(r.began)
	if x.weight = x.group.Shift.At(since); x.weight >= 100 {
		x.phase = completed
		r.settle()
		return
	}
	r.p.clock.AfterFunc(x.group.Shift.Interval, func() { r.shift(x) })
}

// ring stops the deployments whose groups watch the alarm.
func (r *release) ring(alarm string) {
	for _, x := range r.rollouts {
		if x.phase == shifting && slices.Contains(x.group.Alarms, alarm) {
			r.stop(x, alarm)
		}
	}
	r.settle()
}

// stop ends a deployment. Without automatic rollback its traffic stays where it is, until an operator acts.
func (r *release) stop(x *rollout, alarm string) {
	if !x.group.TakeBack {
		x.phase = stopped
		r.p.say("%s: CodeDeploy stops at %d %%, by %s; nothing takes it back", x.function.Handler, x.weight, alarm)
		return
	}
	r.p.say("%s: CodeDeploy takes it back from %d %%, by %s", x.function.Handler, x.weight, alarm)
	x.phase, x.weight = rolledBack, 0
	if !r.late {
		r.late, r.by, r.group, r.at = true, alarm, x.group.Name, r.p.clock.Now()
		r.p.clock.AfterFunc(takeBack, r.takeBackAll)
	}
}

// takeBackAll is CloudFormation's rollback of the update.
func (r *release) takeBackAll() {
	others := 0
	for _, x := range r.rollouts {
		if x.phase != rolledBack {
			x.phase, x.weight = rolledBack, 0
			others++
		}
	}
	r.p.say("CloudFormation takes the release back: %d more functions", others)
	r.settle()
}

// settle ends the release when no deployment is under way.
func (r *release) settle() {
	all := func(p phase) bool {
		return !slices.ContainsFunc(r.rollouts, func(x *rollout) bool { return x.phase != p })
	}
	moving := slices.ContainsFunc(r.rollouts, func(x *rollout) bool { return x.phase == shifting || x.phase == waiting })
	if moving || r.late && !all(rolledBack) || !r.ended.IsZero() {
		return
	}
	r.ended = r.p.clock.Now()
	r.p.say("the release has ended: %s", r.outcome())
}

// outcome is the worst outcome of a function.
func (r *release) outcome() phase {
	for _, p := range []phase{stopped, rolledBack, shifting, waiting} {
		if slices.ContainsFunc(r.rollouts, func(x *rollout) bool { return x.phase == p }) {
			return p
		}
	}
	return completed
}

// weight is the share that the new version has of the functions under test, on average.
func (r *release) weight() float64 {
	sum, n := 0, 0
	for _, x := range r.rollouts {
		if x.function.tested {
			sum += x.weight
			n++
		}
	}
	return float64(sum) / float64(max(n, 1))
}

// minute is the index of the minute of the release, from 1; 0 and less before it begins.
func (r *release) minute(at time.Time) int {
	since := at.Sub(r.began)
	if since < 0 {
		return -int(-since / time.Minute)
	}
	return int(since/time.Minute) + 1
}

func (p *play) say(format string, args ...any) {
	p.timeline.note(p.clock.Now(), fmt.Sprintf(format, args...))
}

// alarms evaluates every alarm once a minute, each at its own second of the minute. Assumption: CloudWatch evaluates an
// alarm whose period is a minute or more every minute, at a second that it does not document.
type alarms struct {
	p     *play
	all   []*cloudwatch.Alarm
	state map[string]cloudwatch.State
}

func (a *alarms) begin() {
	a.state = map[string]cloudwatch.State{}
	for _, alarm := range a.all {
		for _, m := range alarm.Reads() {
			a.p.store.Watch(m)
		}
		a.state[alarm.Name] = cloudwatch.InsufficientData
		second := time.Duration(a.p.random.phases.IntN(60)) * time.Second
		a.p.clock.AfterFunc(second, func() { a.look(alarm) })
	}
}

func (a *alarms) look(alarm *cloudwatch.Alarm) {
	before := a.state[alarm.Name]
	now := alarm.Evaluate(&a.p.store, a.p.clock.Now(), before)
	a.state[alarm.Name] = now
	switch {
	case now == cloudwatch.InAlarm && before != now:
		a.p.say("%s: %s", alarm.Name, now)
		a.p.release.ring(alarm.Name)
	case before == cloudwatch.InAlarm && before != now:
		a.p.say("%s: %s", alarm.Name, now)
	}
	if !a.p.over() {
		a.p.clock.AfterFunc(time.Minute, func() { a.look(alarm) })
	}
}

// raised lists the alarms in state ALARM.
func (a *alarms) raised() []string {
	names := []string{}
	for name, state := range a.state {
		if state == cloudwatch.InAlarm {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
