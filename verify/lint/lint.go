// Package lint analyses the definition of a saga statically and finds what makes it unsafe: an effect that a failure
// leaves uncompensated, a compensation that is abandoned, a final error that is retried. The command tripsaga verify
// calls it before it explores anything; a test can call it with its own saga.
//
// A task is identified by the function that its state calls, and [Options] give its role in the saga. [Check] follows all
// paths, through loops, Choice, Parallel and Map states. At each state it computes which effects may exist uncompensated: a
// step that failed with an unknown outcome may have taken effect. It does not evaluate the rules of a Choice, so a finding may
// be on a path that the data exclude.
//
// Not covered: States.Runtime, which no state can catch (a path that matches nothing in the input); what the handlers
// do; and whether a step after its own compensation would be refused. What the lint cannot analyse is a finding of the
// rule not-followed.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tripsaga/asl"
)

// Options describe the role of each task in the saga. A task is named by the function that its state calls.
type Options struct {
	// Undo maps each task to the task that compensates it. An empty name means that the task has no effect that a failed
	// saga must compensate.
	Undo map[string]string
	// Pivot is the task after which nothing may be compensated. Without a pivot, an execution counts as successful if it
	// ends without having left a task of Undo by a Catch.
	Pivot string
	// Record lists the tasks that record the end. A task that fails with its own name as the error has recorded the end first.
	Record []string
	// Final lists the errors that a retry cannot cure.
	Final []string
	// Known lists, for each task, the errors after which it certainly had no effect: they may skip its own compensation.
	Known map[string][]string
	// Timeouts maps functions to their time-outs; functions not listed are not checked.
	Timeouts map[string]time.Duration
}

// Finding is one unsafe place of a definition.
type Finding struct {
	Path    string `json:"path"`    // JSON path, such as $.States.ReserveHotel.Catch[1]
	State   string `json:"state"`   // the state at Path; "" for the definition as a whole
	Rule    string `json:"rule"`    // one of the names of Rules
	Problem string `json:"problem"` // what can happen
	Advice  string `json:"advice"`  // what to change
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s; %s", f.Path, f.Rule, f.Problem, f.Advice)
}

// Check returns the findings for a definition, sorted by path. The error is the [*asl.DefinitionError] of asl.Parse: a
// definition that does not parse, for example because of an unreachable state, is not checked.
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

// find adds a finding at path, which belongs to state.
func (s *survey) find(rule, path, state, advice, format string, args ...any) {
	s.findings = append(s.findings, Finding{
		Path: path, State: state, Rule: rule, Problem: fmt.Sprintf(format, args...), Advice: advice,
	})
}

// Rule is a condition that Check verifies.
type Rule struct {
	Name  string
	Means string
}

const (
	ownUndo         = "own-undo"
	earlierUndo     = "earlier-undo"
	catchAll        = "catch-all"
	knownFirst      = "known-first"
	undoAfterPivot  = "undo-after-pivot"
	wayForward      = "way-forward"
	patience        = "patience"
	finalRetried    = "final-retried"
	unrecorded      = "unrecorded"
	noTimeout       = "timeout"
	functionTimeout = "function-timeout"
	heartbeat       = "heartbeat"
	machineTimeout  = "machine-timeout"
	deadCatch       = "dead-catch"
	unreachable     = "unreachable"
	endless         = "endless"
	notCalled       = "not-called"
	unknownTask     = "unknown-task"
	notFollowed     = "not-followed"
	roundAgain      = "round-again"
	doAfterUndo     = "do-after-undo"
)

var rules = []Rule{
	{ownUndo, "A step that failed with an unknown outcome reaches its own undo before the saga ends."},
	{earlierUndo, "What earlier steps did is undone on every path on which the saga ends as failed."},
	{catchAll, "While something is to be undone, no error leaves a state uncaught, but for those of undo steps and of steps " +
		"after the pivot, which stop there to be redriven."},
	{knownFirst, "Errors after which a step had no effect are caught by name, before States.ALL."},
	{undoAfterPivot, "After the pivot nothing leads to an undo."},
	{wayForward, "A Catch after the pivot leads to the same end as the step's success."},
	{patience, "An undo, a step after the pivot and a recording of the end are retried for long, whatever the error."},
	{finalRetried, "An error that a retry cannot help is not retried."},
	{unrecorded, "Every end has been recorded."},
	{noTimeout, "Every task has TimeoutSeconds in the definition."},
	{functionTimeout, "A function's time-out is shorter than its task's TimeoutSeconds."},
	{heartbeat, "Without a callback, HeartbeatSeconds is longer than the function's time-out, as a Lambda function sends no heartbeat."},
	{machineTimeout, "TimeoutSeconds of the machine is longer than its longest path: an execution that times out is never " +
		"compensated."},
	{deadCatch, "Every catcher can match: the ones before it do not match all of its errors."},
	{unreachable, "Every state can be reached."},
	{endless, "From every state the execution can end."},
	{roundAgain, "No loop runs for ever when nothing fails."},
	{doAfterUndo, "After an undo nothing leads to a step that it would refuse: a step that was undone is never done again."},
	{notCalled, "Every task that the options name is called by a state."},
	{unknownTask, "The options say of every task what it is to the saga."},
	{notFollowed, "The definition has nothing that the lint cannot follow."},
}

// Rules lists the rules that Check verifies.
func Rules() []Rule { return slices.Clone(rules) }
