package app_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

func TestFailTripKeepsAReadableReason(t *testing.T) {
	long := strings.Repeat("x", 600)
	tests := []struct {
		failure app.Failure
		want    domain.Reason
	}{
		{app.Failure{Error: "HotelUnavailable", Cause: `{"errorMessage":"full","errorType":"HotelUnavailable"}`},
			domain.Reason{Name: "HotelUnavailable", Message: "full"}},
		{app.Failure{Error: "States.Timeout"},
			domain.Reason{Name: "States.Timeout", Message: "the step did not end in time or gave no reason"}},
		{app.Failure{Error: "Lambda.Unknown", Cause: "The cause could not be determined"},
			domain.Reason{Name: "Lambda.Unknown", Message: "The cause could not be determined"}},
		{app.Failure{Error: "E", Cause: `{"errorMessage":42}`}, domain.Reason{Name: "E", Message: `{"errorMessage":42}`}},
		{app.Failure{Error: "E", Cause: long}, domain.Reason{Name: "E", Message: long[:500] + "..."}},
		{app.Failure{Error: "Conflict", Cause: `{"errorMessage":"our key is wrong"}`},
			domain.Reason{Name: "Conflict", Message: "the booking could not be made, for a reason that its operator has to look into"}},
		{app.Failure{Error: "InternalError", Cause: `{"errorMessage":"nil pointer at 0x10"}`},
			domain.Reason{Name: "InternalError", Message: "the booking could not be made, for a reason that its operator has to look into"}},
		{app.Failure{Error: "ServiceUnavailable", Cause: `{"errorMessage":"Stripe cannot be reached: dial tcp 10.0.0.7:443: connection refused"}`},
			domain.Reason{Name: "ServiceUnavailable", Message: "a service that the booking needs did not answer"}},
		{app.Failure{}, domain.Reason{Name: fault.NameInternal, Message: "the step did not end in time or gave no reason"}},
	}
	w := newWorld(t, nil)
	for _, tt := range tests {
		id := w.book(t, nil)
		in := app.FailInput{TripID: id, Failure: tt.failure}
		for range 2 {
			if _, err := w.FailFlightBooking(t.Context(), in); !fault.Is(err, fault.NameFlightBookingFailed) {
				t.Errorf("%+v: error %v", tt.failure, err)
			}
			in.Failure = app.Failure{Error: "Later", Cause: "another reason"}
		}
		d, err := w.GetTrip(t.Context(), id)
		if err != nil || d.Trip.Status() != domain.Failed || d.Trip.Reason() != tt.want {
			t.Errorf("%+v: reason %+v, %v; want %+v", tt.failure, d.Trip.Reason(), err, tt.want)
		}
	}
}

func TestAConfirmedTripCannotFail(t *testing.T) {
	w := newWorld(t, nil)
	id := w.booked(t, nil)
	if _, err := w.FailTrip(t.Context(), app.FailInput{TripID: id}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("error %v", err)
	}
}

func TestMarkNeedsAttention(t *testing.T) {
	w := newWorld(t, nil)
	stopped, booked, running := w.book(t, nil), w.booked(t, nil), w.book(t, nil)
	changes := []app.ExecutionChange{
		{Saga: domain.BookingSaga, TripID: stopped, Status: "FAILED", Error: "ServiceUnavailable", State: "CancelHotel"},
		{Saga: domain.BookingSaga, TripID: stopped, Status: "FAILED", Error: "ServiceUnavailable", State: "CancelHotel"}, // news come twice
		{Saga: domain.BookingSaga, TripID: booked, Status: "FAILED", Error: "late news"},
		{Saga: domain.BookingSaga, TripID: running, Status: "RUNNING"},
		{Saga: domain.BookingSaga, TripID: running, Status: "SUCCEEDED"},
	}
	for _, c := range changes {
		if err := w.MarkNeedsAttention(t.Context(), c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	want := map[string]domain.Status{stopped: domain.NeedsAttention, booked: domain.Confirmed, running: domain.Pending}
	for id, status := range want {
		d, err := w.GetTrip(t.Context(), id)
		if err != nil || d.Trip.Status() != status {
			t.Errorf("%s: %v, %v; want %s", id, d.Trip.Status(), err, status)
		}
	}
	d, _ := w.GetTrip(t.Context(), stopped)
	if r := (domain.Reason{Name: "ServiceUnavailable", Message: "the saga ended FAILED at CancelHotel"}); d.Trip.Reason() != r {
		t.Errorf("reason %+v, want %+v", d.Trip.Reason(), r)
	}
	again := app.ExecutionChange{Saga: domain.BookingSaga, TripID: stopped, Status: "FAILED", Error: "ServiceUnavailable", State: "CancelFlight"}
	if err := w.MarkNeedsAttention(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(w.events(t, stopped), "TripNeedsAttention"); got != 2 {
		t.Errorf("%d events; want one for each stop", got)
	}
	w.run(t, stopped, w.reserveFlight, w.reserveHotel, w.pay, w.confirm)
	unknown := app.ExecutionChange{Saga: domain.BookingSaga, TripID: "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", Status: "FAILED"}
	if err := w.MarkNeedsAttention(t.Context(), unknown); !fault.Is(err, fault.NameNotFound) {
		t.Errorf("an unknown trip: %v", err)
	}
}

func TestReconcileStartsWhatWasNeverStarted(t *testing.T) {
	w := newWorld(t, nil)
	w.broken = true
	var lost []string
	for range 3 {
		trip, err := w.BookTrip(t.Context(), "", request())
		if err == nil {
			t.Fatal("the trip was accepted although its saga did not start")
		}
		lost = append(lost, trip.ID())
		w.time = w.time.Add(30 * time.Hour)
	}
	report, err := w.Reconcile(t.Context(), app.Patience{Grace: time.Minute})
	if err == nil || report != (app.ReconcileReport{Pending: 3, Failed: 3}) {
		t.Errorf("while the starter is broken: %+v, %v", report, err)
	}
	w.broken = false
	w.booked(t, nil)
	fresh := w.book(t, nil)
	delete(w.starts, fresh)
	w.time = w.time.Add(30 * time.Second)
	report, err = w.Reconcile(t.Context(), app.Patience{Grace: time.Minute})
	if err != nil || report != (app.ReconcileReport{Pending: 3, Started: 3}) {
		t.Errorf("report %+v, %v", report, err)
	}
	for _, id := range lost {
		if w.starts[id] == nil {
			t.Errorf("%s was not started", id)
		}
	}
	if w.starts[fresh] != nil {
		t.Error("a trip within the grace period was started again")
	}
}

func TestListTripsIsNewestFirstAcrossDaysStatusesAndPages(t *testing.T) {
	w := newWorld(t, nil)
	byStatus := map[domain.Status][]string{}
	for i := range 60 {
		w.time = w.time.Add(time.Duration(i%7) * time.Hour) // several in one millisecond, several days
		status := domain.Statuses()[i%len(domain.Statuses())]
		id := w.bookInto(t, status)
		byStatus[status] = append(byStatus[status], id)
		byStatus[""] = append(byStatus[""], id)
	}
	for status, want := range byStatus {
		for _, limit := range []int{1, 7, 200} {
			got := w.listAll(t, domain.TripQuery{Status: status, Limit: limit})
			if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(ids(got))), want) {
				t.Errorf("status %q, %d a page: %d trips, want %d", status, limit, len(got), len(want))
			}
			if !slices.IsSortedFunc(got, func(a, b *domain.Trip) int { return b.Created().Compare(a.Created()) }) {
				t.Errorf("status %q, %d a page: not newest first", status, limit)
			}
		}
	}
}

// bookInto makes a trip of the status.
func (w *world) bookInto(t *testing.T, status domain.Status) string {
	t.Helper()
	id := w.book(t, nil)
	switch status {
	case domain.Confirmed, domain.Cancelling, domain.Cancelled:
		trip, err := w.Trips.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		s := trip.Snapshot()
		s.Status = status
		if err := w.Trips.Save(t.Context(), domain.RestoreTrip(s)); err != nil {
			t.Fatal(err)
		}
	case domain.Failed:
		w.run(t, id, w.fail)
	case domain.NeedsAttention:
		if err := w.MarkNeedsAttention(t.Context(), app.ExecutionChange{Saga: domain.BookingSaga, TripID: id, Status: "ABORTED"}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func (w *world) listAll(t *testing.T, q domain.TripQuery) []*domain.Trip {
	t.Helper()
	var all []*domain.Trip
	for {
		page, err := w.ListTrips(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > q.Limit {
			t.Fatalf("a page of %d, want at most %d", len(page.Items), q.Limit)
		}
		all = append(all, page.Items...)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return all
		}
	}
}

func ids(trips []*domain.Trip) []string {
	all := make([]string, len(trips))
	for i, t := range trips {
		all[i] = t.ID()
	}
	return all
}

func TestListTripsRefusesBadQueries(t *testing.T) {
	w := newWorld(t, nil)
	for field, q := range map[string]domain.TripQuery{
		"status": {Status: "BOOKED"}, "limit": {Limit: -1}, "cursor": {Cursor: "bm9uc2Vuc2U"},
	} {
		_, err := w.ListTrips(t.Context(), q)
		if all := fault.All(err); len(all) != 1 || all[0].Field != field || all[0].Kind != fault.Invalid {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestReloadingKeepsWhatIsHeld(t *testing.T) {
	w := newWorld(t, nil)
	w.booked(t, nil) // 2 of 5 seats of JL5 on 10 March
	if r := w.load(t, stock); r.Added != 0 || r.Changed != 0 || r.Unchanged == 0 {
		t.Errorf("the same again: %+v", r)
	}
	r := w.load(t, strings.ReplaceAll(stock, "1000, JPY, 5", "1100, JPY, 3"))
	if r.Changed != 2 {
		t.Errorf("two days changed: %+v", r)
	}
	page, err := w.ShowFlights(t.Context(), domain.InventoryQuery{From: "2027-03-10", To: "2027-03-10"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(page.Items, func(f domain.FlightDay) bool { return f.Number == "JL5" })
	if f := page.Items[i]; len(page.Items) != 3 || f.Capacity != 3 || f.Available != 1 || f.Price.Minor != 1100 {
		t.Errorf("%d flights, JL5 %+v", len(page.Items), f)
	}
	if l := w.audit(t); !l.Balanced || l.SeatsHeld != 2 {
		t.Errorf("ledger %+v", l)
	}
}

func TestACapacityBelowWhatIsHeldLoadsNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.booked(t, nil)
	bad := strings.ReplaceAll(stock, "1000, JPY, 5", "1000, JPY, 1") +
		"flight, XX9, New Line, HND, JFK, 11:05, 10:55, 2027-03-10, 2027-03-10, 1000, JPY, 5\n"
	offers, err := inventory.Parse("stock.csv", strings.NewReader(bad))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.LoadInventory(t.Context(), offers)
	const want = "stock.csv:1: capacity: 1 is below the 2 held of flight JL5 on 2027-03-10"
	if fault.KindOf(err) != fault.Conflict || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	flights, err := w.ShowFlights(t.Context(), domain.InventoryQuery{})
	if err != nil || len(flights.Items) != 4 {
		t.Errorf("%d flights, %v; want 4 as before", len(flights.Items), err)
	}
	if state, err := w.Inventory.LastLoad(t.Context()); err != nil || !state.Complete {
		t.Errorf("the last load is %+v, %v; want the first, complete", state, err)
	}
}

func TestALoadLargerThanATransaction(t *testing.T) {
	w := newWorld(t, nil)
	const large = "hotel, BIG-1, Big, Tokyo, 2027-01-01, 2027-12-31, 100, JPY, 9\n"
	if r := w.load(t, large); r.Added != 365 {
		t.Errorf("report %+v", r)
	}
	q := domain.InventoryQuery{From: "2027-01-01", To: "2027-12-31", Limit: 100}
	nights := 0
	for {
		page, err := w.ShowNights(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Items {
			if n.Hotel == "BIG-1" {
				nights++
			}
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if nights != 365 {
		t.Errorf("%d nights, want 365", nights)
	}
	_, err := w.ShowNights(t.Context(), domain.InventoryQuery{Cursor: "forged"})
	if all := fault.All(err); len(all) != 1 || all[0].Field != "cursor" {
		t.Errorf("a forged cursor: %v", err)
	}
}

func TestAuditFindsWhatDoesNotBalance(t *testing.T) {
	steal := table.Key{PK: "FLIGHT#JL5#2027-03-10", SK: "AVAILABLE"}
	tests := map[string]func(*world, string) error{
		"a seat lost": func(w *world, _ string) error {
			return w.table.Transact(t.Context(), table.Add(steal, "available", -1, 0))
		},
		"a reservation lost": func(w *world, id string) error {
			return w.table.Transact(t.Context(), table.Delete(table.Key{PK: "TRIP#" + id, SK: "HOTEL"}, table.Present))
		},
		"an offer lost": func(w *world, _ string) error {
			return w.table.Transact(t.Context(), table.Delete(table.Key{PK: steal.PK, SK: "INVENTORY"}, table.Present))
		},
		"money kept for a trip that is not confirmed": func(w *world, id string) error {
			trip, err := w.Trips.Get(t.Context(), id)
			if err != nil {
				return err
			}
			s := trip.Snapshot()
			s.Status = domain.Failed
			return w.Trips.Save(t.Context(), domain.RestoreTrip(s))
		},
		"a lopsided entry": func(w *world, id string) error {
			d, err := w.GetTrip(t.Context(), id)
			if err != nil {
				return err
			}
			key := table.Key{PK: "BANK#" + d.Payment.Result.IntentID, SK: "CHARGE"}
			data := `{"id":"x","kind":"CHARGE","currency":"JPY","postings":[{"account":"cards","debit":2500}]}`
			return w.books.Transact(t.Context(), table.Put(table.Item{Key: key, Version: 2, Data: []byte(data)}, table.Present))
		},
		"an entry of nothing": func(w *world, id string) error {
			d, err := w.GetTrip(t.Context(), id)
			if err != nil {
				return err
			}
			key := table.Key{PK: "BANK#" + d.Payment.Result.IntentID, SK: "REFUND"}
			data := `{"id":"x","kind":"REFUND","currency":"JPY","postings":[]}`
			return w.books.Transact(t.Context(), table.Put(table.Item{Key: key, Data: []byte(data)}, table.Absent))
		},
	}
	for name, tamper := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			id := w.booked(t, nil)
			if l := w.audit(t); !l.Balanced {
				t.Fatalf("ledger %+v", l)
			}
			if err := tamper(w, id); err != nil {
				t.Fatal(err)
			}
			if l := w.audit(t); l.Balanced || len(l.Problems) == 0 {
				t.Errorf("ledger %+v", l)
			}
		})
	}
}

func TestTotalsByCurrency(t *testing.T) {
	w := newWorld(t, nil)
	w.booked(t, nil)
	w.booked(t, func(r *domain.Request) {
		r.Currency, r.Flight.Number, r.Hotel.ID = "USD", "UA1", "HNL-REEF"
	})
	l := w.audit(t)
	want := map[money.Currency]app.Account{
		"JPY": {Captured: 2500, Confirmed: 2500}, "USD": {Captured: 2*9950 + 2*1025, Confirmed: 2*9950 + 2*1025},
	}
	if !maps.Equal(l.Currencies, want) || !l.Balanced {
		t.Errorf("got %+v, want %+v", l, want)
	}
	doc, err := json.Marshal(l)
	if err != nil || strings.Count(string(doc), "captured_minor") != len(want) {
		t.Errorf("%s, %v: want the money of each currency, and no sum of yen and cents", doc, err)
	}
}
