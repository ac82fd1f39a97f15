package verify

import (
	"tripsaga/verify/model"
	"tripsaga/verify/world"
)

// maxViolations are kept: a broken saga breaks in nearly every schedule.
const maxViolations = 1000

// take counts a run and keeps what it violates.
func (x *exploration) take(s world.Schedule, r *world.Result, count *int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Schedules++
	if count != nil {
		*count++
	}
	x.report.ends[r.End] = true
	told := map[string]bool{}
	for _, v := range r.Violations {
		if told[v.Invariant] {
			continue
		}
		if x.report.Found++; len(x.report.Violations) < maxViolations {
			x.report.Violations = append(x.report.Violations, violationOf(s, v))
		}
		told[v.Invariant] = true
	}
}

func violationOf(s world.Schedule, v model.Violation) Violation {
	all := Violation{ID: s.String(), Invariant: v.Invariant, Detail: v.Detail, Schedule: []string{}}
	for _, f := range s.Faults {
		all.Schedule = append(all.Schedule, f.String())
	}
	return all
}

func (x *exploration) begin(stage string, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stage = Progress{Stage: stage, All: n}
	x.tell()
}

func (x *exploration) advance() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stage.Done++
	x.tell()
}

func (x *exploration) tell() {
	if x.opt.Progress == nil {
		return
	}
	x.stage.Schedules, x.stage.Violations = x.report.Schedules, len(x.report.Violations)
	x.opt.Progress(x.stage)
}
