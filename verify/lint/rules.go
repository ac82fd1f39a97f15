package lint

import "slices"

// Rule is one thing that Check looks for.
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
	{heartbeat, "HeartbeatSeconds is longer than the function's time-out, as a Lambda function sends no heartbeat."},
	{machineTimeout, "TimeoutSeconds of the machine is longer than its longest path: an execution that times out is never " +
		"compensated."},
	{deadCatch, "Every catcher can match: the ones before it do not take all of its errors."},
	{unreachable, "Every state can be reached."},
	{endless, "From every state the execution can end."},
	{roundAgain, "No way goes round for ever when nothing fails."},
	{doAfterUndo, "After an undo nothing leads to a step that it would refuse: a step that was undone is never done again."},
	{notCalled, "Every task that the options name is called by a state."},
	{unknownTask, "The options say of every task what it is to the saga."},
	{notFollowed, "Nothing stands in the definition that the lint cannot follow."},
}

// Rules lists what Check looks for.
func Rules() []Rule { return slices.Clone(rules) }
