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
	Timeout time.Duration // of the state: a function's own must be shorter
}

// Tasks lists the functions, sorted by name.
func Tasks() []Task { return slices.Clone(tasks()) }

// tasks panics when the embedded definition is not what parse takes; a test parses it.
var tasks = sync.OnceValue(func() []Task {
	parsed, err := parse(definition)
	if err != nil {
		panic(err)
	}
	return parsed
})

func parse(definition string) ([]Task, error) {
	var machine struct {
		States map[string]struct {
			Type           string
			Resource       string
			TimeoutSeconds int
		}
	}
	if err := json.Unmarshal([]byte(definition), &machine); err != nil {
		return nil, fmt.Errorf("saga: %w", err)
	}
	var parsed []Task
	for name, state := range machine.States {
		if state.Type != "Task" {
			continue
		}
		if state.Resource != "${"+name+"}" || state.TimeoutSeconds <= 0 {
			return nil, fmt.Errorf("saga: state %s: resource %q, time-out %d s; "+
				"want the placeholder of its own name and more than 0", name, state.Resource, state.TimeoutSeconds)
		}
		parsed = append(parsed, Task{Name: name, Timeout: time.Duration(state.TimeoutSeconds) * time.Second})
	}
	slices.SortFunc(parsed, func(a, b Task) int { return strings.Compare(a.Name, b.Name) })
	return parsed, nil
}
