package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/domain"
)

const (
	tripsPath = "/console/"
	// rowsPerPage is the number of rows of a list.
	rowsPerPage = 50
	// maxExamined bounds the work of one request for a filtered list, in trips that are read.
	maxExamined = 20_000
	// maxReads bounds it where long ranges of days have no trip of a status.
	maxReads = 400
	// attentionRows is how many of the trips that need attention are shown above the list.
	attentionRows = 5
)

// tripRow is a trip in a list.
type tripRow struct{ *domain.Trip }

// Short is enough of the id to recognize it.
func (t tripRow) Short() string { return shortID(t.ID()) }

func shortID(id string) string {
	if len(id) < 16 {
		return id
	}
	return id[:8] + "…" + id[len(id)-4:]
}

// Refunded is the split of what a cancelled trip had paid.
func (t tripRow) Refunded() domain.Cancellation {
	c, _ := t.Cancellation()
	return c
}

// Address is that of the trip's page.
func (t tripRow) Address() string { return tripAddress(t.ID()) }

func tripAddress(id string) string { return "/console/trips/" + id }

// tripsPage is what the page of trips shows.
type tripsPage struct {
	*input
	Statuses  []domain.Status
	Attention []tripRow // the newest of those that need attention
	Waiting   string    // how many those are
	Rows      []tripRow
	Filtered  bool
	Examined  int       // if the search stopped before its end
	Back      time.Time // the creation of the last trip that was examined
	Next      string    // address of the next page
	First     string    // address of the first page, unless this is it
}

// trips lists trips, the newest first. It finds what is asked for in the index that lists all trips by their creation, from
// the newest back. So a search reads no more than maxExamined trips, and is continued by a link.
func (c *console) trips(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.URL.Query(), "q", "status", "day", "flight", "hotel", "cursor")
	d := tripsPage{input: in, Statuses: domain.Statuses()}
	s := newSearch(in)
	if id := s.wholeID(); id != "" && !in.Bad() {
		_, err := c.Details(r.Context(), id)
		if err == nil {
			return page.Page{Redirect: tripAddress(id)}, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return page.Page{}, err
		}
	}
	if err := c.fillTrips(r.Context(), &d, s); err != nil {
		return page.Page{}, err
	}
	p := page.Page{Templates: templates, Name: "trips.html", Data: d, Title: templates.Text(r.Lang, "trips-title"), Section: "trips"}
	switch {
	case in.Bad():
		p.Status = http.StatusBadRequest
	case s.query.Cursor == "":
		p.Live = &page.Live{Changed: c.Feed.Changed}
	}
	return p, nil
}

func (c *console) fillTrips(ctx context.Context, d *tripsPage, s search) error {
	if !d.Bad() {
		found, err := c.find(ctx, s, rowsPerPage)
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Field == "cursor" {
			d.refuse("cursor", "input-cursor", short(s.query.Cursor))
		} else if err != nil {
			return err
		}
		d.Rows, d.Filtered = rows(found.trips), s.filtered || s.query.Status != "" || s.day
		if found.next != "" {
			d.Next = d.address(tripsPath, "cursor", found.next)
		}
		if found.stopped {
			d.Examined, d.Back = found.examined, found.back
		}
	}
	if d.values["cursor"] != "" {
		d.First = d.address(tripsPath, "cursor", "")
		return nil
	}
	return c.fillAttention(ctx, d)
}

func rows(trips []*domain.Trip) []tripRow {
	rows := make([]tripRow, len(trips))
	for i, t := range trips {
		rows[i] = tripRow{t}
	}
	return rows
}

// fillAttention adds the trips that need attention, unless the list is of those.
func (c *console) fillAttention(ctx context.Context, d *tripsPage) error {
	if d.values["status"] == string(domain.NeedsAttention) {
		return nil
	}
	found, err := c.find(ctx, search{query: domain.TripQuery{Status: domain.NeedsAttention}}, domain.MaxPage)
	if err != nil {
		return err
	}
	d.Waiting = strconv.Itoa(len(found.trips))
	if found.next != "" {
		d.Waiting += "+"
	}
	d.Attention = rows(found.trips[:min(len(found.trips), attentionRows)])
	return nil
}

// search selects trips: those of query that match.
type search struct {
	query    domain.TripQuery
	filtered bool // match is more than true
	day      bool
	text     string // folded
	number   domain.FlightNumber
	hotel    domain.HotelID
}

// newSearch reads the fields, and refuses what they cannot have.
func newSearch(in *input) search {
	statuses := make([]string, 0, len(domain.Statuses()))
	for _, s := range domain.Statuses() {
		statuses = append(statuses, string(s))
	}
	s := search{
		query: domain.TripQuery{Status: domain.Status(in.oneOf("status", statuses...)), Cursor: in.usable("cursor")},
		text:  fold(in.usable("q")),
	}
	if day := in.date("day"); day != "" {
		s.day = true
		s.query.Since, s.query.Created = day.Time(), day.Time().AddDate(0, 0, 1)
	}
	var err error
	if number := in.usable("flight"); number != "" {
		if s.number, err = domain.ParseFlightNumber(number); err != nil {
			in.refuse("flight", "input-flight", short(number))
		}
	}
	if hotel := in.usable("hotel"); hotel != "" {
		if s.hotel, err = domain.ParseHotelID(hotel); err != nil {
			in.refuse("hotel", "input-hotel", short(hotel))
		}
	}
	s.filtered = s.text != "" || s.number != "" || s.hotel != ""
	return s
}

var folding = cases.Fold()

func fold(s string) string { return folding.String(s) }

// wholeID returns the text if it is an id, which one read finds.
func (s search) wholeID() string {
	id, err := ident.Parse(s.text)
	if err != nil {
		return ""
	}
	return id
}

func (s search) match(t *domain.Trip) bool {
	if s.number != "" && t.Flight().Number != s.number || s.hotel != "" && t.Stay().Hotel != s.hotel {
		return false
	}
	return s.text == "" || strings.Contains(t.ID(), s.text) || s.text == fold(string(t.Flight().Number)) ||
		strings.Contains(fold(string(t.Stay().Hotel)), s.text) ||
		strings.Contains(fold(string(t.Traveler().Email)), s.text) || strings.Contains(fold(t.Traveler().Name), s.text)
}

// found is a part of the list of trips.
type found struct {
	trips    []*domain.Trip
	examined int
	stopped  bool      // at a bound, before there were enough
	back     time.Time // the creation of the last trip that was examined
	next     string    // cursor of what follows, "" at the end
}

// find reads the list until want trips match, or it has done as much as one request may.
func (c *console) find(ctx context.Context, s search, want int) (f found, err error) {
	q := s.query
	q.Limit = domain.MaxPage
	for range maxReads {
		if !s.filtered {
			q.Limit = want - len(f.trips)
		}
		list, err := c.Trips(ctx, q)
		if err != nil {
			return f, err
		}
		n := f.take(list.Items, s.match, want)
		if n < len(list.Items) { // the next page begins within this one
			q.Limit = n
			if list, err = c.Trips(ctx, q); err != nil {
				return f, err
			}
		}
		f.next, q.Cursor = list.Cursor, list.Cursor
		if f.next == "" || len(f.trips) == want {
			return f, nil
		}
		if f.examined >= maxExamined {
			break
		}
	}
	f.stopped = true
	return f, nil
}

// take adds the trips that match until there are want, and returns how many it has examined.
func (f *found) take(trips []*domain.Trip, match func(*domain.Trip) bool, want int) (examined int) {
	for i, t := range trips {
		f.examined++
		f.back = t.Created()
		if !match(t) {
			continue
		}
		if f.trips = append(f.trips, t); len(f.trips) == want {
			return i + 1
		}
	}
	return len(trips)
}
