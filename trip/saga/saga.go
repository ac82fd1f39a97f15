// Package saga is the definition of the booking saga in the Amazon States Language: the one file that the local engine
// interprets, that Step Functions runs, and that the tests, the diagram and the deployment read their tasks from.
package saga

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed booking.asl.json
var definition string

// Definition is the state machine's definition, byte for byte. A task's Resource is a placeholder, "${ReserveFlight}",
// for which a deployment substitutes the function's ARN.
func Definition() []byte { return []byte(definition) }

// Task is one function that the saga calls.
type Task struct {
	Name    string        // of the function, and of the state that calls it
	Timeout time.Duration // of the state, for one attempt
	Undo    bool          // takes back what another task did: only a failure leads to it, and it does not end the saga
}

// CallTimeout is the time-out of the task's function. It leaves a third of the state's time-out for the start of the
// function and the network: a call that outlives its state's time-out would continue unobserved.
func (t Task) CallTimeout() time.Duration { return (t.Timeout * 2 / 3).Truncate(time.Second) }

// Tasks lists the functions, sorted by name.
func Tasks() []Task { return slices.Clone(tasks()) }

// tasks panics when the embedded definition is not what parse takes; a test parses it.
var tasks = sync.OnceValue(func() []Task {
	all, err := parse(definition)
	if err != nil {
		panic(err)
	}
	return all
})

// parsed is what the tasks are read from.
type parsed struct {
	StartAt string
	States  map[string]parsedState
}

type parsedState struct {
	Type           string
	Resource       string
	TimeoutSeconds int
	Next, Default  string
	Choices        []struct{ Next string }
}

func parse(definition string) ([]Task, error) {
	var machine parsed
	if err := json.Unmarshal([]byte(definition), &machine); err != nil {
		return nil, fmt.Errorf("saga: %w", err)
	}
	forward := map[string]bool{}
	machine.walk(machine.StartAt, forward)
	var all []Task
	for name, state := range machine.States {
		if state.Type != "Task" {
			continue
		}
		if state.Resource != "${"+name+"}" || state.TimeoutSeconds <= 0 {
			return nil, fmt.Errorf("saga: state %s: resource %q, time-out %d s; "+
				"want the placeholder of its own name and more than 0", name, state.Resource, state.TimeoutSeconds)
		}
		all = append(all, Task{
			Name: name, Timeout: time.Duration(state.TimeoutSeconds) * time.Second, Undo: !forward[name] && state.Next != "",
		})
	}
	slices.SortFunc(all, func(a, b Task) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// walk marks the states that name leads to without a failure.
func (m *parsed) walk(name string, seen map[string]bool) {
	state, ok := m.States[name]
	if !ok || seen[name] {
		return
	}
	seen[name] = true
	m.walk(state.Next, seen)
	m.walk(state.Default, seen)
	for _, c := range state.Choices {
		m.walk(c.Next, seen)
	}
}
