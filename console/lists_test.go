package console_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/console"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

func TestLedgerBalances(t *testing.T) {
	s := open(t)
	if d := s.get("/console/ledger"); !strings.Contains(d.main(), "Balanced") || !strings.Contains(d.main(), "No money has moved") {
		t.Error(d.main())
	}
	s = open(t)
	s.ended(domain.Confirmed)
	s.ended(domain.Failed, func(r *domain.Request) { r.Payment.CardToken = "tok_declined" })
	d := s.get("/console/ledger")
	for _, want := range []string{"Balanced", "JPY 224,000 JPY 0 JPY 224,000 JPY 224,000 JPY 0 JPY balanced", "Seats 1 Room nights 1", "Pending 0 Needs attention 0 Confirmed 1 Being cancelled 0 Cancelled 0 Failed 1"} {
		if !strings.Contains(d.main(), want) {
			t.Errorf("%q is missing in %s", want, d.main())
		}
	}
}

// TestLedgerShowsWhereItDoesNotBalance is loud, except while trips are under way.
func TestLedgerShowsWhereItDoesNotBalance(t *testing.T) {
	for status, class := range map[domain.Status]string{domain.Pending: "waiting", domain.NeedsAttention: "bad"} {
		s := open(t, func(o *console.Options) {
			o.UseCases.Ledger = func(context.Context) (app.Ledger, error) {
				return app.Ledger{
					Trips: map[domain.Status]int{status: 1}, Problems: []string{"JPY: captured 5 <b>"},
					Currencies: map[money.Currency]app.Account{"JPY": {Captured: 500, Refunded: 100, Confirmed: 150}},
				}, nil
			}
		})
		d := s.get("/console/ledger")
		if len(d.all("p", "class", "verdict "+class)) != 1 || !strings.Contains(d.main(), "differs by 250 JPY") || !strings.Contains(d.main(), "JPY: captured 5 <b>") {
			t.Errorf("%s: %s", status, d.body)
		}
	}
}

// TestAuditsAreShared audits once for all who look, and again only after a pause and a change.
func TestAuditsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		audits, fails := 0, false
		changed := make(chan struct{})
		a := console.NewAudits(func(context.Context) (app.Ledger, error) {
			time.Sleep(100 * time.Millisecond)
			audits++
			if fails {
				return app.Ledger{}, context.DeadlineExceeded
			}
			return app.Ledger{SeatsHeld: int64(audits)}, nil
		}, func() <-chan struct{} { return changed })
		look := func(want int) {
			t.Helper()
			for range 50 {
				go a(t.Context())
			}
			synctest.Wait()
			time.Sleep(time.Second)
			synctest.Wait()
			if l, err := a(t.Context()); err != nil || l.SeatsHeld != int64(want) {
				t.Errorf("after %d audits: %v %v, want that of audit %d", audits, l.SeatsHeld, err, want)
			}
		}
		look(1)
		close(changed)
		changed = make(chan struct{})
		look(1) // too soon
		time.Sleep(5 * time.Second)
		look(2)
		time.Sleep(10 * time.Second)
		look(2) // nothing has changed
		time.Sleep(30 * time.Second)
		look(3)
		fails = true
		time.Sleep(time.Minute)
		if l, err := a(t.Context()); err != nil || l.SeatsHeld != 3 {
			t.Errorf("after a failure: %v %v, want the audit before", l.SeatsHeld, err)
		}
	})
}

func TestInventoryPage(t *testing.T) {
	s := open(t)
	s.ended(domain.Confirmed)
	day := request().Flight.Date
	d := s.get("/console/inventory?day=" + day)
	if !strings.Contains(d.main(), "JL5 Japan Airlines HND → JFK 11:05–10:55 182,000 JPY 243 of 244") || len(d.ids()) != 17 {
		t.Error(d.main())
	}
	if d := s.get("/console/inventory?kind=hotels&day=" + day); !strings.Contains(d.main(), "Hudson House, a Pod NYC-HUDSON New York 42,000 JPY 139 of 140") {
		t.Error(d.main())
	}
	full := domain.DateOf(time.Now().AddDate(0, 0, 38))
	if d := s.get("/console/inventory?kind=hotels&day=" + string(full)); !strings.Contains(d.main(), "36,500 JPY sold out") {
		t.Error(d.main())
	}
	d = s.get("/console/inventory?kind=hotels")
	next, _ := attribute(d.all("a", "rel", "next")[0], "href")
	second := s.get(next)
	if len(d.ids()) != 50 || len(second.ids()) != 50 || d.ids()[0] == second.ids()[0] || len(second.all("a", "rel", "first")) != 1 {
		t.Errorf("%d rows, then %d from %s", len(d.ids()), len(second.ids()), next)
	}
	for query, want := range map[string]string{"day=1": "day", "kind=cars": "kind", "cursor=%00": "cursor", "what=1": ""} {
		if d := s.get("/console/inventory?" + query); d.status != 400 || want != "" && d.problem(want) == "" {
			t.Errorf("%s: %d %s", query, d.status, d.main())
		}
	}
}

func TestEventsPage(t *testing.T) {
	s := open(t)
	confirmed := s.ended(domain.Confirmed).ID()
	declined := s.ended(domain.Failed, func(r *domain.Request) { r.Payment.CardToken = "tok_declined" }).ID()
	d := s.get("/console/events")
	rows := d.ids()
	if len(rows) != 6 || !slices.IsSortedFunc(rows, func(a, b string) int { return -strings.Compare(a, b) }) {
		t.Errorf("events %v", rows)
	}
	for _, want := range []string{"TripConfirmed", "224,000 JPY", "PaymentDeclined the card was declined"} {
		if !strings.Contains(d.main(), want) {
			t.Errorf("%q is missing in %s", want, d.main())
		}
	}
	for query, want := range map[string]int{
		"type=TripRequested": 2, "trip=" + confirmed: 2, "trip=" + strings.ToUpper(declined): 4, "type=TripFailed&trip=" + confirmed: 0,
		"before=" + rows[0]: 5, "before=" + rows[5]: 0,
	} {
		if got := s.get("/console/events?" + query); got.status != 200 || len(got.ids()) != want {
			t.Errorf("%s: %d, %d events, want %d", query, got.status, len(got.ids()), want)
		}
	}
	for query, want := range map[string]string{"type=Nothing": "type", "before=other-1": "before", "before=x": "before"} {
		if d := s.get("/console/events?" + query); d.status != 400 || d.problem(want) == "" || len(d.ids()) != 0 {
			t.Errorf("%s: %d %s", query, d.status, d.main())
		}
	}
}

// TestEventsInPages reads all events back from the newest, and stops a search at its bound.
func TestEventsInPages(t *testing.T) {
	s := open(t)
	for i := range 130 {
		trip, events, err := domain.RequestTrip(fmt.Sprintf("01900000-0000-7000-8000-%012x", i), request(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.sys.App.Trips.Create(t.Context(), trip, events...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sys.Store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for next, pages := "/console/events?type=TripRequested", 1; next != ""; pages++ {
		d := s.get(next)
		got = append(got, d.ids()...)
		next = ""
		for _, a := range d.all("a", "rel", "next") {
			next, _ = attribute(a, "href")
		}
		if pages < 3 && len(got) != pages*50 {
			t.Errorf("%d events on %d pages", len(got), pages)
		}
		if pages == 3 && next != "" {
			t.Fatal("there is a fourth page")
		}
	}
	if slices.Sort(got); len(got) != 130 || len(slices.Compact(got)) != 130 {
		t.Errorf("%d events", len(got))
	}
}
