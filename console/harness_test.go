package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tripsaga/console"
	"tripsaga/local"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// site is a console over a system in memory, and a browser's cookies.
type site struct {
	testing.TB
	sys     *local.System
	handler http.Handler
	cookies map[string]*http.Cookie
	lang    string
}

func open(t testing.TB, change ...func(*console.Options)) *site {
	t.Helper()
	return openWith(t, local.Options{}, change...)
}

func openWith(t testing.TB, system local.Options, change ...func(*console.Options)) *site {
	t.Helper()
	sys, err := local.Open(t.Context(), system)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	opt := console.Options{UseCases: sys.UseCases(nil), LatestEvents: sys.LatestEvents, Sagas: sys.Sagas(), Now: sys.App.Now}
	for _, f := range change {
		f(&opt)
	}
	return &site{TB: t, sys: sys, handler: console.New(sys.API(nil), opt), cookies: map[string]*http.Cookie{}}
}

// doc is an answer: a page, parsed.
type doc struct {
	*site
	status   int
	location string
	header   http.Header
	body     string
	root     *html.Node
}

func (s *site) get(target string) *doc {
	s.Helper()
	return s.do(httptest.NewRequest("GET", target, nil))
}

func (s *site) post(target string, form url.Values) *doc {
	s.Helper()
	r := httptest.NewRequest("POST", target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(r)
}

func (s *site) do(r *http.Request) *doc {
	s.Helper()
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	r.Header.Set("Accept-Language", s.lang)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		s.cookies[c.Name] = c
	}
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		s.Fatal(err)
	}
	return &doc{s, w.Code, w.Header().Get("Location"), w.Header(), w.Body.String(), root}
}

// all returns the elements with this name that have the attribute with this value; value "*" is any.
func (d *doc) all(name, attr, value string) (found []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			if v, ok := attribute(n, attr); attr == "" || ok && (v == value || value == "*") {
				found = append(found, n)
			}
		}
	}
	return found
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func inside(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// main is the text of the page.
func (d *doc) main() string { return inside(d.all("main", "", "")[0]) }

// ids are those of the rows of the list.
func (d *doc) ids() (ids []string) {
	for _, row := range d.all("tr", "id", "*") {
		id, _ := attribute(row, "id")
		ids = append(ids, id)
	}
	return ids
}

// problem is the text beside a field.
func (d *doc) problem(field string) string {
	for _, p := range d.all("p", "id", field+"-problem") {
		return inside(p)
	}
	return ""
}

// form returns the values that a browser would send for the form with this method.
func (d *doc) form(method string) url.Values {
	d.Helper()
	values := url.Values{}
	for _, form := range d.all("form", "method", method) {
		for n := range form.Descendants() {
			name, ok := attribute(n, "name")
			if !ok || n.Type != html.ElementNode {
				continue
			}
			value, _ := attribute(n, "value")
			kind, _ := attribute(n, "type")
			_, checked := attribute(n, "checked")
			if n.Data == "input" && (kind != "radio" || checked) {
				values.Add(name, value)
			}
			if n.Data == "select" {
				values.Add(name, selected(n))
			}
		}
	}
	return values
}

// selected is the option that a browser shows.
func selected(list *html.Node) (text string) {
	for n := range list.Descendants() {
		if _, chosen := attribute(n, "selected"); n.Data == "option" && (chosen || text == "") {
			text = inside(n)
		}
	}
	return text
}

// request is a booking that succeeds.
func request(change ...func(*domain.Request)) domain.Request {
	day := domain.DateOf(time.Now().AddDate(0, 0, 14))
	r := domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: "JL5", Date: string(day), Seats: 1},
		Hotel:    domain.StayRequest{ID: "NYC-HUDSON", CheckIn: string(day), CheckOut: string(day.Next()), Rooms: 1},
		Payment:  domain.PaymentRequest{CardToken: "tok_ok"}, Currency: "JPY",
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

// ended books a trip and waits until its status is the given one.
func (s *site) ended(status domain.Status, change ...func(*domain.Request)) *domain.Trip {
	s.Helper()
	trip, err := s.sys.App.BookTrip(s.Context(), "", request(change...))
	if err != nil {
		s.Fatal(err)
	}
	return s.wait(trip.ID(), status)
}

func (s *site) wait(id string, status domain.Status) *domain.Trip {
	s.Helper()
	for {
		changed := s.sys.Store.Changed()
		d, err := s.sys.App.GetTrip(s.Context(), id)
		if err != nil {
			s.Fatal(err)
		}
		if d.Trip.Status() == status {
			return d.Trip
		}
		select {
		case <-changed:
		case <-s.Context().Done():
			s.Fatalf("the trip is %s", d.Trip.Status())
		}
	}
}

// store stores a trip as it is, as older versions may have, and returns its id.
func (s *site) store(n int, created time.Time, change func(*domain.Snapshot)) string {
	s.Helper()
	r := request()
	snapshot := domain.Snapshot{
		ID: fmt.Sprintf("01900000-0000-7000-8000-%012x", n), Traveler: domain.Traveler{Name: r.Traveler.Name, Email: "ada@example.com"},
		Flight: domain.Flight{Number: "JL5", Date: domain.Date(r.Flight.Date), Seats: 1},
		Stay:   domain.Stay{Hotel: "NYC-HUDSON", CheckIn: domain.Date(r.Hotel.CheckIn), CheckOut: domain.Date(r.Hotel.CheckOut), Rooms: 1},
		Status: domain.Confirmed, Currency: "JPY", Total: money.Amount{Minor: 224000, Currency: "JPY"}, Created: created.UTC(), Updated: created.UTC(),
	}
	if change != nil {
		change(&snapshot)
	}
	if _, _, err := s.sys.App.Trips.Create(s.Context(), domain.RestoreTrip(snapshot)); err != nil {
		s.Fatal(err)
	}
	return snapshot.ID
}
