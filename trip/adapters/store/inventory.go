package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Inventory implements domain.Inventory.
type Inventory struct{ table table.Table }

var _ domain.Inventory = (*Inventory)(nil)

// NewInventory keeps the inventory in t.
func NewInventory(t table.Table) *Inventory { return &Inventory{t} }

// terms is what a reservation needs to know of an offer, of either kind.
type terms struct {
	Price   money.Amount `json:"price"`
	Origin  string       `json:"origin"` // of a flight, as the time
	Departs string       `json:"departs"`
}

func getOffer(ctx context.Context, t table.Table, key table.Key) (offer terms, ok bool, err error) {
	item, ok, err := t.Get(ctx, key)
	if err != nil || !ok {
		return offer, false, barrier.Fault(err)
	}
	if err := json.Unmarshal(item.Data, &offer); err != nil {
		return offer, false, fmt.Errorf("store: the offer at %s: %w", key, err)
	}
	return offer, true, nil
}

// flightRecord is the JSON form of a flight on one day.
type flightRecord struct {
	Number      domain.FlightNumber `json:"number"`
	Date        domain.Date         `json:"date"`
	Airline     string              `json:"airline"`
	Origin      string              `json:"origin"`
	Destination string              `json:"destination"`
	Departs     string              `json:"departs"`
	Arrives     string              `json:"arrives"`
	Price       money.Amount        `json:"price"`
	Capacity    int64               `json:"capacity"`
}

// nightRecord is the JSON form of a hotel on one night.
type nightRecord struct {
	Hotel    domain.HotelID `json:"hotel"`
	Night    domain.Date    `json:"night"`
	Name     string         `json:"name"`
	City     string         `json:"city"`
	Price    money.Amount   `json:"price"`
	Capacity int64          `json:"capacity"`
}

// Departure implements domain.Inventory.
func (v *Inventory) Departure(ctx context.Context, n domain.FlightNumber, day domain.Date) (domain.FlightDay, error) {
	offer, _, err := getOffer(ctx, v.table, flightKey(n, day, skInventory))
	return domain.FlightDay{Number: n, Date: day, Origin: offer.Origin, Departs: offer.Departs}, err
}

// Flights implements domain.Inventory.
func (v *Inventory) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	return list(ctx, v.table, indexFlights, q, func(r flightRecord, free int64) domain.FlightDay {
		return domain.FlightDay{Number: r.Number, Date: r.Date, Airline: r.Airline, Origin: r.Origin,
			Destination: r.Destination, Departs: r.Departs, Arrives: r.Arrives, Price: r.Price,
			Capacity: r.Capacity, Available: free}
	})
}

// Nights implements domain.Inventory.
func (v *Inventory) Nights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	return list(ctx, v.table, indexHotels, q, func(r nightRecord, free int64) domain.HotelNight {
		return domain.HotelNight{Hotel: r.Hotel, Night: r.Night, Name: r.Name, City: r.City, Price: r.Price,
			Capacity: r.Capacity, Available: free}
	})
}

// list reads a page of offers, each with its counter.
func list[R, T any](ctx context.Context, t table.Table, index string, q domain.InventoryQuery,
	row func(R, int64) T) (domain.Page[T], error) {
	var p domain.Page[T]
	limit, err := pageLimit(q.Limit)
	if err != nil {
		return p, err
	}
	query := table.Query{PK: index, Index: true, From: string(q.From), Limit: limit, Cursor: q.Cursor}
	if next := q.To.Next(); q.To != "" && next > q.To { // dates have four digits: after 9999-12-31 none comes
		query.To = string(next)
	}
	page, err := table.FullPage(ctx, t, query)
	if errors.Is(err, table.ErrInvalid) && q.Cursor != "" {
		return p, fault.Invalidf("cursor", "%.60q is no cursor of this list", q.Cursor)
	}
	if err != nil {
		return p, barrier.Fault(err)
	}
	p.Cursor = page.Cursor
	p.Items = make([]T, len(page.Items))
	err = parallel(ctx, len(page.Items), func(ctx context.Context, i int) error {
		var r R
		if err := json.Unmarshal(page.Items[i].Data, &r); err != nil {
			return fmt.Errorf("store: the offer at %s: %w", page.Items[i].Key, err)
		}
		counter, _, err := t.Get(ctx, table.Key{PK: page.Items[i].PK, SK: skAvailable})
		p.Items[i] = row(r, counter.Ints[available])
		return barrier.Fault(err)
	})
	if err != nil {
		return domain.Page[T]{}, err
	}
	return p, nil
}

// LastLoad implements domain.Inventory.
func (v *Inventory) LastLoad(ctx context.Context) (state domain.LoadState, err error) {
	item, ok, err := v.table.Get(ctx, keyLoad)
	if err != nil || !ok {
		return state, barrier.Fault(err)
	}
	if err := json.Unmarshal(item.Data, &state); err != nil {
		return state, fmt.Errorf("store: the state of the last load: %w", err)
	}
	return state, nil
}

// mark notes how a load goes. It is durable: before the first row is written and after the last.
func (v *Inventory) mark(ctx context.Context, state domain.LoadState) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	item := table.Item{Key: keyLoad, Data: data}
	return barrier.Fault(v.table.Transact(table.Durable(ctx), table.Put(item, table.None)))
}
