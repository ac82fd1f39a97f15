package trial

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// What trials book: each function has a flight and a hotel of its own, so that trials at the same time do not meet.
// Nobody is sold them: the airline's code belongs to none, and the day is the last but one that can be written.
const (
	day      domain.Date = "9999-12-30"
	nextDay  domain.Date = "9999-12-31"
	currency             = "USD"
	capacity             = 100
	seats                = 2
	rooms                = 1

	seatPrice  = 300 // in minor units
	nightPrice = 500

	cardOK       = "tok_ok"
	cardDeclined = "tok_declined"

	airline                     = "ZZ"
	soldOut domain.FlightNumber = airline + "9999"
)

var (
	flightAmount = money.Amount{Minor: seats * seatPrice, Currency: currency}
	hotelAmount  = money.Amount{Minor: rooms * nightPrice, Currency: currency}
	total        = money.Amount{Minor: flightAmount.Minor + hotelAmount.Minor, Currency: currency}
)

func (a *attempt) flight() domain.FlightNumber {
	return domain.FlightNumber(fmt.Sprintf("%s%d", airline, 1+slices.Index(RolledOut(), a.function)))
}

func (a *attempt) hotel() domain.HotelID {
	return domain.HotelID("PRETRAFFIC-" + strings.ToUpper(a.function))
}

// free is what can be booked of a function's offer, or of what it consists.
type free struct{ seats, rooms int64 }

// offer sees to it that there is something to book, and notes how much. An offer that is used up, by trips that were
// confirmed or could not be taken back, is made larger.
func (a *attempt) offer(ctx context.Context) error {
	now, all, err := a.free(ctx)
	if err == nil && (now.seats < seats || now.rooms < rooms) {
		now = free{now.seats + capacity, now.rooms + capacity}
		err = a.again(ctx, passes, func() error {
			_, err := a.app.LoadInventory(ctx, a.offers(free{all.seats + capacity, all.rooms + capacity}))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("the synthetic offer: %w", err)
	}
	a.before = now
	return nil
}

// offers are loaded once; loading them again changes nothing.
func (a *attempt) offers(all free) domain.Offers {
	flight := func(number domain.FlightNumber, seats int64) domain.Offer[domain.FlightDay] {
		return domain.Offer[domain.FlightDay]{Source: "pre-traffic", Row: domain.FlightDay{
			Number: number, Date: day, Airline: "Synthetic", Origin: "XXX", Destination: "XXX", Departs: "00:00", Arrives: "00:00",
			Price: money.Amount{Minor: seatPrice, Currency: currency}, Capacity: seats,
		}}
	}
	night := domain.HotelNight{Hotel: a.hotel(), Night: day, Name: "Synthetic", City: "Nowhere",
		Price: money.Amount{Minor: nightPrice, Currency: currency}, Capacity: all.rooms}
	offers := domain.Offers{
		Flights:     []domain.Offer[domain.FlightDay]{flight(a.flight(), all.seats)},
		Nights:      []domain.Offer[domain.HotelNight]{{Row: night, Source: "pre-traffic"}},
		Fingerprint: ident.Fingerprint("pre-traffic", a.function, fmt.Sprint(all)),
	}
	if a.function == flightBookingFailed {
		offers.Flights = append(offers.Flights, flight(soldOut, 0))
	}
	return offers
}

// free reads what is left of all; both are nothing when the offer is not there, or so new that the index does not have it.
func (a *attempt) free(ctx context.Context) (left, all free, err error) {
	q := domain.InventoryQuery{From: day, To: day, Limit: domain.MaxPage}
	flights, err := a.app.ShowFlights(ctx, q)
	if err != nil {
		return left, all, err
	}
	nights, err := a.app.ShowNights(ctx, q)
	if err != nil {
		return left, all, err
	}
	f := slices.IndexFunc(flights.Items, func(f domain.FlightDay) bool { return f.Number == a.flight() })
	empty := a.function != flightBookingFailed ||
		slices.ContainsFunc(flights.Items, func(f domain.FlightDay) bool { return f.Number == soldOut })
	h := slices.IndexFunc(nights.Items, func(n domain.HotelNight) bool { return n.Hotel == a.hotel() })
	if f < 0 || h < 0 || !empty {
		return left, all, nil
	}
	flight, night := flights.Items[f], nights.Items[h]
	return free{flight.Available, night.Available}, free{flight.Capacity, night.Capacity}, nil
}

// allBack wants as much to be free as before, if that is known.
func (a *attempt) allBack(ctx context.Context) error {
	if a.before == (free{}) {
		return nil
	}
	return a.again(ctx, always, func() error {
		now, all, err := a.free(ctx)
		switch {
		case err != nil:
			return err
		case all == free{}:
			return fault.New(fault.Unavailable, fault.NameUnavailable, "the synthetic offer is not listed")
		case now != a.before:
			return fmt.Errorf("free are %+v, before they were %+v", now, a.before)
		}
		return nil
	})
}
