package rehearsal

import (
	"slices"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
	"tripsaga/aws/rehearsal/template"
)

// alarms evaluates every alarm once a minute, each at its own second of the minute. Assumption: CloudWatch evaluates an
// alarm whose period is a minute or more every minute, at a second that it does not document.
type alarms struct {
	p     *play
	all   map[string]*cloudwatch.Alarm
	state map[string]cloudwatch.State
}

// begin watches the stack before the release. The metrics of the release's alarms are stored from the begin, too.
func (a *alarms) begin() {
	a.all, a.state = map[string]*cloudwatch.Alarm{}, map[string]cloudwatch.State{}
	for _, alarm := range a.p.opt.Release.Alarms {
		a.store(alarm)
	}
	a.update(a.p.opt.Release.Before)
}

// update is CloudFormation's. An alarm that exists is overwritten and keeps its state, as PutMetricAlarm documents. One that
// the stack no longer has exists until the update is complete, and so for a rollback.
func (a *alarms) update(to *template.Release) {
	for _, alarm := range to.Alarms {
		_, exists := a.all[alarm.Name]
		a.all[alarm.Name] = alarm
		if exists {
			continue
		}
		a.store(alarm)
		a.state[alarm.Name] = cloudwatch.InsufficientData
		second := time.Duration(a.p.random.phases.IntN(60)) * time.Second
		a.p.clock.AfterFunc(second, func() { a.look(alarm.Name) })
	}
}

func (a *alarms) store(alarm *cloudwatch.Alarm) {
	for _, m := range alarm.Reads() {
		a.p.store.Watch(m)
	}
}

func (a *alarms) look(name string) {
	before := a.state[name]
	now := a.all[name].Evaluate(&a.p.store, a.p.clock.Now(), before)
	a.state[name] = now
	switch {
	case now == cloudwatch.InAlarm && before != now:
		a.p.say("%s: %s", name, now)
		a.p.release.ring(name)
	case before == cloudwatch.InAlarm && before != now:
		a.p.say("%s: %s", name, now)
	}
	if !a.p.over() {
		a.p.clock.AfterFunc(time.Minute, func() { a.look(name) })
	}
}

// ringing is the first alarm of the group that is in ALARM, or "".
func (a *alarms) ringing(g *template.Group) string {
	i := slices.IndexFunc(g.Alarms, func(name string) bool { return a.state[name] == cloudwatch.InAlarm })
	if i < 0 {
		return ""
	}
	return g.Alarms[i]
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
