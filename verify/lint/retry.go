package lint

import (
	"fmt"
	"slices"
	"strings"

	"tripsaga/asl"
)

// leastRetries is how often a step that cannot be given up is retried at the least: with intervals that double from a
// second, the tenth retry comes after a quarter of an hour.
const leastRetries = 10

// checkRetry asks that nothing is retried in vain, and nothing that must succeed is given up soon.
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
				"%s is given up after %d retries of %s", p.Function, r.MaxAttempts, strings.Join(names, ", "))
		}
	}
	if !takesAll(all) {
		s.find(patience, p.Path, p.Name, advice, "%s is given up at the first error that no retrier takes", p.Function)
	}
}

func retryPath(p *place, n int) string { return fmt.Sprintf("%s.Retry[%d]", p.Path, n) }

// passingErrors are those that another attempt may not meet.
func (s *survey) passingErrors(p *place, names []string) []string {
	final := append(s.finalErrors(p, true), asl.ErrRuntime)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(final, name) })
}

// finalErrors are those of p that a retry cannot help: the ones of the options, the step's known outcomes, and the own
// name of a recording that the saga has failed.
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

// checkFinal looks, for each final error, at the first retrier that takes it, which decides.
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
