package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tripsaga/console"
	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
)

// TestBookFromThePage fills in nothing, sends the form twice, and has one trip.
func TestBookFromThePage(t *testing.T) {
	s := open(t)
	d := s.get("/console/book")
	form := d.form("post")
	first := s.post("/console/book", form)
	if first.status != http.StatusSeeOther || !strings.HasPrefix(first.location, "/console/trips/") {
		t.Fatalf("%d %q: %s", first.status, first.location, first.body)
	}
	if again := s.post("/console/book", form); again.status != http.StatusSeeOther || again.location != first.location {
		t.Errorf("sent again: %d %q, the first time %q", again.status, again.location, first.location)
	}
	trip := s.wait(strings.TrimPrefix(first.location, "/console/trips/"), domain.Confirmed)
	if trip.Traveler().Name != "Ada Lovelace" || trip.Stay().CheckIn.Until(trip.Stay().CheckOut) != 2 || trip.Flight().Date != trip.Stay().CheckIn {
		t.Errorf("booked is %+v %+v", trip.Traveler(), trip.Stay())
	}
	if got := s.get("/console/").ids(); len(got) != 1 {
		t.Errorf("trips %v", got)
	}
	form.Set("rooms", "2")
	other := s.post("/console/book", form)
	if other.status != http.StatusConflict || !strings.Contains(other.main(), "sent before, with other values") {
		t.Fatalf("other values under the same key: %d %s", other.status, other.main())
	}
	if next := s.post("/console/book", other.form("post")); next.status != http.StatusSeeOther || next.location == first.location {
		t.Errorf("sent with a new key: %d %q", next.status, next.location)
	}
}

// TestOffers shows what is left of each flight and hotel.
func TestOffers(t *testing.T) {
	s := open(t)
	s.ended(domain.Confirmed)
	day := request().Flight.Date
	d := s.get("/console/book?nights=1&day=" + day)
	for _, want := range []string{"JL5 HND → JFK 11:05–10:55 182,000 JPY Japan Airlines 243 left", "Hudson House, a Pod New York 42,000 JPY NYC-HUDSON 139 left"} {
		if !strings.Contains(d.main(), want) {
			t.Errorf("%q is missing in %s", want, d.main())
		}
	}
	for _, c := range bank.TestCards {
		if len(d.all("input", "value", c.Token)) != 1 {
			t.Errorf("card %s is missing", c.Token)
		}
	}
	if d := s.get("/console/book?nights=2&currency=USD&day=" + day); !strings.Contains(d.main(), "Bayside Lofts San Francisco 438.00 USD") || strings.Contains(d.main(), "JL5") {
		t.Errorf("in USD: %s", d.main())
	}
	for range 2 {
		s.ended(domain.Confirmed, func(r *domain.Request) { r.Flight.Number = "NH853" })
	}
	for _, radio := range s.get("/console/book?nights=1&day="+day).all("input", "value", "NH853") {
		if _, off := attribute(radio, "disabled"); !off {
			t.Error("a flight that is sold out can be chosen")
		}
	}
	ahead := func(days int) string { return string(domain.DateOf(time.Now().AddDate(0, 0, days))) }
	if d := s.get("/console/book?nights=2&day=" + ahead(37)); !strings.Contains(d.main(), "Ryokan Kamogawa Kyoto 73,000 JPY KYO-RYOKAN sold out") {
		t.Errorf("the second night is full: %s", d.main())
	}
	if d := s.get("/console/book?nights=2&day=" + ahead(100)); !strings.Contains(d.main(), "JL5") || !strings.Contains(d.main(), "No hotel is offered") {
		t.Errorf("the second night is not offered: %s", d.main())
	}
	if d := s.get("/console/book?day=9999-12-31&nights=30"); d.status != 200 || !strings.Contains(d.main(), "No flight is offered") {
		t.Errorf("a day without offers: %d %s", d.status, d.main())
	}
}

// TestBookErrors are beside their fields, and every value stays.
func TestBookErrors(t *testing.T) {
	s := open(t)
	good := s.get("/console/book").form("post")
	for field, test := range map[string]struct{ value, want string }{
		"name":     {"\u200b", "which shows nothing"},
		"email":    {`"><script>@x`, "is not an e-mail address"},
		"seats":    {"10", "is not a whole number from 1 to 9"},
		"rooms":    {"1e0", "is not a whole number from 1 to 9"},
		"nights":   {"31", "is not a whole number from 1 to 30"},
		"day":      {"2020-01-01", "has departed"},
		"flight":   {"nowhere", "is not a flight number"},
		"hotel":    {"?", "is not a hotel id"},
		"card":     {"4111 1111 1111 1111", "is not a card token"},
		"currency": {"XXX", "is not a current ISO 4217 currency"},
	} {
		form := url.Values{}
		for name, values := range good {
			form[name] = values
		}
		form.Set(field, test.value)
		form.Set("offered", form.Get("day")+"/"+form.Get("nights")+"/"+form.Get("currency"))
		d := s.post("/console/book", form)
		if got := d.problem(field); d.status != 400 || !strings.Contains(got, test.want) || !strings.Contains(d.main(), "Nothing was booked") {
			t.Errorf("%s: %d, %q, want %q", field, d.status, got, test.want)
		}
		kept := d.form("post")
		for _, name := range []string{"name", "email", "seats", "rooms", "day", "nights"} {
			if kept.Get(name) != strings.TrimSpace(form.Get(name)) {
				t.Errorf("%s: %s is %q, was %q", field, name, kept.Get(name), form.Get(name))
			}
		}
		if kept.Get("key") != good.Get("key") {
			t.Errorf("%s: the key has changed", field)
		}
	}
	several := url.Values{"name": {""}, "email": {"x"}, "token": good["token"], "key": good["key"]}
	if d := s.post("/console/book", several); d.problem("name") == "" || d.problem("email") == "" || d.problem("seats") == "" {
		t.Errorf("several wrong fields: %s", d.main())
	}
	if got := s.get("/console/").ids(); len(got) != 0 {
		t.Errorf("booked were %v", got)
	}
}

// TestStaleFormKeepsValues sends a form that was rendered before the server was started again.
func TestStaleFormKeepsValues(t *testing.T) {
	old, s := open(t), open(t)
	form := old.get("/console/book").form("post")
	form.Set("name", "Grace Hopper")
	form.Set("card", "tok_declined")
	d := s.post("/console/book", form)
	kept := d.form("post")
	if d.status != http.StatusForbidden || kept.Get("name") != "Grace Hopper" || kept.Get("card") != "tok_declined" || !strings.Contains(d.main(), "it may have been booked then") {
		t.Fatalf("%d %v %s", d.status, kept, d.main())
	}
	if len(s.get("/console/").ids()) != 0 {
		t.Fatal("a form without its token has booked")
	}
	if d := s.post("/console/book", kept); d.status != http.StatusSeeOther {
		t.Errorf("sent again: %d %s", d.status, d.main())
	}
}

// TestBookUnderOverload keeps the values and says when to try again.
func TestBookUnderOverload(t *testing.T) {
	s := open(t, func(o *console.Options) {
		o.UseCases.Book = func(context.Context, string, domain.Request) (*domain.Trip, bool, error) {
			return nil, false, fault.New(fault.Unavailable, fault.NameUnavailable, "too many bookings")
		}
	})
	form := s.get("/console/book").form("post")
	form.Set("name", "Grace Hopper")
	d := s.post("/console/book", form)
	if d.status != 503 || d.header.Get("Retry-After") == "" || d.form("post").Get("name") != "Grace Hopper" || d.form("post").Get("key") != form.Get("key") {
		t.Errorf("%d %v %s", d.status, d.header, d.main())
	}
}
