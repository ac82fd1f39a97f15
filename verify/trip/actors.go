package trip

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/verify/model"
	"tripsaga/verify/world"
)

// The actors other than tasks and engines, as labels name them.
const (
	Client     = "Book"
	Canceller  = "Cancel"
	Reconciler = "Reconcile"
	Loader     = "Load"
	Looker     = "Look"
	Webhook    = "Hint"
)

// The engines, as labels name them.
const (
	Engine       = "Engine"
	SecondEngine = "Cancellation" // of the cancellations
)

// cancel is the client that requests the cancellation of a confirmed trip. It repeats the request with an idempotency key until
// it has an answer.
func (r *cast) cancel(j *journey) {
	p := r.current()
	if p.Dead() || j.cancelled {
		return
	}
	j.cancels++
	if j.cancels > maxCalls {
		j.cancelled = true
		if r.status(j) == "" { // it was never booked, or its booking is paused
			r.judge.SetOutcome(j.trip.ID, model.Either)
		} else if r.Quiet() {
			r.Violation(clientAnswered, "trip %s: %d requests to cancel it had no answer", j.name, maxCalls)
		}
		return
	}
	r.Work(j.name, Canceller, sim.Fault{}, func() {
		if !r.askToCancel(p, j, "cancel-"+j.name) && !p.Dead() {
			p.AfterFunc(time.Second, func() { r.cancel(j) })
		}
	})
}

// cancelInBetween is a cancellation request over another connection. It is not repeated.
func (r *cast) cancelInBetween(j *journey, by sim.Fault) {
	p := r.current()
	r.Work(j.name, Canceller+"+", by, func() { r.askToCancel(p, j, "") })
}

// askToCancel makes a cancellation request and reports whether the client has an answer.
func (r *cast) askToCancel(p *program, j *journey, key string) bool {
	t, err := p.core.App.CancelTrip(r.Context(), j.trip.ID, app.CancelRequest{Key: key, Reason: "plans have changed"})
	if p.Dead() {
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
		if r.Skipped() < authorised {
			r.untrue(p, "trip %s cannot be cancelled: %v", j.name, err)
		}
	default:
		return false
	}
	j.cancelled = true
	return true
}

// maxCalls is how often a client calls before it gives up. No schedule needs that many calls.
const maxCalls = 10

// book is the client that books: it repeats its call with its idempotency key until it has an answer.
func (r *cast) book(j *journey) {
	p := r.current()
	if p.Dead() || j.done {
		return
	}
	j.calls++
	r.Work(j.name, Client, sim.Fault{}, func() {
		t, err := p.core.App.BookTrip(r.Context(), j.name, j.request)
		switch {
		case p.Dead():
		case err == nil:
			r.heardOfTrip(j, t)
		case j.done:
		case fault.KindOf(err) == fault.Invalid && r.Skipped() >= authorised: // the flight has departed meanwhile
			j.done = true
		case j.calls == maxCalls:
			if j.done = true; !r.Quiet() {
				return // another call of the same key is paused in the middle of its start
			}
			r.Violation(clientAnswered, "trip %s: after %d calls the answer is still: %v", j.name, maxCalls, err)
		default:
			p.AfterFunc(time.Second, func() { r.book(j) })
		}
	})
}

// rebook repeats the client's call over another connection.
func (r *cast) rebook(j *journey, by sim.Fault) {
	p := r.current()
	r.Work(j.name, Client+"+", by, func() {
		if t, err := p.core.App.BookTrip(r.Context(), j.name, j.request); err == nil && !p.Dead() {
			r.heardOfTrip(j, t)
		}
	})
}

// reconcile starts the sagas of trips that were stored but never started, as the server does every minute.
func (r *cast) reconcile() { r.reconcileWith(app.Patience{Grace: time.Minute}, sim.Fault{}) }

func (r *cast) reconcileWith(patience app.Patience, by sim.Fault) {
	p := r.current()
	if p.Dead() {
		return
	}
	var due []*journey
	for _, j := range r.trips {
		if r.status(j) == "PENDING" {
			due = append(due, j)
		}
	}
	r.Work("", Reconciler, by, func() {
		_, err := p.core.App.Reconcile(r.Context(), patience) // what fails is left to the next run
		if err != nil || p.Dead() || patience.Overdue == 0 {
			return
		}
		for _, j := range due {
			if r.status(j) == "PENDING" {
				r.Violation(noneForgotten, "trip %s is overdue, but the reconciler has not marked it", j.name)
			}
		}
	})
}

// Between implements world.Cast.
func (r *cast) Between(f sim.Fault, pt *world.Point) {
	switch f.Kind {
	case Overdue:
		r.reconcileWith(app.Patience{Overdue: -1}, f) // whatever its age
	case Load, Lower:
		r.load(f, pt)
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

// hint delivers the provider's webhook twice. The webhook must not write anything or find a difference.
func (r *cast) hint(j *journey) {
	p := r.current()
	r.Watch(j.name, Webhook, func() {
		for range 2 {
			writes := r.Writes()
			differs, err := p.core.App.PaymentHint(r.Context(), j.trip.ID)
			if hint := r.broke.Hint; err == nil && hint != nil {
				err = hint(r.Context(), j.trip.ID)
			}
			if p.Dead() {
				return
			}
			if err != nil && fault.KindOf(err) != fault.NotFound || differs != "" {
				r.untrue(p, "trip %s: its webhook finds %q, %v", j.name, differs, err)
			}
			if r.Writes() != writes {
				r.untrue(p, "trip %s: its webhook has written", j.name)
			}
		}
	})
}

// journeyAt returns the trip that the point belongs to; the first trip if it belongs to no trip.
func (r *cast) journeyAt(pt *world.Point) *journey {
	for _, j := range r.trips {
		for _, key := range pt.Keys {
			if j.name == pt.Saga || key.PK == pkTrip+j.trip.ID {
				return j
			}
		}
	}
	return r.trips[0]
}

// load loads an offer with more or less capacity of what the point touches, at a higher price.
func (r *cast) load(f sim.Fault, pt *world.Point) {
	p := r.current()
	pk := r.trips[0].trip.Flight
	for _, key := range pt.Keys {
		if strings.HasPrefix(key.PK, "FLIGHT#") || strings.HasPrefix(key.PK, "HOTEL#") {
			pk = key.PK
		}
	}
	offer, ok := r.Item(table.Key{PK: pk, SK: "INVENTORY"})
	if !ok || p.core == nil {
		return
	}
	counter, _ := r.Item(table.Key{PK: pk, SK: "AVAILABLE"})
	capacity := offer.Ints["capacity"] + 1
	if f.Kind == Lower {
		capacity = offer.Ints["capacity"] - counter.Ints["available"] + 1 // one of those that are free stays
	}
	r.loads++
	offers, cost := offersOf(pk, capacity, int64(1000*r.loads))
	r.Work("", Loader, f, func() {
		report, err := p.core.App.LoadInventory(r.Context(), offers)
		if err != nil || p.Dead() {
			return
		}
		r.MustLast(fmt.Sprintf("a load of %s at %d is acknowledged, with %d changes", pk, cost, report.Changed), offer.Key, keyLoad)
	})
}

// stray delivers a payment and a confirmation that no saga has requested to a trip that is about to fail.
func (r *cast) stray(trip string) {
	p := r.current()
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
		if done, err := r.Deliver(trip, name+"+", task, in); done && err == nil && !p.Dead() {
			r.Violation(strayRefused, "trip %s: %s was delivered on the way to FAILED although no saga requested it, and took effect", trip, name)
		}
	}
}

func (r *cast) idOf(name string) string {
	for _, j := range r.trips {
		if j.name == name {
			return j.trip.ID
		}
	}
	return ""
}
