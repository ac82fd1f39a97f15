package rehearsal

import (
	"slices"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// alarms evaluates every alarm once a minute, each at a second of the minute of its own. Assumed: CloudWatch looks every
// minute at an alarm whose period is a minute or more, and does not tell at which second.
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
