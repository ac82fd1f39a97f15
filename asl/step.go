package asl

import (
	"bytes"
	"fmt"
	"time"

	"tripsaga/asl/expr"
)

func (s *stepper) apply(ev Event) {
	x := s.x
	switch {
	case ev.Started != nil:
		s.begin(ev.Started)
	case ev.Submitted != nil:
		s.taskSubmitted(x.tasks.Get(ev.Submitted.Task), ev.Submitted.Output)
	case ev.Succeeded != nil:
		s.taskSucceeded(x.tasks.Get(ev.Succeeded.Task), ev.Succeeded.Output)
	case ev.Failed != nil:
		t := x.tasks.Get(ev.Failed.Task)
		s.releaseTask(t)
		s.taskFailed(t, t.state.body.(*task), &failure{name: ev.Failed.Error, cause: ev.Failed.Cause})
	case ev.Heartbeat != nil:
		s.heartbeat(x.tasks.Get(ev.Heartbeat.Task))
	case ev.Fired != nil:
		s.fired(ev.Fired.Timer)
	case ev.Stopped != nil:
		s.stop(ev.Stopped)
	case ev.Redriven != nil:
		s.redrive()
	}
}

// begin starts the execution at StartAt.
func (s *stepper) begin(ev *Started) {
	x := s.x
	x.started, x.start = *ev, s.now
	x.id, x.name = ev.ExecutionID, ev.Name
	x.random.state = ev.Seed
	s.executionStarted(ev.Input)
	s.startClock()
	input, f := decodeInput(ev.Input)
	if f != nil {
		x.limited = true
		s.end(Failed, f)
		return
	}
	x.input = input
	x.root.begin(x.machine.root.start, input, expr.Size(input, MaxData))
	s.enqueue(x.root)
}

func decodeInput(input []byte) (any, *failure) {
	if len(input) > MaxData {
		return nil, &failure{name: ErrDataLimitExceeded, cause: fmt.Sprintf("the input has %d bytes, allowed are %d", len(input), MaxData)}
	}
	v, err := expr.Decode(input)
	if err != nil {
		return nil, runtimeFailure("the input is not JSON: %s", err)
	}
	return v, nil
}

// startClock sets the timer of the machine's TimeoutSeconds.
func (s *stepper) startClock() {
	if d := s.x.machine.timeout; d > 0 {
		s.x.lastTimer++
		s.x.machineTimer = s.x.lastTimer
		s.requestTimer(s.x.machineTimer, s.now.Add(d))
	}
}

// run visits states until every thread waits for an event. Threads take turns, so branches make progress alike. The order
// is that of the queue and nothing else, so a replay repeats it and with it the ids of tasks, timers and history events.
// States that do not wait (Pass, Choice, Succeed) are visited within the same step: one event can lead through many of
// them. Only the limit on the history ends a loop of such states.
func (s *stepper) run() {
	x := s.x
	for i := 0; i < len(x.ready) && x.status == Running && !x.exhausted; i++ {
		s.visit(x.ready[i])
	}
	clear(x.ready)
	x.ready = x.ready[:0]
	if x.exhausted && x.status == Running {
		s.endFull()
	}
}

// visit enters t's state, or starts another attempt.
func (s *stepper) visit(t *thread) {
	if t.done || t.stopped {
		return
	}
	s.x.context.forget()
	if !t.visited {
		t.visited, t.entered = true, s.now
		s.stateEntered(t)
		t.enteredEvent = t.last
	}
	s.flow(t, DataInput, t.input)
	input, f := t.state.input.apply(s, t, t.input, "InputPath")
	if f != nil {
		s.fail(t, f)
		return
	}
	if t.state.input != (selection{}) {
		s.flow(t, "InputPath", input)
	}
	t.state.body.visit(s, t, input)
}

// exit leaves t's state for next. If next is nil the thread ends with output. The output has at most size bytes.
func (s *stepper) exit(t *thread, output any, size int, assigned map[string]any, next *state) {
	s.flow(t, DataOutput, output)
	s.stateExited(t, output, assigned)
	t.set(assigned)
	if next != nil {
		t.begin(next, output, size)
		s.enqueue(t)
		return
	}
	t.done, t.output = true, output
	t.input, t.vars = nil, nil // not read again, and a Map state may have thousands of iterations
	if t.parent != nil {
		s.childSucceeded(t)
		return
	}
	s.succeed(output)
}

// giveUp ends the thread with f, which neither Retry nor Catch handled.
func (s *stepper) giveUp(t *thread, f *failure) {
	t.stopped = true
	t.own(f)
	if t.parent != nil {
		s.childFailed(t, f)
		return
	}
	s.end(Failed, f)
}

func (s *stepper) enqueue(t *thread) { s.x.ready = append(s.x.ready, t) }

func (s *stepper) effect(e Effect) { s.x.effects = append(s.x.effects, e) }

func (s *stepper) setTimer(t *thread, at time.Time) int64 {
	s.x.lastTimer++
	id := s.x.lastTimer
	s.x.timers.Set(id, t)
	s.requestTimer(id, at)
	return id
}

func (s *stepper) requestTimer(id int64, at time.Time) {
	x := s.x
	x.sets = append(x.sets, SetTimer{Timer: id, At: at})
	s.effect(Effect{SetTimer: &x.sets[len(x.sets)-1]})
}

func (s *stepper) cancelTimer(id *int64) {
	if *id == 0 {
		return
	}
	s.x.timers.Delete(*id)
	s.effect(Effect{CancelTimer: *id})
	*id = 0
}

// fired is called for a timer that is set.
func (s *stepper) fired(id int64) {
	if id == s.x.machineTimer {
		s.x.machineTimer = 0
		s.end(TimedOut, &failure{})
		return
	}
	t := s.x.timers.Get(id)
	s.x.timers.Delete(id)
	switch id {
	case t.timeoutTimer:
		t.timeoutTimer = 0
		s.taskTimedOut(t, ErrTimeout)
	case t.heartbeatTimer:
		t.heartbeatTimer = 0
		s.taskTimedOut(t, ErrHeartbeatTimeout)
	case t.retryTimer:
		t.retryTimer = 0
		s.enqueue(t)
	case t.waitTimer:
		t.waitTimer = 0
		t.state.body.(*waiting).over(s, t)
	}
}

func (s *stepper) taskTimedOut(t *thread, name string) {
	s.effect(Effect{CancelTask: t.task})
	s.releaseTask(t)
	s.taskFailed(t, t.state.body.(*task), &failure{name: name, timeout: true})
}

// succeed ends the execution with output.
func (s *stepper) succeed(output any) {
	s.stopClock()
	s.x.status = Succeeded
	text := s.encode(output)
	s.executionSucceeded(text)
	s.requestEnd(Ended{Status: Succeeded, Output: text})
}

// encode returns v as JSON. It encodes into a buffer that is reused and returns an exact copy, since the result is kept.
func (s *stepper) encode(v any) []byte {
	s.x.scratch = expr.AppendEncode(s.x.scratch[:0], v)
	return bytes.Clone(s.x.scratch)
}

// end ends the execution without success. It cancels what still runs; the threads keep their states for a redrive.
func (s *stepper) end(status Status, f *failure) {
	if status != Failed {
		s.abort(s.x.root, 0)
	}
	s.stopClock()
	s.x.status = status
	s.executionEnded(status, f)
	s.requestEnd(Ended{Status: status, Error: f.name, Cause: f.cause, State: f.state})
}

func (s *stepper) requestEnd(end Ended) {
	s.x.ended = end
	s.effect(Effect{Ended: &s.x.ended})
}

// endFull ends an execution whose history has room for its last event only.
func (s *stepper) endFull() {
	s.x.limited = true
	s.cancel(s.x.root)
	s.end(Failed, runtimeFailure("The execution reached the maximum number of history events (%d).", MaxHistory))
}

func (s *stepper) stop(ev *Stopped) {
	s.end(Aborted, &failure{name: ev.Error, cause: ev.Cause})
}

func (s *stepper) stopClock() {
	if id := s.x.machineTimer; id != 0 {
		s.effect(Effect{CancelTimer: id})
		s.x.machineTimer = 0
	}
}

// abort cancels what t waits for and records that, children first. The history events refer to the event cause; 0 means no
// event. Threads that were aborted keep state and input, because a redrive resumes them; only their pending work is
// dropped. A late reply of a cancelled task is then unknown by its id, and [Execution.Wants] is false.
func (s *stepper) abort(t *thread, cause int64) {
	if t.done || t.state == nil {
		return
	}
	if t.fork != nil {
		s.abortFork(t.fork, cause)
	}
	s.cancelOwn(t)
	t.stopped = true
	if t.visited {
		t.follow(cause)
		s.stateAborted(t)
	}
}

func (s *stepper) abortFork(f *fork, cause int64) {
	for _, child := range f.children {
		if child == nil || child.done || child.stopped {
			continue
		}
		s.abort(child, cause)
		child.follow(cause)
		s.iterationEvent(child, "MapIterationAborted")
	}
}

// follow makes the thread's next event refer to cause.
func (t *thread) follow(cause int64) {
	if cause != 0 {
		t.last = cause
	}
}

// cancel is abort without history events.
func (s *stepper) cancel(t *thread) {
	if t.fork != nil {
		for _, child := range t.fork.children {
			if child != nil {
				s.cancel(child)
			}
		}
	}
	s.cancelOwn(t)
}

func (s *stepper) cancelOwn(t *thread) {
	if t.task != 0 {
		s.effect(Effect{CancelTask: t.task})
		s.releaseTask(t)
	}
	s.cancelTimer(&t.retryTimer)
	s.cancelTimer(&t.waitTimer)
}

// CanRedrive returns why the execution cannot be redriven; nil if it can. It must have ended with a status other than
// SUCCEEDED, and its history must not be full.
func (x *Execution) CanRedrive() error {
	switch {
	case x == nil:
		return fmt.Errorf("asl: redrive: the execution was never started")
	case x.status == Running || x.status == Succeeded:
		return fmt.Errorf("asl: redrive: the execution %q is %s; allowed are FAILED, TIMED_OUT and ABORTED",
			x.started.Name, x.status)
	case x.limited || x.lastEvent >= MaxHistory-1:
		return fmt.Errorf("asl: redrive: the execution %q broke a limit that a redrive would break again", x.started.Name)
	}
	return nil
}
