package store

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table/embedded"
	"tripsaga/trip/domain"
)

var listed = time.Date(2027, 1, 15, 23, 59, 59, 0, time.UTC)

func fuzzedTable(f *testing.F) *embedded.Store {
	f.Helper()
	s, err := embedded.Open("", embedded.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	return s
}

// FuzzTripList holds that a list of trips is refused with the field that is wrong, or goes on from any place to its end:
// newest first, none twice, none left out.
func FuzzTripList(f *testing.F) {
	trips := NewTrips(fuzzedTable(f))
	var places []string
	for n := range 6 {
		created := listed.Add(time.Duration(n/2*n) * 400 * time.Millisecond) // several at once, and two days
		t, events, err := domain.RequestTrip(ident.Derive("trip", fmt.Sprint(n)), domain.Request{
			Traveler: domain.TravelerRequest{Name: "Ada", Email: "ada@example.com"},
			Flight:   domain.FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 1},
			Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: 1},
			Payment:  domain.PaymentRequest{CardToken: "tok_ok"}, Currency: "JPY",
		}, created)
		if err != nil {
			f.Fatal(err)
		}
		if _, _, err := trips.Create(f.Context(), t, events...); err != nil {
			f.Fatal(err)
		}
		places = append(places, place(created, t.ID()))
		f.Add("", n, places[n], "")
	}
	slices.Sort(places)
	f.Add("PENDING", 2, "2027-01-16", "")
	f.Add("PENDING", 2, "2027-01-16\xff", "")
	f.Add("CONFIRMED", 0, "9999-12-31", "")
	f.Add("pending", 201, "0000-00-00", "=")
	f.Fuzz(func(t *testing.T, status string, limit int, below, cursor string) {
		q := domain.TripQuery{Status: domain.Status(status), Limit: limit, Cursor: cursor}
		if cursor == "" && below != "" {
			q.Cursor = base64.RawURLEncoding.EncodeToString([]byte(below))
		}
		var found []string
		for more := true; more; more = q.Cursor != "" {
			page, err := trips.List(t.Context(), q)
			if err != nil && (len(found) > 0 || fault.KindOf(err) != fault.Invalid || fault.All(err)[0].Field == "") {
				t.Fatalf("%+v: %v", q, err)
			}
			if err != nil {
				return
			}
			for _, trip := range page.Items {
				found = append(found, place(trip.Created(), trip.ID()))
			}
			if q.Cursor = page.Cursor; len(found) > len(places) {
				t.Fatalf("below %q: %q, and no end", below, found)
			}
		}
		if cursor == "" {
			checkListed(t, found, places, status, below)
		}
	})
}

// checkListed wants the places below the cursor, the newest first.
func checkListed(t *testing.T, found, places []string, status, below string) {
	t.Helper()
	var want []string
	for i := range places {
		at := places[len(places)-1-i]
		if (below == "" || at < below) && (status == "" || status == string(domain.Pending)) {
			want = append(want, at)
		}
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("below %q: %q, want %q", below, found, want)
	}
}

// FuzzFlightList is the same for flights, by day and then number; its cursors are the table's.
func FuzzFlightList(f *testing.F) {
	inv := NewInventory(fuzzedTable(f))
	var offers domain.Offers
	for _, day := range []domain.Date{"0001-01-01", "2027-03-01", "2027-03-02", "9999-12-31"} {
		for _, number := range []domain.FlightNumber{"JL5", "NH12"} {
			row := domain.FlightDay{Number: number, Date: day, Price: money.Amount{Minor: 1, Currency: "JPY"}, Capacity: 1}
			offers.Flights = append(offers.Flights, domain.Offer[domain.FlightDay]{Row: row, Source: "x"})
		}
	}
	if _, err := inv.Load(f.Context(), offers); err != nil {
		f.Fatal(err)
	}
	page, err := inv.Flights(f.Context(), domain.InventoryQuery{Limit: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "", 3, page.Cursor)
	f.Add("2027-03-01", "2027-03-01", 1, "")
	f.Add("2027-03-02", "9999-12-31", 200, "")
	f.Add("2027-03-02", "2027-03-01", 0, "AAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, from, to string, limit int, cursor string) {
		q := domain.InventoryQuery{Limit: limit, Cursor: cursor}
		q.From, _ = domain.ParseDate(from) // the callers' part
		q.To, _ = domain.ParseDate(to)
		n := 0
		for more := true; more; more = q.Cursor != "" {
			page, err := inv.Flights(t.Context(), q)
			if err != nil && (n > 0 || fault.KindOf(err) != fault.Invalid || fault.All(err)[0].Field == "") {
				t.Fatalf("%+v: %v", q, err)
			}
			if err != nil {
				return
			}
			n += len(page.Items)
			q.Cursor = page.Cursor
		}
		want := 0
		for _, o := range offers.Flights {
			if o.Row.Date >= q.From && (q.To == "" || o.Row.Date <= q.To) {
				want++
			}
		}
		if cursor == "" && n != want {
			t.Errorf("%+v: %d flights, want %d", q, n, want)
		}
	})
}
