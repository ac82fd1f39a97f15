package production

import (
	"testing"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/trip/saga"
	"tripsaga/verify/play"
	"tripsaga/verify/play/playtest"
)

// TestScenarios plays every script with the saga's functions as processes, in the engine's virtual time.
func TestScenarios(t *testing.T) {
	playtest.Run(t, "../../../tests/scenarios", func(t *testing.T, s *play.Stage) play.System {
		w := open(t, production.Options{Scheduler: s.Scheduler, Seed: s.Seed, WrapTasks: s.WrapTasks, Interfere: bounded})
		w.app.Random = s.Random
		return play.System{App: w.app, Engine: w.Engine, Cancellations: w.Engines[saga.Cancellation().Name()], Table: w.Table}
	})
}

// bounded ends the test when the listener always fails: in virtual time it would be retried without end.
func bounded(i rie.Invocation) rie.Fault {
	if i.Function == functions.ExecutionListener && i.N > 20 {
		panic("the listener on the sagas' ends was called 20 times, and fails: " + string(i.Payload))
	}
	return rie.None
}
