package console

import (
	"context"
	"errors"
	"net/http"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

const inventoryPath = "/console/inventory"

// The kinds of offers, which are the values of the parameter kind.
const (
	kindFlights = "flights"
	kindNights  = "hotels"
)

// inventoryPage is what the page of the inventory shows.
type inventoryPage struct {
	*input
	Kinds       []kind
	Flights     []offer[domain.FlightDay]
	Nights      []offer[domain.HotelNight]
	Next, First string
}

// kind is a tab.
type kind struct {
	Name, Address string
	Chosen        bool
}

// offer is a row with its bar. NewDay is set if the row before is of another day.
type offer[T any] struct {
	Row    T
	Bar    bar
	NewDay bool
}

// bar shows how much is left.
type bar struct{ Available, Capacity int64 }

// Percent is the length of the bar.
func (b bar) Percent() int64 {
	if b.Capacity <= 0 {
		return 0
	}
	return (100*b.Available + b.Capacity - 1) / b.Capacity
}

// Level is the class of the bar: sold out, nearly sold out, or neither.
func (b bar) Level() string {
	switch {
	case b.Available <= 0:
		return "bad"
	case b.Percent() <= 10:
		return "waiting"
	}
	return "ok"
}

// inventory lists the flights or the hotel nights of one day, or from today on.
func (c *console) inventory(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.URL.Query(), "kind", "day", "cursor")
	d := &inventoryPage{input: in}
	shown := in.oneOf("kind", kindFlights, kindNights)
	if shown == "" {
		shown = kindFlights
	}
	q := domain.InventoryQuery{From: in.date("day"), To: in.date("day"), Limit: rowsPerPage, Cursor: in.usable("cursor")}
	if q.From == "" {
		q.From = domain.DateOf(c.now())
	}
	if err := c.fillInventory(r.Context(), d, shown, q); err != nil {
		return page.Page{}, err
	}
	if q.Cursor != "" {
		d.First = in.address(inventoryPath, "cursor", "")
	}
	delete(in.values, "cursor")
	for _, name := range []string{kindFlights, kindNights} {
		d.Kinds = append(d.Kinds, kind{name, in.address(inventoryPath, "kind", name), name == shown})
	}
	p := page.Page{Templates: templates, Name: "inventory.html", Data: d, Title: templates.Text(r.Lang, "inventory-title"),
		Section: "inventory", Live: &page.Live{Changed: c.Feed.Changed}}
	if in.Bad() {
		p.Status, p.Live = http.StatusBadRequest, nil
	}
	return p, nil
}

func (c *console) fillInventory(ctx context.Context, d *inventoryPage, shown string, q domain.InventoryQuery) (err error) {
	if d.Bad() {
		return nil
	}
	var next string
	if shown == kindFlights {
		var list domain.Page[domain.FlightDay]
		list, err = c.Flights(ctx, q)
		next = list.Cursor
		for i, f := range list.Items {
			d.Flights = append(d.Flights, offer[domain.FlightDay]{f, bar{f.Available, f.Capacity}, i == 0 || list.Items[i-1].Date != f.Date})
		}
	} else {
		var list domain.Page[domain.HotelNight]
		list, err = c.Nights(ctx, q)
		next = list.Cursor
		for i, n := range list.Items {
			d.Nights = append(d.Nights, offer[domain.HotelNight]{n, bar{n.Available, n.Capacity}, i == 0 || list.Items[i-1].Night != n.Night})
		}
	}
	if next != "" {
		d.Next = d.address(inventoryPath, "cursor", next)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Field == "cursor" {
		d.refuse("cursor", "input-cursor", short(q.Cursor))
		return nil
	}
	return err
}
