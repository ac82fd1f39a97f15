package telemetry

import (
	"slices"
	"sync"

	"tripsaga/shared/fault"
	"tripsaga/trip/saga"
)

// Each value of a metric's dimension is a series that is paid for. The values are therefore those of these lists, and
// whatever else turns up is Other.

// Other stands for every name that a dimension does not have.
const Other = "Other"

// Steps lists the values of the dimension Step: the saga's tasks, and Other.
func Steps() []string { return slices.Clone(known().steps) }

// Reasons lists the values of the dimension Reason: the errors that can end a saga, and Other.
func Reasons() []string { return slices.Clone(known().reasons) }

// Step is the step's value of the dimension.
func Step(name string) string { return bounded(name, known().steps) }

// Reason is the reason's value of the dimension.
func Reason(name string) string { return bounded(name, known().reasons) }

// UndoSteps lists those of [Steps] that take back what another did.
func UndoSteps() []string { return slices.Clone(known().undo) }

// Undoes tells whether the step is one of [UndoSteps].
func Undoes(step string) bool { return slices.Contains(known().undo, step) }

var others = []string{
	fault.NameUnavailable, fault.NameInternal, fault.NameInvalid, fault.NameNotFound, fault.NameConflict,
	fault.NameIdempotencyMismatch, fault.NameStepCancelled,
	"States.Timeout", "States.TaskFailed", "States.Runtime", "States.DataLimitExceeded",
	"Lambda.Unknown", "Lambda.ServiceException", "Lambda.TooManyRequestsException", errorPanic,
	Other,
}

type lists struct{ steps, undo, reasons []string }

var known = sync.OnceValue(func() (s lists) {
	for _, t := range saga.Tasks() {
		s.steps = append(s.steps, t.Name)
		if t.Undo() {
			s.undo = append(s.undo, t.Name)
		}
	}
	s.steps = append(s.steps, Other)
	for _, t := range saga.Steps() {
		s.reasons = append(s.reasons, t.Business...)
	}
	s.reasons = append(s.reasons, others...)
	return s
})

func bounded(name string, values []string) string {
	if slices.Contains(values, name) {
		return name
	}
	return Other
}
