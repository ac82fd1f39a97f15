package main

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"

	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
)

// offer is what the checks book: a flight and a stay of checkNights in its currency.
type offer struct {
	flight wire.FlightDay
	nights []wire.HotelNight
}

var errNoOffer = errors.New("this deployment offers no flight with 2 seats left and, from its day or the next one on, no " +
	"hotel with a room for two nights in the same currency: load an inventory with `tripsaga inventory load FILE`")

// choose takes the first day of the inventory on which a trip can be booked, and of its flights and hotels those with
// the most room. It reads no more than it needs: an inventory may be large.
func (d *deployment) choose(ctx context.Context) (offer, error) {
	for page, err := range d.flightPages(ctx) {
		if err != nil {
			return offer{}, err
		}
		o, ok, err := d.chooseFrom(ctx, page)
		if ok || err != nil {
			return o, err
		}
	}
	return offer{}, errNoOffer
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
		if nights := stays[f.Price.Currency]; f.Available >= checkSeats && rooms(nights) >= checkRooms {
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
		if ok && rooms(stay) > rooms(best[first.Price.Currency]) {
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

// rooms is what is left on every one of the nights, 0 for no stay.
func rooms(stay []wire.HotelNight) int64 {
	if len(stay) == 0 {
		return 0
	}
	return slices.MinFunc(stay, func(a, b wire.HotelNight) int { return cmp.Compare(a.Available, b.Available) }).Available
}

// flightPages are the flights page by page, small ones: the first day usually does.
func (d *deployment) flightPages(ctx context.Context) func(yield func([]wire.FlightDay, error) bool) {
	return func(yield func([]wire.FlightDay, error) bool) {
		// The day after tomorrow has not begun anywhere: none of its flights has departed.
		query := url.Values{"limit": {"50"}, "from": {relative.Date("today+2", today())}}
		for {
			var page wire.FlightPage
			err := d.c.get(ctx, "/inventory/flights", query, &page)
			if !yield(page.Flights, err) || err != nil || page.NextCursor == "" {
				return
			}
			query.Set("cursor", page.NextCursor)
		}
	}
}

func (d *deployment) nights(ctx context.Context, from, to domain.Date) ([]wire.HotelNight, error) {
	days := inventoryShowCmd{From: string(from), To: string(to)}
	return days.nights(ctx, d.c)
}
