package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
	"tripsaga/trip/saga"
)

// Metrics counts events and deliveries. Its methods are safe for concurrent use, do not fail and do not block.
type Metrics interface {
	// Happened counts an event; reason is as in app.Observer. If ctx is that of a delivery, its step caused the event.
	Happened(ctx context.Context, what domain.EventType, reason string)
	// Delivered counts a delivery of a task that has ended.
	Delivered(ctx context.Context, d Delivery)
}

// Delivery is a delivery of a task that has ended.
type Delivery struct {
	Step      string
	TripID    string
	Execution string
	Attempt   int // 0 for the first
	Took      time.Duration
	Outcome   Outcome
	Error     string // the error's stable name, "" for a success
}

// Outcome is how a delivery ended.
type Outcome uint8

// The outcomes.
const (
	OK       Outcome = iota
	Business         // refused by a business rule or by the barrier: nothing an operator must act on
	Fault            // any other error: of the software, the deployment or a dependency
)

func (o Outcome) String() string { return [...]string{"ok", "business", "fault"}[o] }

// OutcomeOf classifies an error. StepCancelled is a conflict, but an expected one: the barrier refuses a late call whose
// step has already been compensated. Other conflicts and invalid input show that something is wrong.
func OutcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case fault.KindOf(err) == fault.Refused, fault.Is(err, fault.NameStepCancelled):
		return Business
	}
	return Fault
}

// Every value of a metric's dimension is a series, and CloudWatch bills each series. The values are therefore limited to
// the lists below; any other name is counted as Other.

// Other is the value of a dimension for every name that is not in its list.
const Other = "Other"

// Steps lists the values of the dimension Step: the saga's tasks, and Other.
func Steps() []string { return slices.Clone(known().steps) }

// Reasons lists the values of the dimension Reason: the errors that can end a saga, and Other.
func Reasons() []string { return slices.Clone(known().reasons) }

// Step returns the value of the dimension Step for a step's name.
func Step(name string) string { return bounded(name, known().steps) }

// Reason returns the value of the dimension Reason for an error's name.
func Reason(name string) string { return bounded(name, known().reasons) }

// UndoSteps lists those of [Steps] that compensate another.
func UndoSteps() []string { return slices.Clone(known().undo) }

// Compensations lists those of [Steps] that compensate a step of a booking.
func Compensations() []string { return slices.Clone(known().compensations) }

// Compensates reports whether ctx belongs to a delivery that compensates a step of a booking. The same functions give back
// what a cancelled trip holds, and are not counted then.
func Compensates(ctx context.Context) bool {
	d, _ := handlers.DeliveryOf(ctx)
	return saga.OfExecution(d.Execution) == saga.Booking()
}

// Undoes reports whether the step is one of [UndoSteps].
func Undoes(step string) bool { return slices.Contains(known().undo, step) }

var others = []string{
	fault.NameUnavailable, fault.NameInternal, fault.NameInvalid, fault.NameNotFound, fault.NameConflict,
	fault.NameIdempotencyMismatch, fault.NameStepCancelled,
	"States.Timeout", "States.TaskFailed", "States.Runtime", "States.DataLimitExceeded",
	"Lambda.Unknown", "Lambda.ServiceException", "Lambda.TooManyRequestsException", errorPanic,
	Other,
}

type lists struct{ steps, undo, compensations, reasons []string }

var known = sync.OnceValue(func() (s lists) {
	for _, t := range saga.Tasks() {
		s.steps = append(s.steps, t.Name)
		if t.GivesBack() {
			s.undo = append(s.undo, t.Name)
		}
		if t.Undo() {
			s.compensations = append(s.compensations, t.Name)
		}
	}
	s.steps = append(s.steps, Other)
	for _, t := range saga.Booking().Steps() {
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
