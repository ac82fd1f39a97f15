package asl

import (
	"errors"
	"fmt"
	"time"

	"tripsaga/asl/expr"
)

// Execution is the progress of one execution. It belongs to whoever drives it: [Step] changes it in place, and it is
// not safe for concurrent use. It holds nothing that a replay of its events does not give back.
type Execution struct {
	machine  *Machine
	status   Status
	started  Started
	start    time.Time
	input    any
	redrives int
	random   random
	root     *thread

	// Pending work by id. Ids count up and are never used twice.
	tasks        map[int64]*thread
	timers       map[int64]*thread
	lastTask     int64
	lastTimer    int64
	machineTimer int64

	lastEvent int64 // id of the newest history event
	exhausted bool  // the history is full
	limited   bool  // it ended for that reason, or could not even begin

	ready   []*thread // whose state is to be visited, first come first served
	effects []Effect
	scratch []byte
	stepper stepper
	context contextObject
	env     expr.Env
}

// stepper is one Step under way.
type stepper struct {
	x   *Execution
	now time.Time
	rec func(HistoryEvent)
}

// thread is one strand of an execution: the machine itself, a branch or an iteration. When the execution has ended
// without success its threads stay where they stood, for a redrive.
type thread struct {
	parent       *thread // whose Parallel or Map state this is a part of; nil for the machine itself
	index        int     // of the branch or iteration
	item         *mapItem
	state        *state
	input        any // the state's raw input
	size         int // of input, or more
	entered      time.Time
	visited      bool           // its Entered event is recorded
	enteredEvent int64          // the id of that event
	vars         map[string]any // shared, never changed in place
	last         int64          // id of its newest history event
	done         bool
	stopped      bool // it failed or was aborted, until a redrive
	output       any

	// One visit of the state:
	attempt        int   // retries so far
	retries        []int // the same by retrier
	task           int64
	heartbeatEvery time.Duration
	timeoutTimer   int64
	heartbeatTimer int64
	retryTimer     int64
	waitTimer      int64
	fork           *fork
}

// begin puts the thread before the state st. The input has at most size bytes.
func (t *thread) begin(st *state, input any, size int) {
	t.state, t.input, t.size = st, input, size
	t.visited = false
	t.renew()
}

// renew forgets the attempts made in this visit.
func (t *thread) renew() {
	t.attempt, t.retries, t.fork = 0, nil, nil
}

// Status is the execution's status.
func (x *Execution) Status() Status { return x.status }

// LastEventID is the id of the newest history event, which is also their count.
func (x *Execution) LastEventID() int64 { return x.lastEvent }

// RedriveCount tells how often the execution was redriven.
func (x *Execution) RedriveCount() int { return x.redrives }

// Wants tells whether ev still means something to the execution. The reply of a task that timed out or was cancelled,
// a cancelled timer and whatever comes after the end do not: [Step] ignores them.
func (x *Execution) Wants(ev Event) bool {
	switch {
	case x == nil:
		return ev.Started != nil
	case ev.Redriven != nil:
		return x.CanRedrive() == nil
	case x.status != Running:
		return false
	case ev.Succeeded != nil:
		return x.tasks[ev.Succeeded.Task] != nil
	case ev.Failed != nil:
		return x.tasks[ev.Failed.Task] != nil
	case ev.Heartbeat != nil:
		return x.tasks[ev.Heartbeat.Task] != nil
	case ev.Fired != nil:
		return ev.Fired.Timer != 0 && (ev.Fired.Timer == x.machineTimer || x.timers[ev.Fired.Timer] != nil)
	}
	return ev.Stopped != nil
}

// Step moves the execution x of m by one event and returns it with the effects to perform, in this order; x is nil for
// Started, which comes first. Step takes ownership of x, and the effects' slice is valid until the next Step of x.
//
// rec gets the history events of the step; nil only counts them, which costs far less. An event that x does not want
// (see [Execution.Wants]) changes nothing. The error tells a bug of the driver, and x is then unchanged: all that is
// wrong with data fails the execution instead.
func Step(m *Machine, x *Execution, ev Event, now time.Time, rec func(HistoryEvent)) (*Execution, []Effect, error) {
	if err := checkStep(m, x, ev); err != nil {
		return x, nil, err
	}
	if !x.Wants(ev) {
		return x, nil, nil
	}
	if x == nil {
		x = newExecution(m)
	}
	x.effects = x.effects[:0]
	s := &x.stepper
	s.x, s.now, s.rec = x, now.UTC(), rec
	s.apply(ev)
	s.run()
	s.rec = nil
	return x, x.effects, nil
}

func checkStep(m *Machine, x *Execution, ev Event) error {
	switch {
	case m == nil:
		return errors.New("asl: step: no machine")
	case x == nil && ev.Started == nil:
		return errors.New("asl: step: the first event of an execution is Started")
	case x != nil && ev.Started != nil:
		return fmt.Errorf("asl: step: the execution %q was started already", x.started.Name)
	case x != nil && x.machine != m:
		return fmt.Errorf("asl: step: the execution %q belongs to another machine", x.started.Name)
	case ev == (Event{}):
		return errors.New("asl: step: the event has no kind")
	}
	return nil
}

func newExecution(m *Machine) *Execution {
	x := &Execution{
		machine: m,
		status:  Running,
		root:    &thread{},
		tasks:   make(map[int64]*thread, 1),
		timers:  make(map[int64]*thread, 2),
		effects: make([]Effect, 0, 4),
		ready:   make([]*thread, 0, 2),
	}
	x.env.Random = x.random.next
	x.env.Context = x.buildContext
	return x
}

// redrive resumes the execution where it stood: at the states that were entered and not left, each with the input that
// it had, its retries fresh. What succeeded is kept. States that resume record no second Entered event.
// https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
func (s *stepper) redrive() {
	x := s.x
	x.status = Running
	x.redrives++
	x.context.restart()
	s.executionRedriven()
	s.startClock()
	s.resume(x.root, x.root.last)
}

func (s *stepper) resume(t *thread, cause int64) {
	t.last = cause
	t.stopped = false
	if t.fork == nil {
		t.renew()
		s.enqueue(t)
		return
	}
	t.attempt, t.retries = 0, nil
	for _, child := range t.fork.children {
		if child != nil && !child.done {
			s.resume(child, cause)
		}
	}
	s.startChildren(t)
}
