package console

import (
	"context"
	"net/http"
	"strings"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

const (
	eventsPath = "/console/events"
	// eventsRead is the number of events that are read together.
	eventsRead = 200
)

// eventTypes are the types of events, in the order in which a trip can have them.
var eventTypes = []string{
	string(domain.TripRequested), string(domain.TripConfirmed), string(domain.CancellationRequested), string(domain.PaymentRefunded),
	string(domain.HotelCancelled), string(domain.FlightCancelled), string(domain.TripNeedsAttention), string(domain.TripFailed),
	string(domain.TripCancelled),
}

// eventsPage is what the page of events shows.
type eventsPage struct {
	*input
	Types       []string
	Rows        []eventRow
	Examined    int // if the search stopped before its end
	Next, First string
}

// eventRow is an event with its place in the feed.
type eventRow struct {
	domain.Event
	Place string
}

// Short is enough of the trip's id to recognize it.
func (e eventRow) Short() string { return shortID(e.TripID) }

// Address is that of the trip's page.
func (e eventRow) Address() string { return tripAddress(e.TripID) }

// events lists the outbox, the newest first.
func (c *console) events(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.URL.Query(), "type", "trip", "before")
	d := &eventsPage{input: in, Types: eventTypes}
	in.oneOf("type", eventTypes...)
	var before uint64
	if place := in.usable("before"); place != "" {
		var err error
		if before, err = c.Feed.Place(place); fault.KindOf(err) == fault.Conflict {
			in.refuse("before", "input-place", short(place))
		} else if err != nil {
			return page.Page{}, err
		}
		d.First = in.address(eventsPath, "before", "")
	}
	if !in.Bad() {
		if err := c.fillEvents(r.Context(), d, before); err != nil {
			return page.Page{}, err
		}
	}
	p := page.Page{Templates: templates, Name: "events.html", Data: d, Title: templates.Text(r.Lang, "events-title"), Section: "events"}
	switch {
	case in.Bad():
		p.Status = http.StatusBadRequest
	case before == 0:
		p.Live = &page.Live{Changed: c.Feed.Changed}
	}
	return p, nil
}

// fillEvents reads back until a page is full, or as much is examined as one request may.
func (c *console) fillEvents(ctx context.Context, d *eventsPage, before uint64) error {
	wanted, trip := d.usable("type"), fold(d.usable("trip"))
	for examined := 0; examined < maxExamined; examined += eventsRead {
		events, err := c.latestEvents(ctx, before, eventsRead)
		if err != nil {
			return err
		}
		for _, e := range events {
			if (wanted == "" || wanted == string(e.Event.Type)) && strings.Contains(e.Event.TripID, trip) {
				if len(d.Rows) == rowsPerPage {
					d.Next = d.address(eventsPath, "before", c.Feed.ID(before))
					return nil
				}
				d.Rows = append(d.Rows, eventRow{e.Event, c.Feed.ID(e.Seq)})
			}
			before = e.Seq
		}
		if len(events) < eventsRead {
			return nil
		}
	}
	d.Examined = maxExamined
	d.Next = d.address(eventsPath, "before", c.Feed.ID(before))
	return nil
}
