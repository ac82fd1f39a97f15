package browser

import (
	"context"
	"encoding/json"
	"testing"

	"tripsaga/local"
	"tripsaga/trip/domain"
)

// TestTrips watches the list of trips: it begins empty, shows a booking by itself, and finds it.
func TestTrips(t *testing.T) {
	s := serve(t, local.Options{})
	p := openTab(t, s.base, look{})
	p.visit("/")
	p.sees("h1", "Trips")
	p.sees(".empty")
	p.sees(`#live[data-state="on"]`)
	ada := s.book(booking{})
	p.sees(row(ada), "Ada Lovelace", "Confirmed")
	poor := s.book(booking{name: "Grace Hopper", email: "grace@example.org", card: "tok_declined"})
	p.sees(row(poor), "Grace Hopper", "Failed", "PaymentDeclined")

	for search, want := range map[string]string{"grace@example": poor, "lovelace": ada, ada[:13]: ada} {
		p.fill("#q", search)
		p.keys("\r")
		p.until(`new URLSearchParams(location.search).get("q") === ` + js(search))
		p.sees(row(want))
		if n := value[int](p, `document.querySelectorAll("table.trips tbody tr").length`); n != 1 {
			t.Errorf("%q finds %d trips", search, n)
		}
	}
	p.fill("#q", "nobody@nowhere")
	p.keys("\r")
	p.sees(".empty", "No trip fits")
	p.visit("/console/?status=FAILED")
	p.sees(row(poor))
	p.until(`!document.querySelector('` + row(ada) + `')`)

	p.allow("400 (Bad Request)")
	p.visit("/console/?status=LOST&colour=red")
	p.sees("main", "LOST", "PENDING", "colour")
	p.allow("404 (Not Found)")
	p.visit("/console/nowhere")
	p.sees("h1", "Not found")
	p.click("main a")
	p.sees("h1", "Trips")
}

// TestHiddenPage gives its connection back while nobody sees it, for a browser has few to one server, and is right again
// when it is seen.
func TestHiddenPage(t *testing.T) {
	s := serve(t, local.Options{})
	p := openTab(t, s.base, look{})
	hide := func(hidden string) {
		p.until(`Object.defineProperty(document, "hidden", {value: ` + hidden + `, configurable: true}) &&
			document.dispatchEvent(new Event("visibilitychange"))`)
	}
	p.visit("/")
	p.sees(`#live[data-state="on"]`)
	hide("true")
	p.sees(`#live[data-state="wait"]`)
	ada := s.book(booking{})
	if value[bool](p, `document.querySelector('`+row(ada)+`') !== null`) {
		t.Error("a hidden page is still live")
	}
	hide("false")
	p.sees(row(ada), "Ada Lovelace")
	p.sees(`#live[data-state="on"]`)
}

// TestLanguageSwitch: the switch leads to the same page in the other language, and it stays.
func TestLanguageSwitch(t *testing.T) {
	s := serve(t, local.Options{})
	p := openTab(t, s.base, look{lang: "ja,en;q=0.5"})
	p.visit("/console/?status=FAILED")
	p.until(`document.documentElement.lang === "ja"`)
	p.sees("h1", "旅行")
	p.click(".switch")
	p.until(`document.documentElement.lang === "en" && location.search === "?status=FAILED"`)
	p.visit("/docs")
	p.sees("h1", "API reference")
}

// TestKeys uses the list without a mouse.
func TestKeys(t *testing.T) {
	s := serve(t, local.Options{})
	id := s.book(booking{})
	p := openTab(t, s.base, look{})
	p.visit("/console/")
	p.sees(row(id), "Confirmed")
	p.keys("\t")
	p.until(`document.activeElement.matches(".skip") && ` + inView(".skip"))
	p.keys("\r")
	p.until(`document.activeElement.id === "main"`)
	p.keys("/")
	p.until(`document.activeElement.id === "q"`)
	p.keys("lovelace\r")
	p.until(`location.search.includes("q=lovelace")`)
	p.sees(row(id))
	for range 40 {
		p.keys("\t")
		if value[bool](p, `document.activeElement.matches('`+row(id)+` a')`) {
			if !value[bool](p, `getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
				t.Error("the focus is not visible")
			}
			p.keys("\r")
			p.until(`location.pathname.endsWith(` + js("/"+id) + `)`)
			return
		}
	}
	t.Error("the trip is not reached by the tab key")
}

// idle starts no saga.
type idle struct{}

func (idle) Start(context.Context, string, string, json.RawMessage) error { return nil }

// TestManyTrips opens the list of 10,000 trips, and finds the oldest.
func TestManyTrips(t *testing.T) {
	s := serve(t, local.Options{})
	oldest := s.book(booking{name: "First Person"})
	starter := s.sys.App.Starter
	s.sys.App.Starter = idle{}
	for range 10_000 {
		if _, err := s.sys.App.BookTrip(t.Context(), "", request(s, booking{})); err != nil {
			t.Fatal(err)
		}
	}
	s.sys.App.Starter = starter
	p := openTab(t, s.base, look{})
	p.visit("/console/")
	p.sees("table.trips")
	if n := value[int](p, `document.querySelectorAll("table.trips tbody tr").length`); n != 50 {
		t.Errorf("%d rows on a page, want 50", n)
	}
	newest := value[string](p, `document.querySelector("table.trips tbody tr").id`)
	p.click(`[rel="next"]`)
	p.until(`location.search.includes("cursor=") && !document.getElementById(` + js(newest) + `)`)
	p.click(`[rel="first"]`)
	p.sees(row(newest))
	p.fill("#q", "first person")
	p.keys("\r")
	p.sees(row(oldest), "First Person")
}

func request(s *server, b booking) (r domain.Request) {
	if err := json.Unmarshal([]byte(b.body(s.now())), &r); err != nil {
		s.Fatal(err)
	}
	return r
}
