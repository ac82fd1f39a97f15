package asl

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse holds that no definition makes Parse panic, and that what it accepts describes itself, is drawn, and runs
// some steps with random replies without a panic, the same way twice.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/run/*.txtar", "testdata/refused/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			seedFuzz(f, path)
		}
	}
	f.Fuzz(func(t *testing.T, definition, input []byte, seed uint64) {
		m, err := Parse(definition)
		var e *DefinitionError
		if err != nil {
			if !errors.As(err, &e) || len(e.Problems) == 0 || e.Error() == "" {
				t.Fatalf("error %v, want a DefinitionError with problems", err)
			}
			return
		}
		again, err := Parse(definition)
		if err != nil || len(m.States()) == 0 || describeStates(m) != describeStates(again) {
			t.Fatalf("the machine does not describe itself, or not the same way twice: %v", err)
		}
		if a, b := wander(t, m, input, seed), wander(t, m, input, seed); string(a) != string(b) {
			t.Fatalf("two runs differ:\n%s\n%s", a, b)
		}
	})
}

func seedFuzz(f *testing.F, path string) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		f.Fatal(err)
	}
	input := []byte("{}")
	var machine []byte
	for _, file := range a.Files {
		switch file.Name {
		case "machine.json":
			machine = file.Data
		case "input.json":
			input = file.Data
		}
	}
	f.Add(machine, input, uint64(len(machine)))
}

// wander drives m for some steps with events drawn from seed, and gives the history.
func wander(t *testing.T, m *Machine, input []byte, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	var history []HistoryEvent
	rec := func(e HistoryEvent) { history = append(history, e) }
	now := epoch
	x, effects, err := Step(m, nil, Event{Started: &Started{Input: input, Seed: seed}}, now, rec)
	if err != nil {
		t.Fatal(err)
	}
	var waiting []Event
	for range 40 {
		for _, e := range effects {
			waiting = append(waiting, replies(e, random)...)
		}
		if len(waiting) == 0 || len(history) > 2000 {
			break
		}
		i := random.IntN(len(waiting))
		now = now.Add(time.Second)
		wanted := x.Wants(waiting[i])
		x, effects, err = Step(m, x, waiting[i], now, rec)
		if err != nil || !wanted && len(effects) > 0 {
			t.Fatalf("step: %v, wanted %v, effects %v", err, wanted, effects)
		}
	}
	data, err := json.Marshal(history)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// replies are events that may follow an effect, stale ones among them.
func replies(e Effect, random *rand.Rand) []Event {
	switch {
	case e.StartTask != nil:
		id := e.StartTask.Task
		switch random.IntN(3) {
		case 0:
			return []Event{{Failed: &TaskFailed{Task: id, Error: "E", Cause: "c"}}}
		case 1:
			return []Event{{Heartbeat: &TaskHeartbeat{Task: id}}, {Succeeded: &TaskSucceeded{Task: id, Output: []byte("{")}}}
		}
		reply := Event{Submitted: &TaskSubmitted{Task: id, Output: e.StartTask.Input}} // stale but of a callback task
		return []Event{reply, {Succeeded: &TaskSucceeded{Task: id, Output: e.StartTask.Input}}, reply}
	case e.SetTimer != nil:
		return []Event{{Fired: &TimerFired{Timer: e.SetTimer.Timer}}}
	case e.Ended != nil && e.Ended.Status != Succeeded:
		return []Event{{Redriven: &Redriven{}}, {Stopped: &Stopped{}}}
	}
	return nil
}
