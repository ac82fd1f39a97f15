package rehearsal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/fault"
	"tripsaga/telemetry"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	scripts "tripsaga/verify/play"
)

// traffic books trips at a steady rate, by both versions of the API. Some of them must fail whatever version serves them,
// and some are cancelled by their clients, as in any real traffic.
type traffic struct {
	p       *play
	every   time.Duration
	stopped bool
	ids     []string
}

// The shares of the bookings that must fail.
const (
	declinedShare  = 0.03
	soldOutShare   = 0.02
	hotelFullShare = 0.02
)

// cancelledShare is the share of the bookings whose clients cancel them, within cancelledWithin: some while the saga runs.
const (
	cancelledShare  = 0.15
	cancelledWithin = 10 * time.Second
)

func (t *traffic) begin() {
	t.every = time.Minute / time.Duration(t.p.opt.Rate)
	t.p.clock.AfterFunc(0, t.next)
	t.p.clock.AfterFunc(time.Minute, t.reconcile)
}

func (t *traffic) next() {
	if t.p.over() {
		t.stopped = true
		return
	}
	t.p.clock.AfterFunc(t.every, t.next)
	t.p.fail("booking", t.book())
}

// fail notes the first error of the rehearsal itself.
func (p *play) fail(what string, err error) {
	if err != nil && p.failed == nil {
		p.failed = fmt.Errorf("%s: %w", what, err)
	}
}

func (t *traffic) book() error {
	request := order(t.p.random.orders)
	var trip *domain.Trip
	err := t.call(func(ctx context.Context) (err error) {
		trip, err = t.p.sys.App.BookTrip(ctx, "", request)
		return err
	})
	if err != nil || trip == nil {
		return err
	}
	t.ids = append(t.ids, trip.ID())
	t.p.timeline.booked(t.p.clock.Now())
	if r := t.p.random.cancels; r.Float64() < cancelledShare {
		after := time.Duration(r.Float64() * float64(cancelledWithin))
		t.p.clock.AfterFunc(after, func() { t.p.fail("cancelling", t.cancel(trip.ID())) })
	}
	return nil
}

// cancel is a client's call. That the trip has failed meanwhile is an answer like any other.
func (t *traffic) cancel(id string) error {
	return t.call(func(ctx context.Context) error {
		_, err := t.p.sys.App.CancelTrip(ctx, id, app.CancelRequest{})
		if fault.KindOf(err) == fault.Conflict {
			return nil
		}
		return err
	})
}

// call is a call of the API. Without an alias of it in the template it is called directly.
func (t *traffic) call(serve func(context.Context) error) error {
	f := t.p.functions[functions.API]
	if f == nil {
		return serve(t.p.ctx)
	}
	d := t.p.route(f)
	if !t.p.clock.Sleep(d.took) {
		return nil
	}
	err := serve(context.WithValue(t.p.ctx, deliveryKey{}, d))
	t.p.ended(d, err)
	if m, ok := d.metrics().(telemetry.Answers); ok {
		m.Answered(functions.API, err != nil)
	}
	t.p.gateway(d, err != nil)
	return err
}

// reconcile is the schedule of the reconciler, which starts the cancellations of trips that were confirmed after their
// clients had cancelled them. Its last run is after the youngest of these.
func (t *traffic) reconcile() {
	_, err := t.p.sys.App.Reconcile(t.p.ctx, app.Patience{Grace: reconcileGrace})
	t.p.fail("reconciling", err)
	if ended := t.p.release.ended; ended.IsZero() || t.p.clock.Now().Sub(ended) < after*time.Minute+2*reconcileGrace {
		t.p.clock.AfterFunc(time.Minute, t.reconcile)
	}
}

// reconcileGrace is the default of the deployed function.
const reconcileGrace = 2 * time.Minute

// script has the bookings and the offers: places with room for all, a flight and a hotel with too little.
var script = sync.OnceValue(func() scripts.Script { return scripts.Embedded("rehearsal.txtar", scripts.Today)[0] })

// order draws a booking of the script, and the places of its flight and its hotel.
func order(r *rand.Rand) domain.Request {
	s, name := script(), "trip"
	flight, hotel := r.IntN(s.Places), r.IntN(s.Places)
	switch chance := r.Float64(); {
	case chance < declinedShare:
		name = "declined"
	case chance < declinedShare+soldOutShare:
		name = "sold-out"
	case chance < declinedShare+soldOutShare+hotelFullShare:
		name = "hotel-full"
	}
	return scripts.AtPlace(s.Trip(name), flight, hotel)
}

func (p *play) loadOffers() error {
	s := script()
	offers, err := s.Offers()
	if err == nil {
		_, err = p.sys.App.LoadInventory(p.ctx, offers)
	}
	return err
}
