package world

import (
	"errors"
	"strconv"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/verify/model"
)

// errInjected is the error of a call whose outcome is unknown to the caller.
var errInjected = errors.New("injected: no answer")

// decide is called before every call of the table: it labels the point, and returns the fault of the schedule there.
func (p *process) decide(op faulty.Op) faulty.Fault {
	r := p.run
	keys := keysOf(&op)
	if t := r.thread; t != nil && t.split > 0 {
		if t.split--; t.split == 0 {
			t.park(t.until)
		}
	}
	switch {
	case p.dead || r.broken != nil || r.thread.gone():
		return faulty.Before(table.ErrClosed)
	case r.silent:
		return faulty.Fault{}
	case !p.armed || strings.HasPrefix(keys[0].PK, pkMachine):
		return faulty.Fault{}
	case isEngines(keys[0]):
		return p.inject(r.visit(p.enginePoint(&op, keys)))
	}
	f := r.frame
	if f == nil {
		f = r.other(Listener, p.n)
	}
	if f.bank {
		return faulty.Fault{}
	}
	return p.inject(r.visit(r.framePoint(f, &op, keys)))
}

// enginePoint labels an operation of the engine on its own items.
func (p *process) enginePoint(op *faulty.Op, keys []table.Key) Point {
	r := p.run
	pt := Point{Where: AtEngineRead, Keys: keys, Label: sim.Label{Saga: r.tripOf(keys[0]), Actor: engineOf(keys[0]), N: p.n}}
	if pt.Op = opOf(op.Kind); pt.Op == opPut {
		pt.Where = AtEngineWrite
	}
	for _, key := range keys {
		if digits, ok := strings.CutPrefix(key.SK, skJournal); ok && op.Kind == faulty.Transact {
			pt.Op = opJournal
			pt.I, _ = strconv.Atoi(digits)
			pt.Try = r.count(pt.Label) - 1
			r.kept(pt.Saga)
			return pt
		}
	}
	if strings.HasPrefix(keys[0].PK, pkNotice) && op.Kind == faulty.Transact {
		pt.Op = opNotice
	}
	pt.I = r.count(pt.Label)
	pt.Deaf = op.Query.Cursor != "" || r.frame != nil && r.frame.quiet // a later page of one list
	return pt
}

// engineOf names the engine to which an item belongs.
func engineOf(key table.Key) string {
	for _, prefix := range []string{pkSecond, pkSecondAll, pkNoticed} {
		if strings.HasPrefix(key.PK, prefix) {
			return SecondEngine
		}
	}
	return Engine
}

func opOf(kind faulty.Kind) string {
	switch kind {
	case faulty.Get:
		return opGet
	case faulty.Query:
		return opQuery
	}
	return opPut
}

// framePoint labels an operation of a function or another actor.
func (r *run) framePoint(f *frame, op *faulty.Op, keys []table.Key) Point {
	pt := Point{Where: AtRead, Keys: keys, Label: f.label, Deaf: f.quiet}
	if pt.Op = opOf(op.Kind); pt.Op == opPut {
		pt.Where = AtWrite
	}
	if f.call == nil {
		pt.Where += AtOtherRead - AtRead
	}
	pt.I = r.count(pt.Label)
	pt.First = !f.begun
	f.begun = true
	if f.label.Actor == Reconciler && op.Kind == faulty.Query && pt.I > 1 || op.Query.Cursor != "" {
		pt.Deaf = true // it reads one list, shard by shard and page by page
	}
	return pt
}

func (r *run) count(l sim.Label) int {
	r.counts[l]++
	return r.counts[l]
}

// visit records the point and returns its fault.
//
// The order in it matters. First paused calls resume that wait for this point, so that they act just before it. Then the
// state is noted, if this is the point from which the run continues without faults. Only then the fault happens: another
// actor that comes in between does all its work before visit returns, and makes points of its own, which follow this one
// in the list.
func (r *run) visit(pt Point) sim.Fault {
	if len(r.points) > maxPoints {
		r.circles("%d operations", len(r.points))
		return sim.Fault{}
	}
	pt.At, pt.Stopped, pt.Pending = r.now(), r.someStopped(), len(r.ledger.writes)-r.ledger.durable
	r.land(pt.Label)
	if len(r.faults) == len(r.given) {
		r.states = append(r.states, r.ledger.state())
	}
	if r.pending == 0 && r.settled < 0 && !r.between && r.quiet() {
		r.settle()
	}
	if f, hit := r.faults[pt.Label]; hit && !r.process().dead {
		return r.strike(pt, f)
	}
	r.pass(pt, sim.Fault{})
	return sim.Fault{}
}

// strike lets a fault happen at the point, if it can.
func (r *run) strike(pt Point, f sim.Fault) sim.Fault {
	given := r.given[pt.Label]
	if !given && !pt.takes(f.Kind) {
		r.pass(pt, sim.Fault{})
		return sim.Fault{}
	}
	pt.Hit, pt.Given = f.Kind, given
	r.pass(pt, f)
	r.excuse(f)
	if !given {
		r.happened++
		if r.pending--; r.pending == 0 {
			r.after = len(r.points) // an actor that comes in between makes points of its own
		}
	}
	r.between = true
	from := len(r.points)
	r.elapse(f)
	r.interfere(f, &pt)
	r.between = false
	if !given {
		r.meddled = len(r.points) - from
	}
	if f.Kind == Doze || f.Kind == Nap {
		p := r.process()
		p.cut = &f
	}
	return f
}

// pass lists the point with what goes wrong there.
func (r *run) pass(pt Point, f sim.Fault) {
	r.points = append(r.points, pt)
	if r.trace != nil {
		r.trace.add(Frame{Event: Operation, Label: pt.Label, Point: len(r.points) - 1, Fault: f})
	}
}

// quiet reports whether no call is paused.
func (r *run) quiet() bool {
	for _, t := range r.stalled {
		if !t.dead && t.until != (sim.Label{}) {
			return false
		}
	}
	return true
}

// settle notes the state from which the run continues without faults: all faults have happened, and no call is paused.
// Two runs that settle in the same state, with the same operations to follow, have the same future; see signature in
// package verify. What is not in the records, but decides what follows, is part of the state: lasting faults, a rival.
func (r *run) settle() {
	r.settled, r.state = len(r.points), r.ledger.state()
	r.state += r.lapses.hash()
	for what, kind := range r.lasting {
		r.state += hashText(what + string(kind))
	}
	if n := len(r.procs); n > 1 && !r.procs[n-2].dead {
		r.state += hashText("rival")
	}
}

// excuse notes what the fault may cost: a lasting one, or one that changes what is on offer, may cost the booking.
func (r *run) excuse(f sim.Fault) {
	r.lasted = r.lasted || lasts(f.Kind)
	for _, j := range r.trips {
		if expires(f.Kind) { // a stopped saga can be redriven for 14 days
			r.judge.SetOutcome(j.trip.ID, model.MayStay)
			continue
		}
		if f.Kind == Load || f.Kind == Lower || f.Kind == Cancel || f.At.Saga == j.name && (lasts(f.Kind) || f.Kind == Decline || f.Kind == Altered) {
			r.judge.SetOutcome(j.trip.ID, model.Either)
		}
	}
}

// inject translates the fault into one of the table's.
func (p *process) inject(f sim.Fault) faulty.Fault {
	switch {
	case p.dead: // by the work of another actor that came in between
		return faulty.Before(table.ErrClosed)
	case f.Kind == sim.None:
		return faulty.Fault{}
	}
	return p.injected(f)
}

func (p *process) injected(f sim.Fault) faulty.Fault {
	r := p.run
	switch f.Kind {
	case sim.Fail, Leave:
		r.leave(f)
		return faulty.Before(errInjected)
	case sim.Lost:
		r.ledger.unheard = true
		return faulty.After(errInjected)
	case Throttle:
		return faulty.Before(table.ErrTryAgain)
	case Crash:
		r.kill(f.Count)
		return faulty.Before(table.ErrClosed)
	case Crashed:
		return faulty.CrashAfter(func() { r.kill(f.Count) })
	case Gone:
		r.ledger.unheard = true
		return faulty.CrashAfter(func() { r.thread.park(sim.Label{}) })
	case sim.Die, sim.Late:
		if !r.thread.park(f.Until) {
			return faulty.Before(table.ErrClosed)
		}
	}
	return faulty.Fault{}
}

func (r *run) leave(f sim.Fault) {
	for _, j := range r.trips {
		if f.Kind == Leave && f.At.Saga == j.name {
			j.done = true
		}
	}
}
