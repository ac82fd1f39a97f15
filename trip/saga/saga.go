// Package saga is the booking saga: its definition in the Amazon States Language and the facts about its tasks that the
// rest derives from. The local engine interprets the definition, Step Functions runs the same bytes. Lint, exploration,
// trial, permissions, alarms, metrics and the timeline read the facts. It needs the standard library only.
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

	Compensation string   // the task that compensates this one; "" if its effect is never compensated
	Compensates  string   // the task that this one compensates; "" if it is not a compensation
	Record       string   // sort key of the trip's item that a step and its compensation write, such as "FLIGHT"; or ""
	Business     []string // errors by which a business rule refuses the step: it had no effect, and a retry cannot help
	Pivot        bool     // the last step with a compensation: what follows it is only retried
	Ends         bool     // records the end of the trip, and ends the saga
	Touches      []Access // what the task needs of the table
}

// Undo reports whether the task compensates another.
func (t Task) Undo() bool { return t.Compensates != "" }

// CallTimeout is the time-out of the task's function. It leaves a third of the state's time-out for the start of the
// function and the network: a call that outlives its state's time-out would continue unobserved.
func (t Task) CallTimeout() time.Duration { return (t.Timeout * 2 / 3).Truncate(time.Second) }

// Access is a set of operations on the table's items of some partitions.
type Access struct {
	Operations string // of the table: "get", "put" and "add", separated by spaces
	Partitions string // what the partition keys begin with, up to the "#", separated by spaces
}

// Final lists the errors that no retry can help, whichever task fails with them.
func Final() []string {
	return []string{"InvalidRequest", "IdempotencyMismatch", "StepCancelled", "NotFound", "Conflict"}
}

// touches has the tasks that need more than their trip's own items.
var touches = map[string][]Access{
	"ReserveFlight":  {{"get put add", "TRIP FLIGHT"}},
	"ReserveHotel":   {{"get put add", "TRIP HOTEL"}},
	"ProcessPayment": {{"get put", "TRIP BANK"}},
	"RefundPayment":  {{"get put", "TRIP BANK"}},
	"CancelHotel":    {{"get", "TRIP"}, {"put add", "TRIP HOTEL"}},
	"CancelFlight":   {{"get", "TRIP"}, {"put add", "TRIP FLIGHT"}},
}

// Tasks lists the functions, sorted by name.
func Tasks() []Task { return slices.Clone(tasks()) }

// Steps lists the tasks of a saga in which nothing fails, in order.
func Steps() []Task {
	var all []Task
	for _, name := range parsed().steps {
		all = append(all, Find(name))
	}
	return all
}

// Rollback lists the tasks that follow an unknown failure of the pivot, in order: the compensations of all steps, and the
// task that records the failure and ends the saga.
func Rollback() []Task {
	var all []Task
	for name := Find(Pivot()).Compensation; name != ""; name = After(name) {
		all = append(all, Find(name))
	}
	return all
}

// After is the state that follows the task if it does not fail; "" if it ends the saga.
func After(task string) string { return parsed().next[task] }

// Find is the task of this name; the zero Task if there is none.
func Find(name string) Task {
	for _, t := range tasks() {
		if t.Name == name {
			return t
		}
	}
	return Task{}
}

// Pivot is the name of the task after which nothing is compensated.
func Pivot() string {
	for _, t := range tasks() {
		if t.Pivot {
			return t.Name
		}
	}
	return ""
}

var (
	parsed = sync.OnceValue(func() result {
		r, err := parse(definition)
		if err != nil { // a test parses it
			panic(err)
		}
		return r
	})
	tasks = func() []Task { return parsed().tasks }
)

// result is what parse reads.
type result struct {
	tasks []Task            // sorted by name
	steps []string          // the names of those that a saga without a failure calls, in order
	next  map[string]string // the state after each task
}

// machine is what the tasks are read from.
type machine struct {
	StartAt string
	States  map[string]state
}

type state struct {
	Type           string
	Resource       string
	TimeoutSeconds int
	ResultPath     string
	Retry          []struct {
		ErrorEquals []string
		MaxAttempts *int
	}
	Next, Default string
	End           bool
	Choices       []struct{ Next string }
}

const compensationPath = "$.compensation."

// parse reads the tasks and the names of the steps.
//
// A compensation is recognised by where its result goes: $.compensation.hotel compensates the step whose result goes to
// a path that ends in .hotel. The arrows would say it, too, but the lint checks the arrows against these facts: derived
// from the arrows, they would excuse each arrow that leads to a wrong compensation.
func parse(definition string) (result, error) {
	var r result
	var m machine
	if err := json.Unmarshal([]byte(definition), &m); err != nil {
		return r, fmt.Errorf("saga: %w", err)
	}
	m.walk(m.StartAt, &r.steps)
	r.steps = slices.DeleteFunc(r.steps, func(name string) bool { return m.States[name].Type != "Task" })
	r.next = map[string]string{}
	for name, s := range m.States {
		if s.Type != "Task" {
			continue
		}
		if s.Resource != "${"+name+"}" || s.TimeoutSeconds <= 0 {
			return r, fmt.Errorf("saga: booking.asl.json: state %s: resource %q, time-out %d s; "+
				"want the placeholder of its own name and more than 0", name, s.Resource, s.TimeoutSeconds)
		}
		t := Task{
			Name: name, Timeout: time.Duration(s.TimeoutSeconds) * time.Second,
			Ends: s.End, Business: s.business(name), Touches: touches[name],
		}
		if t.Touches == nil {
			t.Touches = []Access{{"get put", "TRIP"}}
		}
		r.tasks, r.next[name] = append(r.tasks, t), s.Next
	}
	slices.SortFunc(r.tasks, func(a, b Task) int { return strings.Compare(a.Name, b.Name) })
	return r, m.pair(r.tasks, r.steps)
}

// business lists the errors that the state does not retry, without those that no task retries and its own end.
func (s state) business(name string) (errors []string) {
	for _, r := range s.Retry {
		if r.MaxAttempts != nil && *r.MaxAttempts == 0 {
			errors = append(errors, r.ErrorEquals...)
		}
	}
	return slices.DeleteFunc(errors, func(e string) bool { return e == name || slices.Contains(Final(), e) })
}

// pair finds the compensations, and by them the pivot. A task that only a failure leads to and that does not end the saga
// must be one.
func (m *machine) pair(all []Task, path []string) error {
	find := func(name string) *Task {
		return &all[slices.IndexFunc(all, func(t Task) bool { return t.Name == name })]
	}
	for i := range all {
		t := &all[i]
		what, is := strings.CutPrefix(m.States[t.Name].ResultPath, compensationPath)
		if !is {
			if !t.Ends && !slices.Contains(path, t.Name) {
				return fmt.Errorf("saga: booking.asl.json: only a failure leads to %s: its ResultPath must be %q "+
					"and the part of the trip that it compensates", t.Name, compensationPath)
			}
			continue
		}
		step := slices.IndexFunc(path, func(name string) bool { return strings.HasSuffix(m.States[name].ResultPath, "."+what) })
		if step < 0 || find(path[step]).Compensation != "" {
			return fmt.Errorf("saga: booking.asl.json: %s writes to %s%s: want the ResultPath of exactly one step to end in %q",
				t.Name, compensationPath, what, "."+what)
		}
		t.Compensates, t.Record = path[step], strings.ToUpper(what)
		find(path[step]).Compensation, find(path[step]).Record = t.Name, t.Record
	}
	for _, name := range slices.Backward(path) {
		if t := find(name); t.Compensation != "" {
			t.Pivot = true
			break
		}
	}
	return nil
}

// walk appends the states that name leads to without a failure, each once.
func (m *machine) walk(name string, path *[]string) {
	s, ok := m.States[name]
	if !ok || slices.Contains(*path, name) {
		return
	}
	*path = append(*path, name)
	m.walk(s.Next, path)
	m.walk(s.Default, path)
	for _, c := range s.Choices {
		m.walk(c.Next, path)
	}
}
