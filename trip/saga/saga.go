// Package saga contains the sagas of a trip: their definitions in the Amazon States Language and facts about their tasks, which
// are derived from the definitions. The local engine interprets a definition; Step Functions runs the same bytes. Lint,
// exploration, trial, permissions, alarms, metrics and the timeline use the facts. The package needs only the standard library.
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
var booking string

//go:embed cancellation.asl.json
var cancellation string

// Saga is one saga: its definition and its tasks. It is immutable.
type Saga struct {
	name, definition string
	tasks            []Task            // sorted by name
	steps            []string          // the names of the tasks that a saga without a failure calls, in order
	next             map[string]string // the state after each task
}

// all returns every saga. If two sagas call the same function, the facts of the first one apply.
var all = sync.OnceValue(func() []*Saga {
	var sagas []*Saga
	for _, s := range []struct{ name, definition string }{{"booking", booking}, {"cancellation", cancellation}} {
		parsed, err := parse(s.name, s.definition)
		if err != nil { // a test parses it
			panic(err)
		}
		sagas = append(sagas, parsed)
	}
	return sagas
})

// All returns all sagas.
func All() []*Saga { return slices.Clone(all()) }

// Named returns the saga with this name; nil if it does not exist.
func Named(name string) *Saga {
	for _, s := range all() {
		if s.name == name {
			return s
		}
	}
	return nil
}

// OfExecution returns the saga of an execution, by its ARN: the name of a state machine is that of its saga, or ends in a
// hyphen and that name. Any other machine belongs to the booking: in a deployment its name ends in the name of a stage, which
// is not the name of a saga.
func OfExecution(arn string) *Saga {
	machine := ""
	if parts := strings.Split(arn, ":"); len(parts) > 6 {
		machine = parts[6]
	}
	for _, s := range all() {
		if machine == s.name || strings.HasSuffix(machine, "-"+s.name) {
			return s
		}
	}
	return Booking()
}

// Booking returns the saga that books a trip.
func Booking() *Saga { return all()[0] }

// Cancellation returns the saga that cancels a confirmed trip.
func Cancellation() *Saga { return all()[1] }

// Name returns the saga's name, which is also that of its state machine.
func (s *Saga) Name() string { return s.name }

// Definition returns the state machine's definition, byte for byte. A task's Resource is a placeholder, "${ReserveFlight}",
// which a deployment replaces by the function's ARN.
func (s *Saga) Definition() []byte { return []byte(s.definition) }

// Task is one function that the saga calls.
type Task struct {
	Name    string        // of the function, and of the state that calls it
	Timeout time.Duration // of the state, for one attempt

	Compensation string   // the task that compensates this one; "" if its effect is never compensated
	Compensates  string   // the task that this one compensates; "" if it is not a compensation
	Record       string   // sort key of the trip's item that a step, its compensation or its cancellation write, such as "FLIGHT"; or ""
	Business     []string // errors with which a business rule refuses the step: it had no effect, and a retry does not help
	Pivot        bool     // the last step with a compensation: what follows it is only retried
	Ends         bool     // records the end of the trip, and ends the saga
	Fails        bool     // each call ends with an error that has the task's own name, which ends a failed saga
	Touches      []Access // what the task needs of the table
}

// Undo reports whether the task compensates another.
func (t Task) Undo() bool { return t.Compensates != "" }

// GivesBack reports whether the task releases what a step holds: it compensates the step, or cancels it later.
func (t Task) GivesBack() bool { return t.Record != "" && t.Compensation == "" }

// CallTimeout returns the time-out of the task's function. It leaves a third of the state's time-out for the start of the
// function and the network: a call that outlives its state's time-out would continue unobserved.
func (t Task) CallTimeout() time.Duration { return (t.Timeout * 2 / 3).Truncate(time.Second) }

// Access is a set of operations on the table's items of some partitions.
type Access struct {
	Operations string // of the table: "get", "put" and "add", separated by spaces
	Partitions string // prefixes of the partition keys, up to the "#", separated by spaces
}

// Final lists the errors for which a retry does not help, whichever task fails with them.
func Final() []string {
	return []string{"InvalidRequest", "IdempotencyMismatch", "StepCancelled", "NotFound", "Conflict"}
}

// touches lists the tasks that need more than their trip's own items.
var touches = map[string][]Access{
	"ReserveFlight":  {{"get put add", "TRIP FLIGHT"}},
	"ReserveHotel":   {{"get put add", "TRIP HOTEL"}},
	"ProcessPayment": {{"get put", "TRIP BANK"}},
	"RefundPayment":  {{"get put", "TRIP BANK"}},
	"CancelHotel":    {{"get", "TRIP"}, {"put add", "TRIP HOTEL"}},
	"CancelFlight":   {{"get", "TRIP"}, {"put add", "TRIP FLIGHT"}},
	"RefundBooking":  {{"get put", "TRIP BANK"}},
}

// functions returns the tasks of all sagas, sorted by name. A function that several sagas call is included once, see all.
var functions = sync.OnceValue(func() []Task {
	var union []Task
	for _, s := range all() {
		union = slices.Concat(union, slices.DeleteFunc(s.Tasks(), func(t Task) bool { return find(union, t.Name).Name != "" }))
	}
	slices.SortFunc(union, byName)
	return union
})

// Tasks lists the functions of all sagas, sorted by name, each once.
func Tasks() []Task { return slices.Clone(functions()) }

// Find returns the function with this name, of any saga; the zero Task if it does not exist.
func Find(name string) Task { return find(functions(), name) }

// Tasks lists the functions that the saga calls, sorted by name.
func (s *Saga) Tasks() []Task { return slices.Clone(s.tasks) }

// Find returns the saga's task with this name; the zero Task if it does not exist.
func (s *Saga) Find(name string) Task { return find(s.tasks, name) }

// Steps lists the tasks of a saga in which nothing fails, in order.
func (s *Saga) Steps() []Task {
	var steps []Task
	for _, name := range s.steps {
		steps = append(steps, s.Find(name))
	}
	return steps
}

// Rollback lists the tasks that follow an unknown failure of the pivot, in order: the compensations of all steps, and the
// task that records the failure and ends the saga. It is empty if the saga has no pivot.
func (s *Saga) Rollback() []Task {
	var back []Task
	for name := s.Find(s.Pivot()).Compensation; name != ""; name = s.After(name) {
		back = append(back, s.Find(name))
	}
	return back
}

// After returns the state that follows the task if it does not fail; "" if it ends the saga.
func (s *Saga) After(task string) string { return s.next[task] }

// Pivot returns the name of the task after which nothing is compensated; "" if the saga has no compensations.
func (s *Saga) Pivot() string {
	for _, t := range s.tasks {
		if t.Pivot {
			return t.Name
		}
	}
	return ""
}

func find(tasks []Task, name string) Task {
	for _, t := range tasks {
		if t.Name == name {
			return t
		}
	}
	return Task{}
}

func byName(a, b Task) int { return strings.Compare(a.Name, b.Name) }

// machine is the part of a definition from which the tasks are derived.
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

const compensationPath, cancelledPath = "$.compensation.", "$.cancelled."

// parse reads the tasks and the names of the steps.
//
// A compensation is recognised by its ResultPath: $.compensation.hotel compensates the step whose ResultPath ends in .hotel.
// The transitions would show it as well, but the lint checks the transitions against these facts: if they were derived from the
// transitions, a transition to a wrong compensation would not be found.
func parse(name, definition string) (*Saga, error) {
	r := &Saga{name: name, definition: definition, next: map[string]string{}}
	var m machine
	if err := json.Unmarshal([]byte(definition), &m); err != nil {
		return nil, fmt.Errorf("saga: %s: %w", r.file(), err)
	}
	m.walk(m.StartAt, &r.steps)
	r.steps = slices.DeleteFunc(r.steps, func(name string) bool { return m.States[name].Type != "Task" })
	for name, s := range m.States {
		if s.Type != "Task" {
			continue
		}
		if s.Resource != "${"+name+"}" || s.TimeoutSeconds <= 0 {
			return nil, fmt.Errorf("saga: %s: state %s: resource %q, time-out %d s; "+
				"want the placeholder of its own name and more than 0", r.file(), name, s.Resource, s.TimeoutSeconds)
		}
		t := Task{
			Name: name, Timeout: time.Duration(s.TimeoutSeconds) * time.Second,
			Ends: s.End, Fails: slices.Contains(s.unretried(), name), Business: s.business(name), Touches: touches[name],
		}
		if what, is := strings.CutPrefix(s.ResultPath, cancelledPath); is {
			t.Record = strings.ToUpper(what)
		}
		if t.Touches == nil {
			t.Touches = []Access{{"get put", "TRIP"}}
		}
		r.tasks, r.next[name] = append(r.tasks, t), s.Next
	}
	slices.SortFunc(r.tasks, byName)
	return r, r.pair(m)
}

func (s *Saga) file() string { return s.name + ".asl.json" }

// business lists the errors that the state does not retry, without those that no task retries and its own end.
func (s state) business(name string) (errors []string) {
	return slices.DeleteFunc(s.unretried(), func(e string) bool { return e == name || slices.Contains(Final(), e) })
}

// unretried lists the errors that the state does not retry.
func (s state) unretried() (errors []string) {
	for _, r := range s.Retry {
		if r.MaxAttempts != nil && *r.MaxAttempts == 0 {
			errors = append(errors, r.ErrorEquals...)
		}
	}
	return errors
}

// pair finds the compensations, and by them the pivot. A task that only a failure leads to and that does not end the saga
// must be one.
func (s *Saga) pair(m machine) error {
	find := func(name string) *Task {
		return &s.tasks[slices.IndexFunc(s.tasks, func(t Task) bool { return t.Name == name })]
	}
	for i := range s.tasks {
		t := &s.tasks[i]
		what, is := strings.CutPrefix(m.States[t.Name].ResultPath, compensationPath)
		if !is {
			if !t.Ends && !slices.Contains(s.steps, t.Name) {
				return fmt.Errorf("saga: %s: only a failure leads to %s: its ResultPath must be %q "+
					"and the part of the trip that it compensates", s.file(), t.Name, compensationPath)
			}
			continue
		}
		step := slices.IndexFunc(s.steps, func(name string) bool { return strings.HasSuffix(m.States[name].ResultPath, "."+what) })
		if step < 0 || find(s.steps[step]).Compensation != "" {
			return fmt.Errorf("saga: %s: %s writes to %s%s: want the ResultPath of exactly one step to end in %q",
				s.file(), t.Name, compensationPath, what, "."+what)
		}
		t.Compensates, t.Record = s.steps[step], strings.ToUpper(what)
		find(s.steps[step]).Compensation, find(s.steps[step]).Record = t.Name, t.Record
	}
	for _, name := range slices.Backward(s.steps) {
		if t := find(name); t.Compensation != "" {
			t.Pivot = true
			break
		}
	}
	return nil
}

// walk appends the states that name leads to without a failure, each once.
func (m machine) walk(name string, path *[]string) {
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
