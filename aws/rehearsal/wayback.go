package rehearsal

import (
	"fmt"
	"slices"

	"tripsaga/aws/rehearsal/template"
)

// takeBackAll is CloudFormation's rollback of the update. It restores the alarms and the groups first: alarms of the same
// name are updated and keep their states, others are still there. Then CodeDeploy takes back what is under way, and makes a
// deployment for each alias that had changed: with the hook, the alarms and the traffic shift of the stack before.
func (r *release) takeBackAll() {
	others := 0
	r.p.alarms.update(r.p.opt.Release.Before)
	for _, x := range r.rollouts {
		switch {
		case x.phase == completed && x.group != nil && x.before != nil:
			r.back++
			x.phase = goingBack
		case x.phase != rolledBack:
			x.phase, x.weight = rolledBack, 0
			others++
		}
	}
	r.p.say("CloudFormation takes the release back: %d more functions, %d by a deployment back", others+r.back, r.back)
	r.nextBack()
}

// nextBack begins the deployments back that wait for no other. One that waits for what is stuck is not begun. Assumption:
// the order of a rollback is that of the update.
func (r *release) nextBack() {
	for _, x := range r.rollouts {
		if x.phase != goingBack || x.begun {
			continue
		}
		switch {
		case r.waitsFor(x, stuck):
			x.phase = stuck
			defer r.nextBack()
		case !r.waitsFor(x, goingBack):
			r.goBack(x)
		}
	}
	r.settle()
}

func (r *release) waitsFor(x *rollout, p phase) bool {
	return slices.ContainsFunc(x.function.After, func(handler string) bool { return r.p.functions[handler].rollout.phase == p })
}

// goBack begins a deployment to the old version.
func (r *release) goBack(x *rollout) {
	x.begun = true
	// A hook that tries a listed version tries it with the versions in use, which are those that are wrong.
	if r.p.opt.Bad == HookFails && x.before.Hook == template.TriesListed {
		r.stick(x, "the hook, which tries the old version with the bad ones in use")
		return
	}
	if name := r.p.alarms.ringing(x.before); name != "" {
		r.stick(x, name)
		return
	}
	x.since = r.p.clock.Now()
	r.shiftBack(x)
}

func (r *release) shiftBack(x *rollout) {
	if x.phase != goingBack {
		return
	}
	if x.weight = 100 - x.before.Shift.At(r.p.clock.Now().Sub(x.since)); x.weight <= 0 {
		x.phase, x.weight = rolledBack, 0
		r.nextBack()
		return
	}
	r.p.clock.AfterFunc(x.before.Shift.Interval, func() { r.shiftBack(x) })
}

// stick ends a deployment back: CodeDeploy gives the traffic to the version that it was to leave.
func (r *release) stick(x *rollout, by string) {
	x.phase, x.weight = stuck, 100
	r.p.say("%s: the deployment back fails by %s: UPDATE_ROLLBACK_FAILED", x.function.Handler, by)
	if r.stuckBy == "" {
		r.stuckBy = fmt.Sprintf("%s at %s", by, x.function.Handler)
	}
	r.p.clock.AfterFunc(0, r.nextBack)
}
