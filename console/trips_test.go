package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/trip/domain"
)

// TestTripsAreFound tries every filter and every kind of search.
func TestTripsAreFound(t *testing.T) {
	s := open(t)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ohare := s.store(0xa1, noon, func(d *domain.Snapshot) { d.Traveler = domain.Traveler{Name: "Seán O'Hare", Email: "Sean@example.ie"} })
	failed := s.store(0xb2, noon.Add(time.Hour), func(d *domain.Snapshot) {
		d.Status, d.Reason = domain.Failed, domain.Reason{Name: "PaymentDeclined", Message: "no"}
		d.Flight.Number = "NH853"
	})
	later := s.store(0xc3, noon.AddDate(0, 0, 1), func(d *domain.Snapshot) { d.Stay.Hotel = "TYO-PARK" })
	for query, want := range map[string][]string{
		"":                                       {later, failed, ohare},
		"status=FAILED":                          {failed},
		"status=PENDING":                         nil,
		"day=2026-03-01":                         {failed, ohare},
		"day=2026-03-02":                         {later},
		"day=2026-03-03":                         nil,
		"day=2026-03-01&status=CONFIRMED":        {ohare},
		"flight=nh+853":                          {failed},
		"flight=JL5&hotel=tyo-park":              {later},
		"hotel=NYC-HUDSON":                       {failed, ohare},
		"q=o%27hare":                             {ohare},
		"q=SE%C3%81N":                            {ohare},
		"q=sean%40EXAMPLE.ie":                    {ohare},
		"q=%40example.ie":                        {ohare},
		"q=jl5":                                  {later, ohare},
		"q=park":                                 {later},
		"q=0000000000b2":                         {failed},
		"q=0000000000B2":                         {failed},
		"q=7000-8000":                            {later, failed, ohare},
		"q=ada&status=FAILED&flight=JL5":         nil,
		"q=nobody":                               nil,
		"q=01900000-0000-7000-8000-000000000fff": nil,
	} {
		d := s.get("/console/?" + query)
		if got := d.ids(); d.status != 200 || !slices.Equal(got, want) {
			t.Errorf("%q: %d, trips %v, want %v", query, d.status, got, want)
		}
	}
	if d := s.get("/console/?q=" + strings.ToUpper(later)); d.status != http.StatusSeeOther || d.location != "/console/trips/"+later {
		t.Errorf("a whole id leads to %d %q", d.status, d.location)
	}
}

// TestAttentionIsFirst shows the trips that need attention above all others, with their number.
func TestAttentionIsFirst(t *testing.T) {
	s := open(t)
	now := time.Now()
	for i := range 7 {
		s.store(i, now.AddDate(0, 0, -40*i), func(d *domain.Snapshot) {
			d.Status, d.Reason = domain.NeedsAttention, domain.Reason{Name: "Conflict", Message: "FAILED at RefundPayment"}
		})
	}
	s.store(100, now.Add(time.Minute), nil)
	d := s.get("/console/")
	block := d.all("section", "class", "attention")
	if len(block) != 1 || !strings.Contains(inside(block[0]), "Needs attention: 7") || !strings.Contains(inside(block[0]), "FAILED at RefundPayment") {
		t.Fatalf("attention: %s", d.main())
	}
	if got := d.ids(); len(got) != 8 || !strings.HasSuffix(got[0], "064") {
		t.Errorf("the list below is %v", got)
	}
	if d := s.get("/console/?status=NEEDS_ATTENTION"); len(d.ids()) != 7 || len(d.all("section", "class", "attention")) != 0 {
		t.Errorf("those that need attention: %v", d.ids())
	}
}

// TestTripsInPages reads the whole list, and a filtered one, page by page.
func TestTripsInPages(t *testing.T) {
	s := open(t)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const n = 330
	for i := range n {
		s.store(i, base.Add(time.Duration(i)*time.Hour), func(d *domain.Snapshot) {
			if i%3 == 0 {
				d.Stay.Hotel = "TYO-PARK"
			}
		})
	}
	for query, want := range map[string]int{"": n, "hotel=TYO-PARK": n / 3, "status=CONFIRMED": n} {
		var got []string
		for next := "/console/?" + query; next != ""; {
			d := s.get(next)
			page := d.ids()
			if len(page) == 0 || len(page) > 50 {
				t.Fatalf("%s: a page of %d", next, len(page))
			}
			got = append(got, page...)
			live := len(d.all("body", "data-live", "*")) == 1
			if first := len(got) == len(page); live != first {
				t.Errorf("%s: live %v", next, live)
			}
			next = ""
			for _, a := range d.all("a", "rel", "next") {
				next, _ = attribute(a, "href")
			}
		}
		sorted := slices.Sorted(slices.Values(got))
		slices.Reverse(sorted)
		if len(got) != want || !slices.Equal(got, sorted) {
			t.Errorf("%q: %d trips, want %d, newest first: %v", query, len(got), want, slices.Equal(got, sorted))
		}
	}
}

// TestSearchIsBounded stops after a number of trips and offers to continue.
func TestSearchIsBounded(t *testing.T) {
	s := open(t)
	many(s, 20_100)
	oldest := s.store(1<<30, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), func(d *domain.Snapshot) { d.Traveler.Name = "Needle" })
	d := s.get("/console/?q=needle")
	links := d.all("a", "rel", "next")
	if len(d.ids()) != 0 || len(links) != 1 || !strings.Contains(d.main(), "20000") {
		t.Fatalf("%v %s", d.ids(), d.main())
	}
	next, _ := attribute(links[0], "href")
	if u, _ := url.Parse(next); u.Query().Get("q") != "needle" {
		t.Errorf("the search continues at %s", next)
	}
	if d := s.get(next); !slices.Equal(d.ids(), []string{oldest}) {
		t.Errorf("further back are %v", d.ids())
	}
}

// TestBadTripsQuery says what is wrong beside the field, keeps what was given, and does not list anything.
func TestBadTripsQuery(t *testing.T) {
	s := open(t)
	s.store(1, time.Now(), nil)
	for query, want := range map[string][2]string{
		"day=2026-02-30":                    {"day", `"2026-02-30" is not a date`},
		"status=LOST":                       {"status", "allowed are PENDING, NEEDS_ATTENTION, CONFIRMED, CANCELLING, CANCELLED, FAILED"},
		"flight=JAL":                        {"flight", `"JAL" is not a flight number`},
		"hotel=%3Cb%3E":                     {"hotel", `"<b>" is not the code of a hotel`},
		"cursor=xxx":                        {"cursor", `"xxx" is not a place in this list`},
		"q=a&q=b":                           {"q", "more than once"},
		"q=" + strings.Repeat("x", 100_000): {"q", "it has 100000 characters, allowed are at most 320"},
		"q=%ff":                             {"q", "UTF-8"},
	} {
		d := s.get("/console/?" + query)
		if got := d.problem(want[0]); d.status != 400 || !strings.Contains(got, want[1]) || len(d.ids()) != 0 {
			t.Errorf("%.40q: %d, %q, want %q, trips %v", query, d.status, got, want[1], d.ids())
		}
	}
	d := s.get("/console/?flight=JAL&hotel=TYO-PARK&wrong=1")
	values := d.form("get")
	if values.Get("flight") != "JAL" || values.Get("hotel") != "TYO-PARK" || !strings.Contains(d.main(), `this page has no parameter "wrong"`) {
		t.Errorf("kept are %v: %s", values, d.main())
	}
	for _, field := range d.all("input", "aria-invalid", "true") {
		if by, _ := attribute(field, "aria-describedby"); by != "flight-problem" {
			t.Errorf("described by %q", by)
		}
	}
	s.lang = "ja"
	if d := s.get("/console/?day=x"); !strings.Contains(d.problem("day"), "日付ではありません") {
		t.Error(d.problem("day"))
	}
}

// TestHostileNames shows text from outside as text.
func TestHostileNames(t *testing.T) {
	s := open(t)
	names := map[string]string{
		"Seán O'Hare": "Seán O'Hare", `<script>alert("1")</script>`: `<script>alert("1")</script>`,
		"abc\u202egnp.exe": `abc\u202egnp.exe`, `"><img src=x onerror=alert(1)>`: `"><img src=x onerror=alert(1)>`,
	}
	for i, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range names {
			if !yield(name) {
				return
			}
		}
	}) {
		s.store(i, time.Now(), func(d *domain.Snapshot) {
			d.Traveler.Name, d.Status, d.Reason = name, domain.NeedsAttention, domain.Reason{Name: "X", Message: name}
		})
	}
	d := s.get("/console/?q=" + url.QueryEscape(`"><script>`))
	if len(d.all("script", "src", "*")) != len(d.all("script", "", "")) || d.form("get").Get("q") != `"><script>` {
		t.Error(d.body)
	}
	d = s.get("/console/")
	for name, want := range names {
		if !strings.Contains(d.main(), want) {
			t.Errorf("%q is not shown as %q", name, want)
		}
	}
	if len(d.all("img", "", "")) > 0 || len(d.all("script", "src", "*")) != len(d.all("script", "", "")) || strings.Contains(d.body, "\u202e") {
		t.Error("a name became markup")
	}
}

// many stores n trips, one a minute back from now.
func many(s *site, n int) {
	s.Helper()
	now := time.Now()
	for i := range n {
		s.store(i, now.Add(-time.Duration(i)*time.Minute), func(d *domain.Snapshot) {
			d.Traveler = domain.Traveler{Name: fmt.Sprintf("Traveler %d", i), Email: domain.Email(fmt.Sprintf("t%d@example.com", i))}
		})
	}
}

// BenchmarkTrips asks for the page of trips among 10,000.
func BenchmarkTrips(b *testing.B) {
	s := open(b)
	many(s, 10_000)
	for name, target := range map[string]string{
		"first": "/console/", "status": "/console/?status=FAILED", "flight": "/console/?flight=JL5", "oldest": "/console/?q=t9999%40example.com",
		"none": "/console/?q=nobody", "id": "/console/?q=01900000-0000-7000-8000-00000000000f",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if d := s.get(target); d.status >= 400 {
					b.Fatal(d.status)
				}
			}
		})
	}
}
