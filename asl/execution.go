package asl

import (
	"errors"
	"fmt"
	"time"

	"tripsaga/asl/expr"
	"tripsaga/shared/few"
)

// Execution is the state of one execution. [Step] changes it in place, and it is not safe for concurrent use. A replay of
// its events restores all of it.
type Execution struct {
	machine  *Machine
	status   Status
	started  Started
	id, name any // of started, boxed once: every delivery has them
	start    time.Time
	input    any
	redrives int
	random   random
	root     *thread

	// Pending work by id. Ids count up and are never used twice.
	tasks        few.Map[*thread]
	timers       few.Map[*thread]
	lastTask     int64
	lastTimer    int64
	machineTimer int64

	lastEvent int64 // id of the newest history event
	exhausted bool  // the history is full
	limited   bool  // it ended because of that, or could not start

	ready   []*thread // threads whose state is visited next, in this order
	effects []Effect
	starts  []StartTask // what effects points to
	sets    []SetTimer
	ended   Ended
	scratch []byte
	stepper stepper
	context contextObject
	env     expr.Env
	room    room
}

// room is the first memory of an execution, in the same allocation. Most executions need no more for their pending work.
type room struct {
	root    thread
	ready   [1]*thread
	effects [3]Effect
	starts  [1]StartTask
	sets    [1]SetTimer
}

// stepper is one running Step.
type stepper struct {
	x     *Execution
	now   time.Time
	rec   func(HistoryEvent)
	watch func(DataStep)
}

// thread is one strand of an execution: the machine itself, a branch or an iteration. If the execution ends without
// success, its threads keep their states for a redrive.
type thread struct {
	parent       *thread // whose Parallel or Map state started this one; nil for the machine itself
	index        int     // of the branch or iteration
	item         *mapItem
	state        *state
	input        any // the state's raw input
	size         int // upper bound of the input's size in bytes
	entered      time.Time
	visited      bool           // its Entered event is recorded
	enteredEvent int64          // the id of that event
	vars         map[string]any // shared, never changed in place
	last         int64          // id of its newest history event
	done         bool
	stopped      bool // it failed or was aborted, until a redrive
	output       any

	// One visit of the state:
	token          string // of the newest delivery of a callback task
	submitted      bool   // its function has replied
	attempt        int    // retries so far
	retries        []int  // the same by retrier
	task           int64
	heartbeatEvery time.Duration
	timeoutTimer   int64
	heartbeatTimer int64
	retryTimer     int64
	waitTimer      int64
	fork           *fork
}

// begin moves the thread to the state st, to be visited. The input has at most size bytes.
func (t *thread) begin(st *state, input any, size int) {
	t.state, t.input, t.size = st, input, size
	t.visited = false
	t.renew()
}

// renew resets the attempts of this visit.
func (t *thread) renew() {
	t.attempt, t.retries, t.fork = 0, nil, nil
}

// Status returns the execution's status.
func (x *Execution) Status() Status { return x.status }

// LastEventID returns the id of the newest history event, which is also the number of events.
func (x *Execution) LastEventID() int64 { return x.lastEvent }

// RedriveCount returns how often the execution was redriven.
func (x *Execution) RedriveCount() int { return x.redrives }

// Wants reports whether ev changes the execution. It is false for late events: the reply of a task that timed out or was
// cancelled, a cancelled timer, everything after the end. [Step] ignores those, and a driver need not journal them.
func (x *Execution) Wants(ev Event) bool {
	switch {
	case x == nil:
		return ev.Started != nil
	case ev.Redriven != nil:
		return x.CanRedrive() == nil
	case x.status != Running:
		return false
	case ev.Submitted != nil:
		t := x.tasks.Get(ev.Submitted.Task)
		return t != nil && t.state.isCallback() && !t.submitted
	case ev.Succeeded != nil:
		return x.tasks.Get(ev.Succeeded.Task) != nil
	case ev.Failed != nil:
		return x.tasks.Get(ev.Failed.Task) != nil
	case ev.Heartbeat != nil:
		return x.tasks.Get(ev.Heartbeat.Task) != nil
	case ev.Fired != nil:
		return ev.Fired.Timer != 0 && (ev.Fired.Timer == x.machineTimer || x.timers.Get(ev.Fired.Timer) != nil)
	}
	return ev.Stopped != nil
}

// Step moves the execution x of m by one event. It returns the execution and the effects to perform, in order. x is nil for
// Started, the first event. Step changes x in place, and the effects are valid until the next Step of x: an
// execution allocates little more than its data.
//
// rec is called with each history event of the step. With nil the events are only counted, which is far cheaper; a driver
// builds the history by a replay when it is read. An event that x does not want (see [Execution.Wants]) changes nothing. An
// error means a bug in the driver, and x is unchanged. Invalid data is not an error: it fails the execution.
func Step(m *Machine, x *Execution, ev Event, now time.Time, rec func(HistoryEvent)) (*Execution, []Effect, error) {
	return Watch(m, x, ev, now, rec, nil)
}

// Watch is [Step], but also calls watch with each step of the states' data flow, for a replay that shows them.
func Watch(m *Machine, x *Execution, ev Event, now time.Time, rec func(HistoryEvent), watch func(DataStep)) (*Execution, []Effect, error) {
	if err := checkStep(m, x, ev); err != nil {
		return x, nil, err
	}
	if !x.Wants(ev) {
		return x, nil, nil
	}
	if x == nil {
		x = newExecution(m)
	}
	x.effects, x.starts, x.sets = x.effects[:0], x.starts[:0], x.sets[:0]
	s := &x.stepper
	s.x, s.now, s.rec, s.watch = x, now.UTC(), rec, watch
	s.apply(ev)
	s.run()
	s.rec, s.watch = nil, nil
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
	x := &Execution{machine: m, status: Running, scratch: make([]byte, 0, 512)}
	x.root, x.ready = &x.room.root, x.room.ready[:0]
	x.effects, x.starts, x.sets = x.room.effects[:0], x.room.starts[:0], x.room.sets[:0]
	x.env.Context, x.env.Random = (*lazyContext)(x), &x.random
	return x
}

// redrive resumes the execution at the states that were entered and not left, each with the input it had and with all its
// retries. Results of states that succeeded are kept. A state that resumes records no second Entered event.
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

// resume resumes a thread that stopped. A thread inside of a Parallel or Map state resumes alone: siblings that succeeded
// keep their outputs, and iterations that never started start when there is room.
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
