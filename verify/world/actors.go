package world

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/verify/model"
)

// The actors that are no function, as labels name them.
const (
	Client       = "Book"
	Canceller    = "Cancel"
	Engine       = "Engine"
	SecondEngine = "Cancellation" // of the cancellations
	Listener     = "Listener"
	Reconciler   = "Reconcile"
	Redriver     = "Redrive"
	Loader       = "Load"
	Looker       = "Look"
	Webhook      = "Hint"
)

// other is the frame of an actor that is no function.
func (r *run) other(actor string, n int) *frame {
	f := r.others[actor]
	if f == nil || f.label.N != n {
		f = &frame{label: sim.Label{Actor: actor, N: n}}
		r.others[actor] = f
	}
	return f
}

// as runs do in the name of an actor. If the fault by which the actor comes in between splits its work, it is paused there.
func (r *run) as(f *frame, by sim.Fault, do func()) {
	t := &thread{run: r, do: do, frame: f}
	if Splits(by.Kind) && by.Count > 0 {
		t.split, t.until = by.Count, by.Until
	}
	if t.split > 0 || r.pauses(f.label) {
		t.coroutine = true
	}
	t.work()
}

// someone returns the frame of the actor's next piece of work.
func (r *run) someone(trip, actor string) *frame {
	l := sim.Label{Saga: trip, Actor: actor}
	l.N = r.count(l)
	return &frame{label: l}
}

// cancel is the client who asks to cancel a confirmed trip, and repeats that under a key until there is an answer.
func (r *run) cancel(j *journey) {
	p := r.process()
	if p.dead || j.cancelled {
		return
	}
	j.cancels++
	if j.cancels > maxCalls {
		j.cancelled = true
		if r.status(j) == "" { // it was never booked, or its booking is paused
			r.judge.SetOutcome(j.trip.ID, model.Either)
		} else if r.quiet() {
			r.violation(clientAnswered, "trip %s: after %d requests to cancel it there is no answer", j.name, maxCalls)
		}
		return
	}
	r.as(&frame{label: sim.Label{Saga: j.name, Actor: Canceller, N: j.cancels}}, sim.Fault{}, func() {
		if !r.askToCancel(p, j, "cancel-"+j.name) && !p.dead {
			p.clock.AfterFunc(time.Second, func() { r.cancel(j) })
		}
	})
}

// cancelInBetween is a request by another connection. It is not repeated.
func (r *run) cancelInBetween(j *journey, by sim.Fault) {
	p := r.process()
	r.as(r.someone(j.name, Canceller+"+"), by, func() { r.askToCancel(p, j, "") })
}

// askToCancel reports whether the client has an answer.
func (r *run) askToCancel(p *process, j *journey, key string) bool {
	t, err := p.core.App.CancelTrip(r.ctx, j.trip.ID, app.CancelRequest{Key: key, Reason: "plans have changed"})
	if p.dead {
		return false
	}
	switch {
	case err == nil:
		r.heardOfCancel(j, t)
	case fault.Is(err, fault.NameNotCancellable):
		if r.status(j) != "FAILED" {
			r.untrue(p, "trip %s is %s, and cannot be cancelled: %v", j.name, r.status(j), err)
		}
	case fault.Is(err, fault.NameTripDeparted):
		if r.skipped < authorised {
			r.untrue(p, "trip %s cannot be cancelled: %v", j.name, err)
		}
	default:
		return false
	}
	j.cancelled = true
	return true
}

// maxCalls is how often a client calls before it gives up. Within a schedule it never needs that many.
const maxCalls = 10

// book is the client: it repeats its call under its idempotency key until it has an answer.
func (r *run) book(j *journey) {
	p := r.process()
	if p.dead || j.done {
		return
	}
	j.calls++
	r.as(&frame{label: sim.Label{Saga: j.name, Actor: Client, N: j.calls}}, sim.Fault{}, func() {
		t, err := p.core.App.BookTrip(r.ctx, j.name, j.request)
		switch {
		case p.dead:
		case err == nil:
			r.heardOfTrip(j, t)
		case j.done:
		case fault.KindOf(err) == fault.Invalid && r.skipped >= authorised: // the flight has departed meanwhile
			j.done = true
		case j.calls == maxCalls:
			if j.done = true; !r.quiet() {
				return // another call of the same key is paused in the middle of its start
			}
			r.violation(clientAnswered, "trip %s: after %d calls the answer is still: %v", j.name, maxCalls, err)
		default:
			p.clock.AfterFunc(time.Second, func() { r.book(j) })
		}
	})
}

// rebook makes the client's call once more, by another connection.
func (r *run) rebook(j *journey, by sim.Fault) {
	p := r.process()
	r.as(r.someone(j.name, Client+"+"), by, func() {
		if t, err := p.core.App.BookTrip(r.ctx, j.name, j.request); err == nil && !p.dead {
			r.heardOfTrip(j, t)
		}
	})
}

// reconcile starts the sagas of trips that were stored and never started, as the server does every minute.
func (r *run) reconcile() { r.reconcileWith(app.Patience{Grace: time.Minute}, sim.Fault{}) }

func (r *run) reconcileWith(patience app.Patience, by sim.Fault) {
	p := r.process()
	if p.dead {
		return
	}
	var due []*journey
	for _, j := range r.trips {
		if r.status(j) == "PENDING" {
			due = append(due, j)
		}
	}
	r.as(r.someone("", Reconciler), by, func() {
		_, err := p.core.App.Reconcile(r.ctx, patience) // what fails is left to the next run
		if err != nil || p.dead || patience.Overdue == 0 {
			return
		}
		for _, j := range due {
			if r.status(j) == "PENDING" {
				r.violation(noneForgotten, "trip %s is overdue, and the reconciler has passed it over", j.name)
			}
		}
	})
}

// maxRedrives bounds how often the operator tries to redrive one saga.
const maxRedrives = 8

func (r *run) redriveLater(j *journey) {
	r.process().clock.AfterFunc(time.Minute, func() {
		r.redriven = true
		if r.redrives++; r.redrives > maxRedrives || r.process().dead || r.redrive(j, sim.Fault{}) == nil || !r.stopped(j) {
			return
		}
		r.redriveLater(j)
	})
}

func (r *run) redrive(j *journey, by sim.Fault) error {
	p, err := r.process(), errInjected
	if p.dead {
		return err
	}
	r.as(r.someone(j.name, Redriver), by, func() {
		saga, key := "booking", executionKey(j.trip.ID)
		if r.second(j) != "" {
			saga, key.PK = "cancellation", pkSecond+j.trip.ID
		}
		if err = p.core.Saga(saga).Redrive(r.ctx, j.trip.ID); err == nil && !p.dead {
			r.mustLast("a redrive of trip "+j.name+" is acknowledged", key)
		}
	})
	return err
}

// interfere lets another actor come in between, just before the point.
func (r *run) interfere(f sim.Fault, pt *Point) {
	if r.process().core == nil && f.Kind != Rival { // the program has not opened yet: it answers nobody
		return
	}
	switch f.Kind {
	case Overdue:
		r.reconcileWith(app.Patience{Overdue: -1}, f) // whatever its age
	case Load, Lower:
		r.load(f, pt)
	case Rival:
		r.rival()
	case Redrive:
		for _, j := range r.trips {
			if r.halted(j) {
				_ = r.redrive(j, f) // one that is refused changes nothing
			}
		}
	case Rebook:
		for _, j := range r.trips {
			if j.name == f.At.Saga {
				r.rebook(j, f)
			}
		}
	case Cancel:
		r.cancelInBetween(r.journeyAt(pt), f)
	case Hint:
		r.hint(r.journeyAt(pt))
	case Look:
		r.look()
	case Stray:
		r.stray(f.At.Saga)
	}
}

// hint is the provider's webhook, delivered twice. It must write nothing, and find no difference.
func (r *run) hint(j *journey) {
	p := r.process()
	f := r.someone(j.name, Webhook)
	f.quiet = true // a fault of it is like that of any other reader
	r.as(f, sim.Fault{}, func() {
		for range 2 {
			writes := len(r.ledger.writes) + len(r.ledger.bank.writes)
			differs, err := p.core.App.PaymentHint(r.ctx, j.trip.ID)
			if hint := r.broke.Hint; err == nil && hint != nil {
				err = hint(r.ctx, j.trip.ID)
			}
			if p.dead {
				return
			}
			if err != nil && fault.KindOf(err) != fault.NotFound || differs != "" {
				r.untrue(p, "trip %s: its webhook finds %q, %v", j.name, differs, err)
			}
			if now := len(r.ledger.writes) + len(r.ledger.bank.writes); now != writes {
				r.untrue(p, "trip %s: its webhook has written", j.name)
			}
		}
	})
}

// journeyAt returns the trip that the point is about, the first one if it is about none.
func (r *run) journeyAt(pt *Point) *journey {
	for _, j := range r.trips {
		for _, key := range pt.Keys {
			if j.name == pt.Saga || key.PK == pkTrip+j.trip.ID {
				return j
			}
		}
	}
	return r.trips[0]
}

// load loads an offer of more, or less, of what the point touches, at a higher price.
func (r *run) load(f sim.Fault, pt *Point) {
	p := r.process()
	pk := r.trips[0].trip.Flight
	for _, key := range pt.Keys {
		if strings.HasPrefix(key.PK, "FLIGHT#") || strings.HasPrefix(key.PK, "HOTEL#") {
			pk = key.PK
		}
	}
	offer, ok := r.ledger.get(table.Key{PK: pk, SK: "INVENTORY"})
	if !ok || p.core == nil {
		return
	}
	counter, _ := r.ledger.get(table.Key{PK: pk, SK: "AVAILABLE"})
	capacity := offer.Ints["capacity"] + 1
	if f.Kind == Lower {
		capacity = offer.Ints["capacity"] - counter.Ints["available"] + 1 // one of those that are free stays
	}
	r.loads++
	offers, cost := offersOf(pk, capacity, int64(1000*r.loads))
	r.as(r.someone("", Loader), f, func() {
		report, err := p.core.App.LoadInventory(r.ctx, offers)
		if err != nil || p.dead {
			return
		}
		r.mustLast(fmt.Sprintf("a load of %s at %d is acknowledged, with %d changes", pk, cost, report.Changed), offer.Key, keyLoad)
	})
}

// stray delivers a payment and a confirmation that no saga asked for, to a trip that is about to fail.
func (r *run) stray(trip string) {
	p := r.process()
	for _, name := range []string{"ProcessPayment", "BookingConfirmed"} {
		task := p.handlers[name]
		if task == nil {
			continue
		}
		id := r.idOf(trip)
		in, _ := json.Marshal(map[string]any{
			"delivery": map[string]any{"execution": "stray", "trip_id": id, "attempt": 0},
			"input":    map[string]any{"trip_id": id},
		})
		c := r.newCall(p, trip, name+"+", r.ctx, task, in)
		c.work()
		if c.done && c.err == nil && !p.dead {
			r.violation(strayRefused, "trip %s: %s was delivered though no saga asked for it, on the way to FAILED, and took effect", trip, name)
		}
	}
}

// tripOf returns the name of the trip whose execution the key belongs to; "" if there is none.
func (r *run) tripOf(key table.Key) string {
	id, ok := strings.CutPrefix(key.PK, pkExecution)
	if !ok {
		id, ok = strings.CutPrefix(key.PK, pkSecond)
	}
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

func (r *run) idOf(name string) string {
	for _, j := range r.trips {
		if j.name == name {
			return j.trip.ID
		}
	}
	return ""
}

func hashText(s string) uint64 { return maphash.String(digestSeed, s) }
