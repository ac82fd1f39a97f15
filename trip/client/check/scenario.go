package check

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
)

// Scenario is a booking and how it must end.
type Scenario struct {
	Name, Title string
	change      func(*domain.Request) // what makes it fail; nil changes nothing
	repeat      bool                  // send it again under its key, and another booking under that key, too
	want        expectation
}

// expectation is how a booking must end. What it costs and what it holds follows from the states of its steps: a step
// that is DONE or UNDONE has its price on record, and only what is DONE is held or captured.
type expectation struct {
	status    domain.Status
	reason    string
	saga      string
	sagaError string // also the state at which the saga fails
	states    []string

	flight, hotel, payment domain.StepState // "" for a step that is never taken
}

// bookedSeats and bookedRooms are what each booking asks for.
const (
	bookedSeats  = 2
	bookedNights = 2
	bookedRooms  = 1
)

// notOffered are a flight and a hotel that no inventory has; nothing is ever reserved under these names.
const (
	notOfferedFlight = "ZZ9999"
	notOfferedHotel  = "CHECK-NOT-OFFERED"
)

// HappyPath is a trip that is confirmed.
var HappyPath = Scenario{
	Name: "happy-path", Title: "Everything is booked", repeat: true,
	want: expectation{
		status: domain.Confirmed, saga: "SUCCEEDED",
		states: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed"},
		flight: domain.StepDone, hotel: domain.StepDone, payment: domain.StepDone,
	},
}

// Compensations are trips that fail at each step.
var Compensations = []Scenario{
	{
		Name: "flight", Title: "The flight is not offered: nothing was done, nothing is taken back",
		change: func(r *domain.Request) { r.Flight.Number = notOfferedFlight },
		want: expectation{
			status: domain.Failed, reason: fault.NameFlightUnavailable,
			saga: "FAILED", sagaError: fault.NameFlightBookingFailed,
			states: []string{"ReserveFlight", "FlightBookingFailed"},
			flight: domain.StepRefused,
		},
	},
	{
		Name: "hotel", Title: "The hotel is not offered: the flight is taken back",
		change: func(r *domain.Request) { r.Hotel.ID = notOfferedHotel },
		want: expectation{
			status: domain.Failed, reason: fault.NameHotelUnavailable,
			saga: "FAILED", sagaError: fault.NameBookingFailed,
			states: []string{"ReserveFlight", "ReserveHotel", "CancelFlight", "BookingFailed"},
			flight: domain.StepUndone, hotel: domain.StepRefused,
		},
	},
	{
		Name: "payment", Title: "The card is declined: hotel and flight are taken back",
		change: func(r *domain.Request) { r.Payment.CardToken = bank.Declined },
		want: expectation{
			status: domain.Failed, reason: fault.NamePaymentDeclined,
			saga: "FAILED", sagaError: fault.NameBookingFailed,
			states: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "CancelHotel", "CancelFlight", "BookingFailed"},
			flight: domain.StepUndone, hotel: domain.StepUndone, payment: domain.StepRefused,
		},
	},
}

func (s Scenario) request(o offer) domain.Request {
	r := domain.Request{
		Traveler: domain.TravelerRequest{Name: "Tripsaga Check", Email: "check@example.com"},
		Flight:   domain.FlightRequest{Number: string(o.flight.Number), Date: string(o.flight.Date), Seats: bookedSeats},
		Hotel: domain.StayRequest{
			ID: string(o.nights[0].Hotel), CheckIn: string(o.nights[0].Night),
			CheckOut: string(o.nights[len(o.nights)-1].Night.Next()), Rooms: bookedRooms,
		},
		Payment:  domain.PaymentRequest{CardToken: bank.OK},
		Currency: string(o.flight.Price.Currency),
	}
	if s.change != nil {
		s.change(&r)
	}
	return r
}

// offer is what the checks book: a flight and a stay of bookedNights in its currency.
type offer struct {
	flight wire.FlightDay
	nights []wire.HotelNight
}

// ErrNoOffer means that nothing can be booked.
var ErrNoOffer = errors.New("this deployment offers no flight with 2 seats left and, from its day or the next one on, no " +
	"hotel with a room for two nights in the same currency: load an inventory with `tripsaga inventory load FILE`")

// choose takes the first day of the inventory on which a trip can be booked, and of its flights and hotels those with
// the most room. It reads no more than it needs: an inventory may be large.
func (d *deployment) choose(ctx context.Context) (offer, error) {
	// The day after tomorrow has not begun anywhere: none of its flights has departed.
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

// chooseFrom goes through the flights of a page day by day.
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

// bestOf is the flight with the most seats for which there is a stay.
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

// stays are, by currency, the two nights of one hotel with the most room.
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

// roomsLeft is what is left on every one of the nights, 0 for no stay.
func roomsLeft(stay []wire.HotelNight) int64 {
	if len(stay) == 0 {
		return 0
	}
	return slices.MinFunc(stay, func(a, b wire.HotelNight) int { return cmp.Compare(a.Available, b.Available) }).Available
}

func (d *deployment) nights(ctx context.Context, from, to domain.Date) ([]wire.HotelNight, error) {
	return client.All(d.c.Nights(ctx, string(from), string(to), client.MaxPage))
}
