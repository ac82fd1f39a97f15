package lint

import (
	"fmt"
	"slices"

	"tripsaga/asl"
)

// caught are the ways out of a place by Catch. A catcher that nothing is left for is none.
func (s *survey) caught(i int) []edge {
	p := &s.places[i]
	var all []edge
	for n := range p.Catch {
		if errors := left(p.Catch[:n], p.Catch[n].Errors); len(errors) > 0 {
			path := catchPath(p, n)
			all = append(all, edge{from: i, to: s.index[p.Catch[n].Next], path: path, catch: true, errors: errors})
		}
	}
	return all
}

func catchPath(p *place, n int) string { return fmt.Sprintf("%s.Catch[%d]", p.Path, n) }

// left are those of names that no earlier catcher takes.
func left(earlier []asl.CatchInfo, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name == asl.ErrRuntime || slices.ContainsFunc(earlier, func(c asl.CatchInfo) bool { return takes(c.Errors, name) })
	})
}

// notTaskFailed are the names that stand for errors which States.TaskFailed does not match.
var notTaskFailed = []string{asl.ErrAll, asl.ErrTimeout, asl.ErrDataLimitExceeded, asl.ErrBranchFailed}

// takes tells whether a retrier or catcher for these errors takes every error that name stands for.
func takes(errors []string, name string) bool {
	for _, e := range errors {
		switch {
		case e == name, e == asl.ErrAll:
			return true
		case e == asl.ErrTimeout && name == asl.ErrHeartbeatTimeout:
			return true
		case e == asl.ErrTaskFailed && !slices.Contains(notTaskFailed, name):
			return true
		}
	}
	return false
}

// takesAll tells whether catchers leave no error that can be caught.
func takesAll(catch []asl.CatchInfo) bool {
	all, failed, timeout := false, false, false
	for _, c := range catch {
		all = all || slices.Contains(c.Errors, asl.ErrAll)
		failed = failed || slices.Contains(c.Errors, asl.ErrTaskFailed)
		timeout = timeout || slices.Contains(c.Errors, asl.ErrTimeout)
	}
	return all || failed && timeout
}
