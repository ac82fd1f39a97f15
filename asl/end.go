package asl

import (
	"bytes"
	"fmt"

	"tripsaga/asl/expr"
)

// succeed ends the execution with output.
func (s *stepper) succeed(output any) {
	s.stopClock()
	s.x.status = Succeeded
	text := s.encode(output)
	s.executionSucceeded(text)
	s.effect(Effect{Ended: &Ended{Status: Succeeded, Output: text}})
}

// encode is v as JSON, in memory of its own and no more than it needs.
func (s *stepper) encode(v any) []byte {
	s.x.scratch = expr.AppendEncode(s.x.scratch[:0], v)
	return bytes.Clone(s.x.scratch)
}

// end ends the execution without success. What still runs is cancelled, and stays where it stands for a redrive.
func (s *stepper) end(status Status, f *failure) {
	if status != Failed {
		s.abort(s.x.root, 0)
	}
	s.stopClock()
	s.x.status = status
	s.executionEnded(status, f)
	s.effect(Effect{Ended: &Ended{Status: status, Error: f.name, Cause: f.cause, State: f.state}})
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

// abort cancels what t waits for and records it. The events refer to the one that caused it; 0 is none of the history.
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

// cancel is abort without a record.
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

// CanRedrive tells why the execution cannot be redriven, nil when it can: it must have ended other than SUCCEEDED, with
// room in its history.
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
