package story

import (
	"fmt"
	"slices"
	"strings"

	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// maxClauses is the maximum number of clauses of a short story before its end: if there are more, those in the middle are left
// out.
const maxClauses = 12

// Short describes the run in two sentences: what went wrong and what followed; and how it ended, with the first violation of the
// invariant.
func Short(s *world.Subject, trace *world.Trace, invariant string) string {
	t := &teller{s, trace}
	clauses := t.clauses()
	if left := len(clauses) - maxClauses; left > 0 {
		clauses = slices.Concat(clauses[:maxClauses/2], []string{"..."}, clauses[len(clauses)-maxClauses/2:])
	}
	end := "in the end " + strings.Join(t.statuses(), ", ")
	if i := slices.IndexFunc(trace.Violations, func(v judge.Violation) bool { return v.Invariant == invariant }); i >= 0 {
		end += ": " + trace.Violations[i].Detail
	}
	if len(clauses) == 0 {
		return sentence(end)
	}
	return sentence(strings.Join(clauses, "; ")) + " " + sentence(end)
}

// clauses returns the clauses from the first fault on: what works as usual before it is not interesting.
func (t *teller) clauses() (all []string) {
	steps := t.steps()
	first := slices.IndexFunc(steps, func(s step) bool { return s.kind == struck })
	var usual []string // tasks that did what they do, one after another
	flush := func() {
		if len(usual) > 0 {
			all = append(all, "then "+strings.Join(counted(usual), ", "))
		}
		usual = nil
	}
	var whole *delivery // the delivery whose end is already described
	for i := max(first, 0); i < len(steps); i++ {
		s := &steps[i]
		if d := s.delivery; s.kind == delivered && s.more == 0 && d.faults == 0 && d.heard && d.done(s.actor) {
			if why := t.why(s); why != "" {
				flush()
				all = append(all, why)
			}
			usual, whole = append(usual, s.actor), d
			continue
		}
		if s.kind == delivered && s.more > 0 {
			whole = s.delivery
		}
		for _, clause := range t.clause(s, whole) {
			flush()
			all = append(all, clause)
		}
	}
	flush()
	return all
}

// fewAlike is how many equal tasks in a row are listed one by one.
const fewAlike = 2

// counted returns the tasks and how often each ran in a row: a saga may poll hundreds of times.
func counted(tasks []string) (all []string) {
	for i, n := 0, 0; i < len(tasks); i += n {
		for n = 1; i+n < len(tasks) && tasks[i+n] == tasks[i]; n++ {
		}
		if n > fewAlike {
			all = append(all, fmt.Sprintf("%s %d times", tasks[i], n))
		} else {
			all = append(all, tasks[i:i+n]...)
		}
	}
	return all
}

// why returns why the saga has left the previous task.
func (t *teller) why(s *step) string {
	if s.before == nil || s.also || s.before.label.Actor == s.actor {
		return ""
	}
	return strings.TrimSuffix(t.after(s.before), ", and ")
}

// clause describes what happened in a step; empty if that is not worth mentioning.
func (t *teller) clause(s *step, whole *delivery) (all []string) {
	switch s.kind {
	case entered, called:
	case delivered:
		if why := t.why(s); why != "" {
			all = append(all, why)
		}
		if s.more > 0 {
			all = append(all, fmt.Sprintf("%d retries over %s had the same outcome", s.more+1, short(s.last-s.before.at)))
		}
	case ended:
		if s.delivery == whole {
			return nil
		}
		told := t.told(s.actor, s.delivery)
		if it, ok := strings.CutPrefix(told, "it "); ok {
			told = s.actor + " " + it
		} else if t.subject.Words[s.actor] == "" || !strings.HasPrefix(told, t.subject.Words[s.actor]) {
			told = s.actor + ": " + told
		}
		return []string{told}
	default:
		return []string{strings.TrimSuffix(strings.TrimSuffix(t.tell(s), " until an operator repaired it"), ",")}
	}
	return all
}

// statuses describes how each saga has ended.
func (t *teller) statuses() (all []string) {
	last := t.trace.Frames[len(t.trace.Frames)-1]
	for i, s := range t.trace.Sagas {
		status := last.Sagas[i].Status
		if status == "" {
			status = last.Sagas[i].Execution
		}
		if status == "" {
			status = "not there"
		}
		all = append(all, s.Name+" is "+status)
	}
	return all
}
