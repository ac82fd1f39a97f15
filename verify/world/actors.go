package world

import (
	"hash/maphash"
	"strings"
	"time"

	"tripsaga/table"
	"tripsaga/trip/app"
)

// other is the frame of somebody who is no function.
func (r *run) other(actor string, n int) *frame {
	f := r.others[actor]
	if f == nil || f.label.N != n {
		f = &frame{label: Label{Actor: actor, N: n}}
		r.others[actor] = f
	}
	return f
}

// as does something in somebody's name.
func (r *run) as(f *frame, do func()) {
	before := r.frame
	r.frame = f
	do()
	r.frame = before
}

// maxCalls is how often a client calls before it gives up, which no schedule makes it do.
const maxCalls = 10

// book is the client: it repeats its call under its key until it has an answer.
func (r *run) book(j *journey) {
	p := r.process()
	if p.dead || j.done {
		return
	}
	j.calls++
	var err error
	r.as(&frame{label: Label{Trip: j.name, Actor: Client, N: j.calls}}, func() {
		_, err = p.core.App.BookTrip(r.ctx, j.name, j.request)
	})
	switch {
	case p.dead || j.done:
	case err == nil:
		j.done = true
		r.judge.Acknowledged(j.trip.ID)
	case j.calls == maxCalls:
		j.done = true
		r.violation(clientAnswered, "trip %s: after %d calls the answer is still: %v", j.name, maxCalls, err)
	default:
		p.clock.AfterFunc(time.Second, func() { r.book(j) })
	}
}

// reconcile starts what was stored and never started, as the server does every minute.
func (r *run) reconcile() { r.reconcileWith(app.Patience{Grace: time.Minute}) }

func (r *run) reconcileWith(patience app.Patience) {
	p := r.process()
	if p.dead {
		return
	}
	l := Label{Actor: Reconciler}
	l.N = r.count(l)
	r.as(&frame{label: l}, func() { _, _ = p.core.App.Reconcile(r.ctx, patience) }) // what fails is found by the next run
}

// maxRedrives bounds how often a person tries to redrive one saga.
const maxRedrives = 8

func (r *run) redriveLater(j *journey) {
	r.process().clock.AfterFunc(time.Minute, func() {
		if r.redrives++; r.redrives > maxRedrives || r.process().dead || r.redrive(j) == nil || !r.stopped(j) {
			return
		}
		r.redriveLater(j)
	})
}

func (r *run) redrive(j *journey) (err error) {
	l := Label{Trip: j.name, Actor: Redriver}
	l.N = r.count(l)
	r.as(&frame{label: l}, func() { err = r.process().core.Engine.Redrive(r.ctx, j.trip.ID) })
	return err
}

// interfere lets somebody else come in between.
func (r *run) interfere(f Fault) {
	switch f.Kind {
	case Overdue:
		r.reconcileWith(app.Patience{Overdue: -1}) // whatever its age
	case Load:
		r.load()
	case Rival:
		r.rival()
	case Redrive:
		for _, j := range r.trips {
			if r.halted(j) {
				_ = r.redrive(j) // one that is refused changes nothing
			}
		}
	}
}

// load adds one of everything that is offered, as a load of an inventory does.
func (r *run) load() {
	for _, pk := range partitions() {
		key := table.Key{PK: pk, SK: "AVAILABLE"}
		offer, ok := r.ledger.get(table.Key{PK: pk, SK: "INVENTORY"})
		if !ok {
			continue
		}
		old := offer.Version
		offer.Version++
		offer.Ints = map[string]int64{"capacity": offer.Ints["capacity"] + 1}
		err := r.ledger.Transact(table.Deferred(r.ctx),
			table.Put(offer, table.Version(old)), table.Add(key, "available", 1, 0))
		if err != nil {
			r.broken = err
		}
	}
}

// tripOf is the name of the trip whose execution the key belongs to; "" for none.
func (r *run) tripOf(key table.Key) string {
	id, ok := strings.CutPrefix(key.PK, pkExecution)
	if !ok && strings.HasPrefix(key.PK, pkNotice) {
		id = key.SK
	}
	return r.nameOf(id)
}

func (r *run) nameOf(id string) string {
	for _, j := range r.trips {
		if j.trip.ID == id {
			return j.name
		}
	}
	return ""
}

func hashText(s string) uint64 { return maphash.String(digestSeed, s) }
