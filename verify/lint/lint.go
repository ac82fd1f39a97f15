package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tripsaga/asl"
)

// Options tell what the tasks are to the saga. A task is named by the function that its state calls.
type Options struct {
	// Undo names, for each task with an effect that a failed saga must take back, the task that does so. An empty name
	// says that the task has no such effect.
	Undo map[string]string
	// Pivot is the task after which nothing may be undone. Without one, a saga succeeds where it ends well without
	// having left a task of Undo by Catch.
	Pivot string
	// Record are the tasks that record the end. One whose error is its own name has recorded before it fails.
	Record []string
	// Final are the errors that a retry cannot help.
	Final []string
	// Known are, for a task, the errors after which it certainly had no effect: those may skip its own undo.
	Known map[string][]string
	// Timeouts are those of the functions; a function that is not named is not checked.
	Timeouts map[string]time.Duration
}

// Finding is one place of a definition that is not safe.
type Finding struct {
	Path    string `json:"path"`    // JSON path, such as $.States.ReserveHotel.Catch[1]
	State   string `json:"state"`   // whose place it is; "" when it is the definition as a whole
	Rule    string `json:"rule"`    // one of the names of Rules
	Problem string `json:"problem"` // what can happen
	Advice  string `json:"advice"`  // what to change
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s; %s", f.Path, f.Rule, f.Problem, f.Advice)
}

// Check finds what is unsafe in a definition, in the order of the paths. The error is asl.Parse's [*asl.DefinitionError]:
// what does not parse, states that nothing leads to included, is not looked at.
func Check(definition []byte, opt Options) ([]Finding, error) {
	machine, err := asl.Parse(definition)
	if err != nil {
		return nil, err
	}
	s := newSurvey(machine, definition, opt)
	s.checkTasks()
	s.checkShape()
	s.checkRounds()
	s.checkForks()
	s.checkEffects()
	s.checkKnown()
	s.checkPivot()
	s.checkRecord()
	s.checkRetry()
	s.checkTimeouts()
	s.checkMachineTimeout()
	slices.SortFunc(s.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(s.findings), nil
}

// find notes a finding at path, which belongs to state.
func (s *survey) find(rule, path, state, advice, format string, args ...any) {
	s.findings = append(s.findings, Finding{
		Path: path, State: state, Rule: rule, Problem: fmt.Sprintf(format, args...), Advice: advice,
	})
}
