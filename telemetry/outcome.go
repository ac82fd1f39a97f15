package telemetry

import (
	"tripsaga/shared/fault"
)

// Outcome is how a delivery ended.
type Outcome uint8

// The outcomes.
const (
	OK       Outcome = iota
	Business         // the rules of the business said no, or the barrier did its work: nothing for operators
	Fault            // anything else: of the software, the deployment, or what it depends on
)

func (o Outcome) String() string { return [...]string{"ok", "business", "fault"}[o] }

// outcomeOf sorts an error. StepCancelled is expected though it is a conflict: a delivery that comes after its own
// cancellation is refused. The other conflicts, and input that no task can take, tell that something is wrong.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case fault.KindOf(err) == fault.Refused, fault.Is(err, fault.NameStepCancelled):
		return Business
	}
	return Fault
}
