package world

import (
	"errors"
	"strconv"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// errInjected is the error of a call whose outcome is unknown to the caller.
var errInjected = errors.New("injected: no answer")

// decide is called before every call of the table: it labels the point and returns the fault of the schedule there.
func (p *Process) decide(op faulty.Op) faulty.Fault {
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
	case !p.armed || strings.HasPrefix(keys[0].PK, pkMachine):
		return faulty.Fault{}
	case isEngines(keys[0]):
		return p.inject(r.visit(p.enginePoint(&op, keys)))
	}
	f := r.frame
	if f == nil {
		f = r.other(Listener, p.n)
	}
	if f.outside {
		return faulty.Fault{}
	}
	return p.inject(r.visit(r.framePoint(f, &op, keys)))
}

// enginePoint labels an operation of the engine on its own items.
func (p *Process) enginePoint(op *faulty.Op, keys []table.Key) Point {
	r := p.run
	machine, id := r.subject.engineOf(keys[0])
	pt := Point{Where: AtEngineRead, Keys: keys, Label: sim.Label{Saga: r.nameOf(id), Actor: r.subject.Machines[machine].Actor, N: p.n}}
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
func (r *Run) framePoint(f *frame, op *faulty.Op, keys []table.Key) Point {
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
	if op.Kind == faulty.Query && (pt.I > 1 && r.subject.actor(f.label.Actor).OneList || op.Query.Cursor != "") {
		pt.Deaf = true // it reads one list, shard by shard and page by page
	}
	return pt
}

func (r *Run) count(l sim.Label) int {
	r.counts[l]++
	return r.counts[l]
}

// visit records the point and returns its fault.
//
// The order matters. First the paused calls that wait for this point resume, so that they act just before it. Then the state is
// recorded, if the run continues without faults from this point on. Only then does the fault happen: another actor that comes
// in between does all its work before visit returns, and its points follow this one in the list.
func (r *Run) visit(pt Point) sim.Fault {
	if len(r.points) > maxPoints {
		r.circles("%d operations", len(r.points))
		return sim.Fault{}
	}
	pt.subject = r.subject
	pt.At, pt.Stopped, pt.Pending = r.Now(), r.someStopped(), len(r.ledger.writes)-r.ledger.durable
	r.beats.Add(1)
	r.awaited(&pt)
	r.land(pt.Label)
	if len(r.faults) == len(r.given) {
		r.states = append(r.states, r.ledger.state())
	}
	if r.pending == 0 && r.settled < 0 && !r.between && r.Quiet() {
		r.settle()
	}
	if f, hit := r.faults[pt.Label]; hit && !r.Process().dead {
		return r.strike(pt, f)
	}
	r.pass(pt, sim.Fault{})
	return sim.Fault{}
}

// strike makes a fault happen at the point, if it can.
func (r *Run) strike(pt Point, f sim.Fault) sim.Fault {
	given := r.given[pt.Label]
	if !given && !pt.takes(f.Kind) {
		r.pass(pt, sim.Fault{})
		return sim.Fault{}
	}
	pt.Hit, pt.Given = f.Kind, given
	r.pass(pt, f)
	r.lasted = r.lasted || Lasts(f.Kind)
	r.cast.Struck(f)
	if !given {
		r.happened++
		if r.pending--; r.pending == 0 {
			r.after = len(r.points) // an actor that comes in between adds its own points
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
		p := r.Process()
		p.cut = &f
	}
	return f
}

// pass adds the point to the list, with the fault that happens there.
func (r *Run) pass(pt Point, f sim.Fault) {
	r.points = append(r.points, pt)
	if r.trace != nil {
		r.trace.add(Frame{Event: Operation, Label: pt.Label, Point: len(r.points) - 1, Fault: f})
	}
}

// Quiet reports whether no call is paused.
func (r *Run) Quiet() bool {
	for _, t := range r.stalled {
		if !t.dead && t.until != (sim.Label{}) {
			return false
		}
	}
	return true
}

// settle records the state from which the run continues without faults: all faults have happened, and no call is paused. Two
// runs that settle in the same state and continue with the same operations have the same future; see signature in package
// verify. The state includes what is not in the records but influences what follows: lasting faults, a rival.
func (r *Run) settle() {
	r.settled, r.state = len(r.points), r.ledger.state()
	r.state += r.cast.State()
	for what, kind := range r.lasting {
		r.state += hashText(what + string(kind))
	}
	if n := len(r.procs); n > 1 && !r.procs[n-2].dead {
		r.state += hashText("rival")
	}
}

// engineOf returns the index of the machine to which an item of the engines belongs, and the id of the execution; "" if the
// item belongs to no engine.
func (s *Subject) engineOf(key table.Key) (machine int, id string) {
	_, rest, _ := strings.Cut(key.PK, "#")
	for i := range s.Machines {
		if after, ok := strings.CutPrefix(rest, s.Machines[i].Name); ok && (after == "" || after[0] == '#') {
			machine, rest = i, strings.TrimPrefix(after, "#")
			break
		}
	}
	switch {
	case strings.HasPrefix(key.PK, pkNotice):
		id = key.SK
	case strings.HasPrefix(key.PK, pkExecution):
		id = rest
	}
	return machine, id
}

// inject translates the fault into one of the table's.
func (p *Process) inject(f sim.Fault) faulty.Fault {
	switch {
	case p.dead: // killed by the work of another actor that came in between
		return faulty.Before(table.ErrClosed)
	case f.Kind == sim.None:
		return faulty.Fault{}
	}
	return p.injected(f)
}

func (p *Process) injected(f sim.Fault) faulty.Fault {
	r := p.run
	switch f.Kind {
	case Leave:
		r.cast.Left(f.At.Saga)
		return faulty.Before(errInjected)
	case sim.Fail:
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
