package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/asl"
)

// checkKnown requires a catcher by name for each of a step's known errors.
func (s *survey) checkKnown() {
	for i := range s.places {
		p := &s.places[i]
		if p.Type != "Task" || s.opt.Undo[p.Function] == "" {
			continue
		}
		for _, name := range s.opt.Known[p.Function] {
			if !slices.ContainsFunc(p.out, func(e edge) bool { return e.catch && slices.Contains(e.errors, name) }) {
				s.find(knownFirst, s.takenAt(p, name), p.Name, "catch "+name+" by name, before States.ALL",
					"%s, after which there is nothing to undo, is not told apart from errors of unknown outcome", name)
			}
		}
	}
}

// takenAt returns the path of the catcher that matches an error, or p's path if no catcher does.
func (s *survey) takenAt(p *place, name string) string {
	for n := range p.Catch {
		if takes(p.Catch[n].Errors, name) {
			return catchPath(p, n)
		}
	}
	return p.Path
}

// checkTasks compares the tasks of the options with those of the definition.
func (s *survey) checkTasks() {
	named := map[string]bool{s.opt.Pivot: true}
	for do, undo := range s.opt.Undo {
		named[do], named[undo] = true, true
	}
	for _, task := range s.opt.Record {
		named[task] = true
	}
	called := map[string]bool{"": true}
	for i := range s.places {
		p := &s.places[i]
		called[p.Function] = true
		switch {
		case p.Type != "Task" || p.Function != "" && named[p.Function]:
		case p.Function == "":
			s.find(notFollowed, p.Path, p.Name, "name the function in the definition",
				"which function it calls is known only when it runs")
		default:
			s.find(unknownTask, p.Path, p.Name, "name it in the options: with its undo, or with an empty one when it has no effect",
				"the options do not say whether %s has an effect that must be compensated", p.Function)
		}
	}
	for _, task := range slices.Sorted(maps.Keys(named)) {
		if !called[task] {
			s.find(notCalled, "$.States", "", "call it, or remove it from the options", "no state calls %s", task)
		}
	}
}

// leastRetries is the minimum number of retries of a step that must not be abandoned. With intervals that double from one
// second, the tenth retry is a quarter of an hour after the first failure.
const leastRetries = 10

// checkRetry requires that final errors are not retried, and that what must succeed is retried often enough.
func (s *survey) checkRetry() {
	for i := range s.places {
		p := &s.places[i]
		s.checkFinal(p, s.unwon[i])
		if p.Type == "Task" && (s.afterPivot(i) || s.undoes(p.Function) || s.records(p)) {
			s.checkPatience(p)
		}
	}
}

func (s *survey) checkPatience(p *place) {
	advice := fmt.Sprintf("retry States.ALL at least %d times; when its retries end, the execution stops here to be redriven",
		leastRetries)
	var all []asl.CatchInfo
	for n, r := range p.Retry {
		all = append(all, asl.CatchInfo{Errors: r.Errors})
		if names := s.passingErrors(p, r.Errors); len(names) > 0 && r.MaxAttempts < leastRetries {
			s.find(patience, retryPath(p, n), p.Name, advice,
				"%s gives up after %d retries of %s", p.Function, r.MaxAttempts, strings.Join(names, ", "))
		}
	}
	if !takesAll(all) {
		s.find(patience, p.Path, p.Name, advice, "%s gives up at the first error that no retrier matches", p.Function)
	}
}

func retryPath(p *place, n int) string { return fmt.Sprintf("%s.Retry[%d]", p.Path, n) }

// passingErrors returns the errors that a retry may cure.
func (s *survey) passingErrors(p *place, names []string) []string {
	final := append(s.finalErrors(p, true), asl.ErrRuntime)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(final, name) })
}

// finalErrors returns the errors of p that a retry cannot cure: Options.Final, the step's known errors and, once the saga has
// failed, the error that has a recording task's own name.
func (s *survey) finalErrors(p *place, failed bool) []string {
	all := slices.Concat(s.opt.Final, s.opt.Known[p.Function])
	if failed && s.records(p) {
		all = append(all, p.Function)
	}
	for _, i := range p.inside {
		all = append(all, s.opt.Known[s.places[i].Function]...)
	}
	return all
}

// checkFinal requires, for each final error, that the first retrier that matches it has MaxAttempts 0. Later retriers are
// never consulted for that error.
func (s *survey) checkFinal(p *place, failed bool) {
	retried := map[int][]string{}
	for _, name := range s.finalErrors(p, failed) {
		n := slices.IndexFunc(p.Retry, func(r asl.RetryInfo) bool {
			return takes(r.Errors, name) || len(p.inside) > 0 && slices.Contains(r.Errors, asl.ErrBranchFailed)
		})
		if n >= 0 && p.Retry[n].MaxAttempts > 0 && !slices.Contains(retried[n], name) {
			retried[n] = append(retried[n], name)
		}
	}
	for n, names := range retried {
		s.find(finalRetried, retryPath(p, n), p.Name, "put them into a retrier before it, with MaxAttempts 0",
			"retries what a retry cannot help: %s", strings.Join(names, ", "))
	}
}
