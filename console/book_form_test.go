package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tripsaga/console"
	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// filled is a form with a different value in each field, and another flight and hotel than the first ones.
func (s *site) filled() url.Values {
	s.Helper()
	day := request().Flight.Date
	form := s.get("/console/book?nights=1&currency=JPY&day=" + day).form("post")
	for name, value := range map[string]string{
		"name": "Grace Hopper", "email": "grace@example.com", "card": "tok_declined", "seats": "2", "rooms": "3", "flight": "NH106", "hotel": "NYC-HUDSON",
	} {
		form.Set(name, value)
	}
	return form
}

var typed = []string{"name", "email", "card", "seats", "rooms", "flight", "hotel", "nights", "currency", "key"}

// differ are the fields whose values are not those of the other form.
func differ(a, b url.Values, fields ...string) (names []string) {
	for _, name := range fields {
		if !slices.Equal(a[name], b[name]) {
			names = append(names, name)
		}
	}
	return names
}

// TestOtherOffersKeepTheForm looks at another day, also after an invalid one, and then books what was typed.
func TestOtherOffersKeepTheForm(t *testing.T) {
	for _, stale := range []bool{false, true} {
		s := open(t)
		form := s.filled()
		if stale {
			form.Set("token", "of another server")
		}
		form.Set("action", "offers")
		form.Set("day", "soon")
		wrong := s.post("/console/book", form)
		if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.problem("day"), `"soon" is not a date`) || strings.Contains(wrong.main(), "booked") {
			t.Errorf("a wrong day: %d %q %s", wrong.status, wrong.problem("day"), wrong.main())
		}
		kept := wrong.form("post")
		day := string(domain.Date(request().Flight.Date).Next())
		kept.Set("action", "offers")
		kept.Set("day", day)
		shown := s.post("/console/book", kept)
		if shown.status != http.StatusOK || !strings.Contains(shown.main(), "JL5") {
			t.Fatalf("another day: %d %s", shown.status, shown.main())
		}
		if names := differ(shown.form("post"), form, typed...); names != nil {
			t.Errorf("other than typed are %v: %v, want %v", names, shown.form("post"), form)
		}
		booked := s.post("/console/book", shown.form("post"))
		trip := s.wait(strings.TrimPrefix(booked.location, "/console/trips/"), domain.Failed)
		if trip.Flight().Date != domain.Date(day) || trip.Stay().CheckIn != domain.Date(day) || trip.Flight().Seats != 2 || trip.Flight().Number != "NH106" {
			t.Errorf("booked %+v %+v, want %s", trip.Flight(), trip.Stay(), day)
		}
	}
}

// TestBookOtherOffersThanShown changes what is offered and books without a look at it.
func TestBookOtherOffersThanShown(t *testing.T) {
	s := open(t)
	for field, value := range map[string]string{"day": string(domain.Date(request().Flight.Date).Next()), "nights": "2", "currency": "USD"} {
		form := s.filled()
		form.Set(field, value)
		d := s.post("/console/book", form)
		if d.status != http.StatusBadRequest || !strings.Contains(d.problem("day"), "the offers that were shown are of another day") {
			t.Errorf("%s: %d %q", field, d.status, d.problem("day"))
		}
		if kept := d.form("post"); kept.Get(field) != value || len(d.all("input", "name", "flight")) < 2 {
			t.Errorf("%s: the form is %v in %s", field, kept, d.main())
		}
		if field != "currency" { // there the flight is not offered
			if next := s.post("/console/book", d.form("post")); next.status != http.StatusSeeOther {
				t.Errorf("%s: sent again: %d %s", field, next.status, next.main())
			}
		}
	}
	if got := s.get("/console/").ids(); len(got) != 2 {
		t.Errorf("trips %v, want those that were sent again", got)
	}
}

// TestBookWithAWrongKey gets a new key, and needs nothing but to be sent again.
func TestBookWithAWrongKey(t *testing.T) {
	s := open(t)
	for name, keys := range map[string][]string{"missing": nil, "empty": {""}, "long": {strings.Repeat("k", 300)}, "longer": {strings.Repeat("k", 400)}, "other characters": {"ké"}, "repeated": {"a", "b"}} {
		form := s.filled()
		form["key"] = keys
		d := s.post("/console/book", form)
		if d.status != http.StatusBadRequest || !strings.Contains(d.main(), "It has a new one now") || strings.Contains(d.main(), "Correct the fields") || d.problem("key") != "" {
			t.Errorf("%s: %d %s", name, d.status, d.main())
		}
		kept := d.form("post")
		if names := differ(kept, form, "name", "email", "card", "seats", "rooms", "flight", "hotel", "day"); names != nil || len(kept.Get("key")) < 20 || len(kept.Get("key")) > 30 {
			t.Errorf("%s: other than sent are %v: %v", name, names, kept)
		}
		if next := s.post("/console/book", kept); next.status != http.StatusSeeOther {
			t.Errorf("%s: sent again: %d %s", name, next.status, next.main())
		}
	}
}

// TestRefusedValuesStayWhole: a value that is too long or repeated is not cut in its field.
func TestRefusedValuesStayWhole(t *testing.T) {
	s := open(t)
	for _, values := range [][]string{{strings.Repeat("n", 400)}, {strings.Repeat("n", 100), "m"}} {
		form := s.filled()
		form["name"] = values
		d := s.post("/console/book", form)
		if got := d.form("post").Get("name"); d.status != http.StatusBadRequest || got != values[0] || d.problem("name") == "" {
			t.Errorf("%d, the name has %d characters, %q", d.status, len(got), d.problem("name"))
		}
		if d := s.get("/console/?" + url.Values{"q": values}.Encode()); d.status != http.StatusBadRequest || d.form("get").Get("q") != values[0] {
			t.Errorf("%d, the search has %q", d.status, d.form("get").Get("q"))
		}
	}
	form := s.filled()
	form.Set("name", "Ada \xff")
	if d := s.post("/console/book", form); d.form("post").Get("name") != "" || !strings.Contains(d.problem("name"), "UTF-8") {
		t.Errorf("not UTF-8: %q %q", d.form("post").Get("name"), d.problem("name"))
	}
}

// TestBookWhileTheSagaIsBeingStarted: of equal forms that come at the same time, one may find the trip without its saga.
func TestBookWhileTheSagaIsBeingStarted(t *testing.T) {
	keys := []string{}
	s := open(t, func(o *console.Options) {
		book := o.UseCases.Book
		o.UseCases.Book = func(ctx context.Context, key string, r domain.Request) (*domain.Trip, bool, error) {
			if keys = append(keys, key); len(keys) == 1 {
				return nil, false, fault.New(fault.Unavailable, fault.NameUnavailable, "the saga is being started right now")
			}
			return book(ctx, key, r)
		}
	})
	if d := s.post("/console/book", s.filled()); d.status != http.StatusSeeOther || len(keys) != 2 || keys[0] != keys[1] {
		t.Errorf("%d after calls with %v: %s", d.status, keys, d.body)
	}
}
