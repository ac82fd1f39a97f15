package rehearsal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
)

// traffic books trips at a steady rate, by both versions of the API. Some of them must fail whatever version serves them,
// as some always do.
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

// book is a call of the API; where its alias is not in the template, it is called all the same.
func (t *traffic) book() error {
	ctx, request := t.p.ctx, order(t.p.random.orders)
	d := (*delivery)(nil)
	if f := t.p.functions[functions.API]; f != nil {
		d = t.p.route(f)
		if !t.p.clock.sleep(d.took) {
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

// The offers: places with room for all, one flight and one hotel with too little.
const (
	places    = 20
	day       = domain.Date("2027-03-01")
	soldOut   = "SO1"
	fullHotel = "FULL"
)

func order(r *rand.Rand) domain.Request {
	flight, hotel, card := flightOf(r.IntN(places)), hotelOf(r.IntN(places)), bank.OK
	switch chance := r.Float64(); {
	case chance < declinedShare:
		card = bank.Declined
	case chance < declinedShare+soldOutShare:
		flight = soldOut
	case chance < declinedShare+soldOutShare+hotelFullShare:
		hotel = fullHotel
	}
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: flight, Date: string(day), Seats: 2},
		Hotel:    domain.StayRequest{ID: hotel, CheckIn: string(day), CheckOut: string(day.Next()), Rooms: 2},
		Payment:  domain.PaymentRequest{CardToken: card},
		Currency: "JPY",
	}
}

func flightOf(i int) string { return fmt.Sprintf("RH%d", 100+i) }
func hotelOf(i int) string  { return fmt.Sprintf("REHEARSAL-%d", i) }

func (p *play) loadOffers() error {
	const plenty = 1_000_000
	offers := domain.Offers{Fingerprint: "rehearsal"}
	offers.Flights = append(offers.Flights, flightOffer(soldOut, 1))
	offers.Nights = append(offers.Nights, hotelOffer(fullHotel, 1))
	for i := range places {
		offers.Flights = append(offers.Flights, flightOffer(flightOf(i), plenty))
		offers.Nights = append(offers.Nights, hotelOffer(hotelOf(i), plenty))
	}
	_, err := p.sys.App.LoadInventory(p.ctx, offers)
	return err
}

var price = money.Amount{Minor: 12_000, Currency: "JPY"}

func flightOffer(number string, capacity int64) domain.Offer[domain.FlightDay] {
	return domain.Offer[domain.FlightDay]{Source: "rehearsal", Row: domain.FlightDay{
		Number: domain.FlightNumber(number), Date: day, Airline: "Rehearsal Air", Origin: "HND", Destination: "CTS",
		Departs: "09:00", Arrives: "10:35", Price: price, Capacity: capacity,
	}}
}

func hotelOffer(id string, capacity int64) domain.Offer[domain.HotelNight] {
	return domain.Offer[domain.HotelNight]{Source: "rehearsal", Row: domain.HotelNight{
		Hotel: domain.HotelID(id), Night: day, Name: "Rehearsal Inn", City: "Sapporo", Price: price, Capacity: capacity,
	}}
}
