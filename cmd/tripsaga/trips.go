package main

import (
	"fmt"

	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// tripsCmd lists trips.
type tripsCmd struct {
	remote
	Status string `help:"Only trips of this status: PENDING, NEEDS_ATTENTION, CONFIRMED, CANCELLING, CANCELLED or FAILED."`
	Limit  int    `help:"Trips to list, 1 to 200; with --all the size of a page." default:"50"`
	All    bool   `help:"List all trips, page by page."`
	Wide   bool   `help:"Show every column; without it the lines fit into 120."`
}

func (l *tripsCmd) Run(p *program) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	whole := wire.TripPage{Trips: []wire.Trip{}}
	for page, err := range c.Trips(p.ctx, domain.Status(l.Status), l.Limit) {
		if err != nil {
			return err
		}
		whole.Trips, whole.NextCursor = append(whole.Trips, page.Trips...), page.NextCursor
		if !l.All {
			break
		}
	}
	return l.print(p, whole)
}

func (l *tripsCmd) print(p *program, page wire.TripPage) error {
	if l.JSON {
		return p.printJSON(page)
	}
	g := l.grid(p, page.Trips)
	if err := g.end(); err != nil {
		return err
	}
	if page.NextCursor != "" {
		fmt.Fprintln(p.stderr, "there are more: see --all and --limit")
	}
	return nil
}

func (l *tripsCmd) grid(p *program, trips []wire.Trip) *grid {
	if !l.Wide {
		g := p.grid("TRIP", "STATUS", "FLIGHT", "DATE", "PAID OR REASON")
		for _, t := range trips {
			g.row(t.ID, t.Status, t.Flight.Number, t.Flight.Date, outcomeText(t))
		}
		return g
	}
	g := p.grid("TRIP", "STATUS", "FLIGHT", "DATE", "SEATS", "HOTEL", "CHECK-IN", "CHECK-OUT", "ROOMS", "PAID", "REASON")
	for _, t := range trips {
		g.row(t.ID, t.Status, t.Flight.Number, t.Flight.Date, t.Flight.Seats,
			t.Hotel.Hotel, t.Hotel.CheckIn, t.Hotel.CheckOut, t.Hotel.Rooms, paidText(t), t.Reason.Name)
	}
	return g
}

// outcomeText is what was paid and the reason why the trip did not end well, of which there may be both.
func outcomeText(t wire.Trip) string {
	paid := paidText(t)
	switch {
	case t.Status == domain.Cancelled || t.Reason.Name == "":
		return paid
	case paid == "":
		return t.Reason.Name
	}
	return paid + ", " + t.Reason.Name
}

// paidText is what was paid, and of a cancelled trip what became of that.
func paidText(t wire.Trip) string {
	switch c := t.Cancellation; {
	case t.Status == domain.Cancelled && t.Total.Currency == "":
		return "cancelled before it was paid"
	case t.Status == domain.Cancelled:
		return "refunded " + c.Refund.Grouped() + ", fee " + c.Fee.Grouped()
	case t.Total.Currency == "":
		return ""
	}
	return t.Total.Grouped()
}
