package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
)

// checkNumbers checks the fields that limit the exploration.
func (s *Saga) checkNumbers() error {
	if s.Depth < 0 || s.Depth > 2 {
		return fmt.Errorf("field Depth is %d; allowed are 1 for single faults, 2 for pairs as well, and 0 for the default; three faults are drawn by Triples", s.Depth)
	}
	for _, f := range []struct {
		name, zero string
		n          int
	}{{"Triples", "draws none", s.Triples}, {"OneIn", "plays all", s.OneIn}, {"Workers", "takes two a processor", s.Workers}} {
		if f.n < 0 {
			return fmt.Errorf("field %s is %d; allowed are 0, which %s, and more", f.name, f.n, f.zero)
		}
	}
	for _, f := range []struct {
		name, zero string
		d          time.Duration
	}{{"Budget", "is no limit", s.Budget}, {"Patience", "takes " + patience.String(), s.Patience}} {
		if f.d < 0 {
			return fmt.Errorf("field %s is %s; allowed are 0, which %s, and more", f.name, f.d, f.zero)
		}
	}
	return nil
}

// checkNames checks the fields that contain names, after the definition was read.
func (p *prepared) checkNames() error {
	for _, f := range []struct {
		field string
		names []string
	}{{"Optional", p.Optional}, {"Ends", p.Ends}, {"Statistics", p.Statistics}, {"Amounts", p.Amounts}} {
		for i, name := range f.names {
			switch {
			case name == "":
				return fmt.Errorf("field %s: the name at index %d is empty; leave it out", f.field, i)
			case slices.Contains(f.names[:i], name):
				return fmt.Errorf("field %s has %q twice; leave one out", f.field, name)
			}
		}
	}
	functions := p.machine.Functions()
	for _, name := range p.Optional {
		if !slices.Contains(functions, name) {
			return fmt.Errorf("field Optional: the definition calls no task %q, only %q", name, functions)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(p.Refusals)) {
		if err := checkCall(op); err != nil {
			return fmt.Errorf("field Refusals: %w", err)
		}
		if p.Refusals[op] == nil {
			return fmt.Errorf("field Refusals: %q has no error; it takes the one by which the provider refuses the call", op)
		}
	}
	return nil
}

// labelled are the names of operations that labels already use.
var labelled = []string{sim.Reply, "get", "query", "put", "journal", "notice", opRemote}

// checkCall checks the name of a provider call. A label consists of this name and an index.
func checkCall(op string) error {
	digits := "0123456789"
	const letters = "abcdefghijklmnopqrstuvwxyz"
	if slices.Contains(labelled, op) {
		return fmt.Errorf("a call is named %q; labels name something else so, take another name, such as %q", op, op+"-card")
	}
	if strings.Trim(op, letters+digits+"-_") != "" || strings.Trim(op[:min(1, len(op))], letters) != "" || op == "" || strings.ContainsAny(op[len(op)-1:], digits) {
		return fmt.Errorf(`a call is named %q; allowed are lower-case letters (a-z), digits, - and _, with a letter first and no digit last, such as "charge"`, op)
	}
	return nil
}

// checkTasks checks the tasks that Open has returned.
func (p *prepared) checkTasks(tasks map[string]engine.Task) error {
	functions := p.machine.Functions()
	if len(tasks) == 0 {
		return fmt.Errorf("field Open: it has returned no task; it must return those that the definition calls, %q", functions)
	}
	for _, name := range functions {
		task, ok := tasks[name]
		switch {
		case !ok && len(p.uncalled(tasks)) > 0:
			return fmt.Errorf("field Open: it has returned no task %q, which the definition calls, but %q, which it does not call: give it the name in the definition",
				name, p.uncalled(tasks))
		case !ok:
			return fmt.Errorf("field Open: it has returned no task %q, which the definition calls: add it", name)
		case task == nil:
			return fmt.Errorf("field Open: the task %q that it has returned is nil; it takes a function", name)
		}
	}
	return nil
}

// uncalled lists the tasks that the definition does not call.
func (p *prepared) uncalled(tasks map[string]engine.Task) []string {
	functions := p.machine.Functions()
	all := slices.Sorted(maps.Keys(tasks))
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(functions, name) })
}
