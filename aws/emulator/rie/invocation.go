package rie

import (
	"encoding/json"
	"time"
)

// invocation is one call on its way through a process.
type invocation struct {
	id       string
	trace    string
	payload  json.RawMessage
	deadline time.Time

	replied  chan reply    // holds what the process has replied
	accepted chan struct{} // closed when the process may learn that its reply has arrived
}

// reply is how an invocation ends.
type reply struct {
	payload json.RawMessage
	err     error
}

// serve hands the invocation to the process. It returns when the process has called for the next one, and then the
// environment is reusable, or has ended.
func (e *environment) serve(inv *invocation, fault Fault) (r reply, reusable bool) {
	if fault == CrashBefore {
		e.kill()
		<-e.gone
	}
	inv.deadline = time.Now().Add(e.function.Timeout)
	timeout := time.NewTimer(e.function.Timeout)
	defer timeout.Stop()
	select {
	case e.work <- inv:
	case <-e.gone:
		return reply{err: exited(inv.id, e.reason)}, false
	}
	r, ok := e.await(inv, timeout.C, fault)
	if !ok {
		return r, false
	}
	close(inv.accepted)
	return r, e.settles(timeout.C)
}

// await waits for the reply; ok is false when the process has ended without one that counts.
func (e *environment) await(inv *invocation, timeout <-chan time.Time, fault Fault) (r reply, ok bool) {
	replied := inv.replied
	if fault == Hang {
		replied = nil
	}
	select {
	case r = <-replied:
	case <-timeout:
		e.end()
		return reply{err: timedOut(inv.id, e.function.Timeout)}, false
	case <-e.gone:
		return e.last(inv, fault), false
	}
	switch fault {
	case CrashAfter:
		e.end()
		return reply{err: exited(inv.id, e.reason)}, false
	case ReplyLost:
		r = reply{err: ErrReplyLost}
	}
	return r, true
}

// last is the end of an invocation whose process is gone: it may have replied before.
func (e *environment) last(inv *invocation, fault Fault) reply {
	select {
	case r := <-inv.replied:
		if fault == None {
			return r
		}
	default:
	}
	return reply{err: exited(inv.id, e.reason)}
}

// settles waits until the process calls for the next invocation: what it does after its reply counts against the
// time-out, too.
func (e *environment) settles(timeout <-chan time.Time) bool {
	select {
	case <-e.idle:
		return true
	case <-e.gone:
	case <-timeout:
		e.end()
	}
	return false
}
