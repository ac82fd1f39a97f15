package production

import (
	"testing"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/verify/play"
)

// TestScenarios runs every scenario with the saga's functions as processes, in the engine's virtual time.
func TestScenarios(t *testing.T) {
	play.Run(t, "../../../tests/scenarios", func(t *testing.T, env play.Env) play.System {
		w := open(t, production.Options{Scheduler: env.Scheduler, Seed: env.Seed, WrapTasks: env.WrapTasks, Interfere: bounded})
		w.app.Random = env.Random
		return play.System{App: w.app, Engine: w.Engine, Table: w.Table}
	})
}

// bounded ends the test when the listener fails for ever: in virtual time that has no end.
func bounded(i rie.Invocation) rie.Fault {
	if i.Function == functions.ExecutionListener && i.N > 20 {
		panic("the listener on the sagas' ends was called 20 times, and fails: " + string(i.Payload))
	}
	return rie.None
}
