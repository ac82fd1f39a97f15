package story

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/verify/world"
)

// lane is a sequence of deliveries: those of a saga, or of one of its concurrent branches.
type lane struct {
	saga  string
	state branch
}

// branch is a branch of a Parallel or Map state; the zero branch is the machine itself.
type branch struct {
	parent string
	index  int
}

// lanes are the branches of a machine. A task that several branches call counts as one of the first.
type lanes struct {
	of      map[string]asl.StateInfo // by function
	inOrder []branch
}

func lanesOf(m *asl.Machine) lanes {
	l := lanes{map[string]asl.StateInfo{}, []branch{{}}}
	if m == nil {
		return l
	}
	for _, s := range m.States() {
		if _, ok := l.of[s.Function]; ok || s.Function == "" {
			continue
		}
		l.of[s.Function] = s
		if b := (branch{s.Parent, s.Branch}); !slices.Contains(l.inOrder, b) {
			l.inOrder = append(l.inOrder, b)
		}
	}
	return l
}

func (l *lanes) concurrent() bool { return len(l.inOrder) > 1 }

// at returns the branch of a task; the zero branch for other actors.
func (l *lanes) at(actor string) branch {
	s := l.of[strings.TrimSuffix(actor, "+")]
	return branch{s.Parent, s.Branch}
}

// leave ends the waits in the branches of a state that the saga has left.
func (r *reading) leave(to lane, at time.Duration) {
	for _, b := range r.lanes.inOrder {
		if d := r.last[lane{to.saga, b}]; d != nil && d.open && b.parent != "" && b.parent != to.state.parent {
			r.abandon(d, at)
		}
	}
}

// before returns the delivery that led to this one: the previous one in its lane or, where a lane begins or concurrent lanes
// have ended, the last one to end outside the lane.
func (r *reading) before(here lane, next *delivery) *delivery {
	own := r.last[here]
	if own != nil && (!r.lanes.concurrent() || own.label.Actor == next.label.Actor) {
		return own
	}
	for _, b := range r.lanes.inOrder {
		d := r.last[lane{here.saga, b}]
		if d == nil || d.open || b.parent != "" && b.parent == here.state.parent && b != here.state {
			continue // a concurrent branch has not led here
		}
		if own == nil || d.end > own.end {
			own = d
		}
	}
	return own
}

// answerIn describes how a wait for a callback has ended; "" if the frame does not end it.
func answerIn(f *world.Frame, d *delivery, due bool) string {
	for i := range f.Changes {
		c := &f.Changes[i]
		if c.After == nil || !strings.HasPrefix(c.Key.SK, "J#") {
			continue
		}
		var entry struct{ Event asl.Event }
		if json.Unmarshal(c.After.Data, &entry) != nil || d.answer != "" {
			continue
		}
		switch e := entry.Event; {
		case e.Succeeded != nil:
			return "was answered"
		case e.Failed != nil:
			return "was answered with " + e.Failed.Error
		case e.Fired != nil && due:
			return "got no answer in " + short(f.At-d.since)
		}
	}
	return d.answer
}
