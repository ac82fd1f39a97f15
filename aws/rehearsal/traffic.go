package rehearsal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/trip/domain"
	scripts "tripsaga/verify/play"
)

// traffic books trips at a steady rate, by both versions of the API. Some of them must fail whatever version serves them,
// as in any real traffic.
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

func (t *traffic) begin() {
	t.every = time.Minute / time.Duration(t.p.opt.Rate)
	t.p.clock.AfterFunc(0, t.next)
}

func (t *traffic) next() {
	if t.p.over() {
		t.stopped = true
		return
	}
	t.p.clock.AfterFunc(t.every, t.next)
	if err := t.book(); err != nil && t.p.failed == nil {
		t.p.failed = fmt.Errorf("booking: %w", err)
	}
}

// book is a call of the API. Without an alias of it in the template it is called directly.
func (t *traffic) book() error {
	ctx, request := t.p.ctx, order(t.p.random.orders)
	d := (*delivery)(nil)
	if f := t.p.functions[functions.API]; f != nil {
		d = t.p.route(f)
		if !t.p.clock.Sleep(d.took) {
			return nil
		}
		ctx = context.WithValue(ctx, deliveryKey{}, d)
	}
	trip, err := t.p.sys.App.BookTrip(ctx, "", request)
	if d != nil {
		t.p.ended(d, err)
		t.p.gateway(d, err != nil)
	}
	if err != nil {
		return err
	}
	t.ids = append(t.ids, trip.ID())
	t.p.timeline.booked(t.p.clock.Now())
	return nil
}

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
