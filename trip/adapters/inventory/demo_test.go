package inventory

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tripsaga/shared/money"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

func TestDemoServesTheScenarios(t *testing.T) {
	offers, err := Demo("2027-02-01")
	if err != nil {
		t.Fatal(err)
	}
	currencies := map[money.Currency]bool{}
	for _, o := range offers.Flights {
		currencies[o.Row.Price.Currency] = true
	}
	if !currencies["JPY"] || !currencies["USD"] || offers.Fingerprint == "" {
		t.Errorf("currencies %v, fingerprint %q", currencies, offers.Fingerprint)
	}
	nights := map[string]int64{}
	for _, o := range offers.Nights {
		nights[o.Row.String()] = o.Row.Capacity
	}
	first := domain.HotelNight{Hotel: "KYO-RYOKAN", Night: "2027-03-10"}
	second := domain.HotelNight{Hotel: "KYO-RYOKAN", Night: "2027-03-11"}
	if full, ok := nights[second.String()]; nights[first.String()] == 0 || !ok || full != 0 {
		t.Error("no hotel is full on its second night only")
	}
	if first, last := offers.Flights[0].Row.Date, offers.Flights[100].Row.Date; first != "2027-02-01" || last != "2027-05-12" {
		t.Errorf("flights from %s to %s", first, last)
	}
}

// kept is a store in memory, and what KeepDemo says of it on a day.
type kept struct {
	*testing.T
	table *embedded.Store
	*store.Inventory
}

func newKept(t *testing.T) *kept {
	table, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return &kept{t, table, store.NewInventory(table)}
}

func (k *kept) keep(today domain.Date) bool {
	k.Helper()
	added, err := KeepDemo(k.Context(), k.Inventory, today)
	if err != nil {
		k.Fatal(err)
	}
	return added
}

func (k *kept) flights(day domain.Date) []domain.FlightDay {
	k.Helper()
	page, err := k.Flights(k.Context(), domain.InventoryQuery{From: day, To: day})
	if err != nil {
		k.Fatal(err)
	}
	return page.Items
}

// TestDemoIsKept: the demo inventory is loaded once a day, and only adds days.
func TestDemoIsKept(t *testing.T) {
	k := newKept(t)
	if !k.keep("2027-02-01") || k.keep("2027-02-01") || k.keep("2027-01-15") {
		t.Error("a new store, the same day, a clock that was set back: want true, false, false")
	}
	if len(k.flights("2027-01-31")) != 0 || len(k.flights("2027-02-01")) == 0 || len(k.flights("2027-05-12")) == 0 || len(k.flights("2027-05-13")) != 0 {
		t.Error("the days are not those from 2027-02-01 to 2027-05-12")
	}
	nights, err := k.Nights(t.Context(), domain.InventoryQuery{From: "2027-03-11", To: "2027-03-11"})
	if err != nil {
		t.Fatal(err)
	}
	if !k.keep("2027-02-04") || len(k.flights("2027-05-15")) == 0 || len(k.flights("2027-05-16")) != 0 {
		t.Error("three days later they do not end on 2027-05-15")
	}
	again, err := k.Nights(t.Context(), domain.InventoryQuery{From: "2027-03-11", To: "2027-03-11"})
	if err != nil || len(again.Items) != len(nights.Items) {
		t.Fatalf("%d nights, %v", len(again.Items), err)
	}
	for i, night := range again.Items {
		if night != nights.Items[i] {
			t.Errorf("the row %+v became %+v", nights.Items[i], night)
		}
	}
	if !k.keep("2031-01-01") || len(k.flights("2031-01-10")) == 0 {
		t.Error("four years later nothing is offered")
	}
}

// TestDemoIsCompleted: a load that was interrupted, as its mark tells, is taken up again, also on a later day.
func TestDemoIsCompleted(t *testing.T) {
	k := newKept(t)
	offers, err := Demo("2027-02-01")
	if err != nil {
		t.Fatal(err)
	}
	offers.Flights, offers.Nights = offers.Flights[:10], nil
	cut := &cutOff{k.Inventory}
	if _, err := cut.Load(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
	for _, today := range []domain.Date{"2027-02-01", "2027-02-02"} {
		if _, err := KeepDemo(t.Context(), cut, today); err != nil {
			t.Fatal(err)
		}
		if n := len(k.flights("2027-05-12")); n != 17 {
			t.Errorf("%s: %d flights on 2027-05-12, want 17", today, n)
		}
	}
}

// cutOff has forgotten that a load was completed.
type cutOff struct{ *store.Inventory }

func (c cutOff) LastLoad(ctx context.Context) (domain.LoadState, error) {
	state, err := c.Inventory.LastLoad(ctx)
	state.Complete = false
	return state, err
}

// TestDemoOfFixedDaysIsContinued: a store of an earlier version keeps its rows and gets the days of now.
func TestDemoOfFixedDaysIsContinued(t *testing.T) {
	k := newKept(t)
	row := strings.Replace(strings.Replace(goodFlight, "2027-03-02", "2027-05-31", 1), "1200", "182000", 1)
	earlier, err := Parse("demo.csv", strings.NewReader(row))
	if err != nil {
		t.Fatal(err)
	}
	earlier.Fingerprint = demoOfFixedDays
	if _, err := k.Load(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	if !k.keep("2027-05-01") || len(k.flights("2027-03-01")) != 1 || len(k.flights("2027-08-01")) != 17 {
		t.Error("the days from 2027-05-01 on were not added")
	}
	if !slices.ContainsFunc(k.flights("2027-05-31"), func(f domain.FlightDay) bool { return f.Number == "JL5" && f.Capacity == 3 }) {
		t.Errorf("a row that was there has changed: %+v", k.flights("2027-05-31"))
	}
}

// TestOwnInventoryIsNotTouched: neither one that was loaded in place of the demo's, nor one that was loaded over it.
func TestOwnInventoryIsNotTouched(t *testing.T) {
	own, err := Parse("own.csv", strings.NewReader(goodFlight))
	if err != nil {
		t.Fatal(err)
	}
	for _, demoFirst := range []bool{false, true} {
		k := newKept(t)
		if demoFirst {
			k.keep("2027-02-01")
		}
		if _, err := k.Load(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		if k.keep("2027-06-01") || len(k.flights("2027-09-01")) != 0 {
			t.Errorf("demo first %v: rows were added", demoFirst)
		}
		if !slices.ContainsFunc(k.flights("2027-03-01"), func(f domain.FlightDay) bool { return f.Number == "JL5" && f.Capacity == 3 }) {
			t.Errorf("demo first %v: JL5 is %+v", demoFirst, k.flights("2027-03-01"))
		}
	}
}
