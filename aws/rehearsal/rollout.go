package rehearsal

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/aws/rehearsal/template"
)

// phase is the state of a function's roll-out.
type phase string

const (
	waiting    phase = "waiting" // for the aliases that are updated before it
	shifting   phase = "shifting"
	completed  phase = "completed"   // the new version has all traffic
	stopped    phase = "stopped"     // by an alarm; the traffic stays as it is
	goingBack  phase = "going back"  // by a deployment of the stack's rollback
	rolledBack phase = "rolled back" // the old version has all traffic
	stuck      phase = "stuck"       // on the way back: the new version has all traffic, the stack is UPDATE_ROLLBACK_FAILED
)

// rollout is the deployment of one function.
type rollout struct {
	function *function
	group    *template.Group // nil: the new version gets all traffic immediately, and no alarm is watched
	before   *template.Group // the group as a rollback of the stack restores it
	phase    phase
	since    time.Time // of the shift under way
	weight   int       // percent of the traffic that the new version has
	begun    bool      // the deployment back
}

// release is CloudFormation's update of the stack. An alias changes by its deployment group, when those that it waits for
// have changed. If one deployment or another resource fails, the whole update is rolled back.
type release struct {
	p        *play
	rollouts []*rollout
	began    time.Time
	ended    time.Time // zero while anything is under way
	shifted  bool      // every alias has changed
	by       string    // the alarm, or what else, that caused the rollback
	group    string    // the deployment group of that rollback
	at       time.Time // of that rollback
	late     bool      // CloudFormation is about to roll the rest back
	back     int       // deployments of the rollback
	stuckBy  string    // what failed the first of them
}

// Assumptions: AWS promises no figures.
const (
	// takeBack is how long CloudFormation needs from a failed deployment to the old versions of the other functions.
	takeBack = 30 * time.Second
	// followed is how long after the last alias the next resource fails with HookFails; with RingsOn it is the longest.
	followed, longest = 30 * time.Second, 10 * time.Minute
)

func (r *release) begin() {
	r.began = r.p.clock.Now()
	r.p.say("the release begins: %d functions", len(r.rollouts))
	r.p.alarms.update(r.p.opt.Release)
	if r.p.opt.Bad == Refused && r.p.opt.Release.DefinitionsFirst {
		r.fail("the definition, which Step Functions refuses", "")
		return
	}
	r.next()
}

// next begins the deployments that wait for nothing any more, and ends the release when no deployment is under way.
func (r *release) next() {
	if !r.late {
		for _, x := range r.rollouts {
			if x.phase == waiting && r.ready(x) {
				r.beginOne(x)
			}
		}
	}
	if !r.late && !r.shifted && r.all(completed) {
		r.shifted = true
		r.follow()
	}
	r.settle()
}

func (r *release) ready(x *rollout) bool {
	return !r.waitsFor(x, waiting) && !r.waitsFor(x, shifting) && !r.waitsFor(x, rolledBack) && !r.waitsFor(x, stopped)
}

// follow is what the stack updates after its aliases.
func (r *release) follow() {
	switch r.p.opt.Bad {
	case Refused:
		r.fail("the definition, which Step Functions refuses", "")
	case HookFails:
		r.p.clock.AfterFunc(followed, r.failLater)
	case RingsOn:
		r.p.clock.AfterFunc(longest, r.failLater)
	}
}

func (r *release) failLater() { r.fail("a resource that is updated after the aliases", "") }

// beginOne begins a deployment. Like CodeDeploy it stops immediately if an alarm of the group is in ALARM already.
func (r *release) beginOne(x *rollout) {
	x.phase, x.since = shifting, r.p.clock.Now()
	if x.group == nil {
		x.phase, x.weight = completed, 100
		return
	}
	if name := r.p.alarms.ringing(x.group); name != "" {
		r.stop(x, name)
		return
	}
	r.shift(x)
}

// shift gives the new version its next share.
func (r *release) shift(x *rollout) {
	if x.phase != shifting {
		return
	}
	if x.weight = x.group.Shift.At(r.p.clock.Now().Sub(x.since)); x.weight >= 100 {
		x.phase = completed
		r.next()
		return
	}
	r.p.clock.AfterFunc(x.group.Shift.Interval, func() { r.shift(x) })
}

// ring stops the deployments whose groups watch the alarm, those of a way back included.
func (r *release) ring(alarm string) {
	if r.shifted && r.p.opt.Bad == RingsOn {
		r.failLater()
	}
	for _, x := range r.rollouts {
		switch {
		case x.phase == shifting && slices.Contains(x.group.Alarms, alarm):
			r.stop(x, alarm)
		case x.phase == goingBack && x.begun && slices.Contains(x.before.Alarms, alarm):
			r.stick(x, alarm)
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
	r.fail(alarm, x.group.Name)
}

// fail makes CloudFormation roll the update back.
func (r *release) fail(by, group string) {
	if r.late {
		return
	}
	if group == "" {
		r.p.say("the update of the stack fails at %s", by)
	}
	r.late, r.by, r.group, r.at = true, by, group, r.p.clock.Now()
	r.p.clock.AfterFunc(takeBack, r.takeBackAll)
}

// settle ends the release when no deployment is under way.
func (r *release) settle() {
	open := []phase{shifting, waiting, goingBack}
	if r.late {
		open = append(open, completed)
	}
	awaited := r.shifted && !r.late && (r.p.opt.Bad == RingsOn || r.p.opt.Bad == HookFails)
	if awaited || !r.ended.IsZero() || slices.ContainsFunc(r.rollouts, func(x *rollout) bool { return slices.Contains(open, x.phase) }) {
		return
	}
	r.ended = r.p.clock.Now()
	r.p.say("the release has ended: %s", r.outcome())
}

func (r *release) all(p phase) bool {
	return !slices.ContainsFunc(r.rollouts, func(x *rollout) bool { return x.phase != p })
}

// outcome is the worst outcome of a function.
func (r *release) outcome() phase {
	for _, p := range []phase{stuck, stopped, rolledBack, goingBack, shifting, waiting} {
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
