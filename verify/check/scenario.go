package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tripsaga/shared/money"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
	"tripsaga/verify/play"
)

// Scenario is a script of the folder check, booked from the offers of a deployment. The states of its steps determine what the
// trip costs and holds at its end: a step that is DONE or UNDONE has a recorded price, and only a step that is DONE holds a
// reservation or captured money.
type Scenario struct {
	Name, Title string
	script      play.Script
	want        play.End
	// Whether the flight and the hotel are among the script's offers. If not, no inventory has them, and nothing is ever
	// reserved under their names.
	flightOffered, hotelOffered bool
}

// Scenarios returns all scenarios: the trip that is confirmed (happy-path), one that fails at each step, and one that is
// confirmed and then cancelled (cancellation).
func Scenarios() []Scenario {
	var all []Scenario
	for _, script := range play.Embedded("check", play.Today) {
		offers, err := script.Offers()
		if err != nil {
			panic(fmt.Sprintf("%s: %v", script.File, err))
		}
		r := script.Request()
		all = append(all, Scenario{
			Name: script.Name, Title: script.Title, script: script, want: script.End(),
			flightOffered: slices.ContainsFunc(offers.Flights, func(o domain.Offer[domain.FlightDay]) bool {
				return string(o.Row.Number) == r.Flight.Number
			}),
			hotelOffered: slices.ContainsFunc(offers.Nights, func(o domain.Offer[domain.HotelNight]) bool {
				return string(o.Row.Hotel) == r.Hotel.ID
			}),
		})
	}
	return all
}

// repeats reports whether the booking is repeated with its key, and a different booking sent with that key.
func (s Scenario) repeats() bool { return s.want.Trip == domain.Confirmed }

// cancels reports whether the trip is cancelled once it is confirmed.
func (s Scenario) cancels() bool { return len(s.script.Cancels) > 0 }

// charged reports whether the trip's payment is charged, even if it is refunded later.
func (s Scenario) charged() bool { return s.want.Payment == domain.StepDone || s.cancels() }

// request returns the script's booking with the days and the currency of a deployment's offer and, where the script offers
// them, its flight and hotel.
func (s Scenario) request(o offer) domain.Request {
	r := s.script.Request()
	r.Currency = string(o.flight.Price.Currency)
	r.Flight.Date = string(o.flight.Date)
	r.Hotel.CheckIn, r.Hotel.CheckOut = string(o.nights[0].Night), string(o.nights[len(o.nights)-1].Night.Next())
	if s.flightOffered {
		r.Flight.Number = string(o.flight.Number)
	}
	if s.hotelOffered {
		r.Hotel.ID = string(o.nights[0].Hotel)
	}
	return r
}

// What every booking requests.
const (
	bookedSeats  = 2
	bookedNights = 2
	bookedRooms  = 1
)

// offer is what the checks book: a flight and a stay of bookedNights in the same currency.
type offer struct {
	flight wire.FlightDay
	nights []wire.HotelNight
}

// ErrNoOffer means that nothing can be booked.
var ErrNoOffer = errors.New("this deployment offers no flight with 2 seats left and, from its day or the next one on, no " +
	"hotel with a room for two nights in the same currency: load an inventory with `tripsaga inventory load FILE`")

// choose returns an offer on the first day on which a trip can be booked: the flight and the hotel with the most room left. It
// reads only what it needs, since an inventory may be large.
func (d *deployment) choose(ctx context.Context) (offer, error) {
	// The day after tomorrow has not begun in any time zone, so none of its flights has departed.
	first := relative.Date("today+2", domain.DateOf(time.Now()))
	for page, err := range d.c.Flights(ctx, first, "", 50) {
		if err != nil {
			return offer{}, err
		}
		o, ok, err := d.chooseFrom(ctx, page)
		if ok || err != nil {
			return o, err
		}
	}
	return offer{}, ErrNoOffer
}

// chooseFrom searches the flights of a page day by day.
func (d *deployment) chooseFrom(ctx context.Context, flights []wire.FlightDay) (o offer, ok bool, err error) {
	for len(flights) > 0 {
		day := flights[0].Date
		end := slices.IndexFunc(flights, func(f wire.FlightDay) bool { return f.Date != day })
		if end < 0 {
			end = len(flights)
		}
		last := max(day, day.Next().Next()) // for stays from this day or the next on; there is no year 10000
		nights, err := d.nights(ctx, day, last)
		if err != nil {
			return o, false, err
		}
		if o, ok := bestOf(flights[:end], stays(nights)); ok {
			return o, true, nil
		}
		flights = flights[end:]
	}
	return o, false, nil
}

// bestOf returns the flight with the most seats left for which there is a stay.
func bestOf(flights []wire.FlightDay, stays map[money.Currency][]wire.HotelNight) (offer, bool) {
	flights = slices.SortedStableFunc(slices.Values(flights), func(a, b wire.FlightDay) int {
		return cmp.Compare(b.Available, a.Available)
	})
	for _, f := range flights {
		if nights := stays[f.Price.Currency]; f.Available >= bookedSeats && roomsLeft(nights) >= bookedRooms {
			return offer{f, nights}, true
		}
	}
	return offer{}, false
}

// stays returns, by currency, the two nights of the hotel with the most rooms left.
func stays(nights []wire.HotelNight) map[money.Currency][]wire.HotelNight {
	best := map[money.Currency][]wire.HotelNight{}
	for _, first := range nights {
		second, ok := nightAfter(nights, first)
		stay := []wire.HotelNight{first, second}
		if ok && roomsLeft(stay) > roomsLeft(best[first.Price.Currency]) {
			best[first.Price.Currency] = stay
		}
	}
	return best
}

func nightAfter(nights []wire.HotelNight, first wire.HotelNight) (wire.HotelNight, bool) {
	i := slices.IndexFunc(nights, func(n wire.HotelNight) bool {
		return n.Hotel == first.Hotel && n.Night == first.Night.Next() && n.Price.Currency == first.Price.Currency
	})
	if i < 0 {
		return wire.HotelNight{}, false
	}
	return nights[i], true
}

// roomsLeft returns how many rooms are left on every one of the nights; 0 without a stay.
func roomsLeft(stay []wire.HotelNight) int64 {
	if len(stay) == 0 {
		return 0
	}
	return slices.MinFunc(stay, func(a, b wire.HotelNight) int { return cmp.Compare(a.Available, b.Available) }).Available
}

func (d *deployment) nights(ctx context.Context, from, to domain.Date) ([]wire.HotelNight, error) {
	return client.All(d.c.Nights(ctx, string(from), string(to), client.MaxPage))
}
