package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// hours is a time of virtual seconds before which the trip's flight departs in so many hours.
func (s simulated) before(id string, hours time.Duration) {
	s.Helper()
	q, err := s.sys.App.CancellationQuote(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	s.virtual.Advance(q.Departs.Add(-hours * time.Hour).Sub(s.virtual.Now()))
}

func TestCancelTrip(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	s.virtual.Run()
	s.before(id, 72)
	address := "/console/trips/" + id + "/cancel"
	if links := s.trip(id).all("a", "href", address); len(links) != 1 {
		t.Errorf("%d links to the preview", len(links))
	}
	preview := s.get(address)
	preview.shows("quote", "Paid 224,000 JPY", "Fee (20 %) 44,800 JPY", "Refund 179,200 JPY")
	preview.shows("policy", "168 h or more before 0 %", "48 h or more before 20 %", "later, until the departure 50 %")
	preview.shows("main", "Cancel this trip?", "Seats", "Rooms", "Payment", "Reason (optional)")
	if s.post(address, nil).status != http.StatusForbidden {
		t.Error("a form without a token is taken")
	}
	form := preview.form("post")
	form.Set("reason", "the <b>plans</b> changed")
	done := s.post(address, form)
	if done.status != http.StatusSeeOther || done.location != "/console/trips/"+id+"?done=cancelled" {
		t.Fatalf("%d %s %s", done.status, done.location, done.main())
	}
	d := s.get(done.location)
	d.shows("main", "The cancellation was accepted", "Being cancelled")
	d.shows("cancellation", "the <b>plans</b> changed", "Fee (20 %) 44,800 JPY", "Refund 179,200 JPY")
	d.shows("money", "Charged 224,000 JPY; its refund is still outstanding.")
	d.shows("saga", "Booking", "Cancellation", "CancelHotel", "running")
	if len(d.all("a", "href", address)) != 0 {
		t.Error("a trip that is being cancelled has a link to cancel it")
	}
	if len(d.all("body", "data-live", "*")) != 1 {
		t.Error("the page of a trip that is being cancelled is not live")
	}
	s.virtual.Run()
	if again := s.post(address, form); again.status != http.StatusSeeOther || again.location != done.location {
		t.Errorf("the form again: %d %s", again.status, again.main())
	}
	d = s.trip(id)
	d.shows("main", "Cancelled", "the <b>plans</b> changed")
	d.shows("money", "Refunded 179,200 JPY; a fee of 44,800 JPY is kept.")
	d.shows("ledger", "Charge", "Refund", "179,200 JPY")
	d.inOrder("events", "TripConfirmed", "CancellationRequested", "HotelCancelled", "FlightCancelled", "PaymentRefunded", "TripCancelled 179,200 JPY fee 44,800 JPY")
	s.get("/console/").shows(id, "Cancelled", "Refunded 179,200 JPY; a fee of 44,800 JPY is kept.")
	d.shows("timeline-table", "CancelHotel", "CancelFlight", "RefundBooking", "BookingCancelled")
	s.lang = "ja"
	s.trip(id).shows("main", "キャンセル済み", "キャンセル料（20 %）")
	s.trip(id).shows("events", "キャンセル料 44,800 JPY")
	s.get("/console/ledger").shows("JPY", "44,800 JPY", "一致")
	s.get(address).shows("main", "この旅行はキャンセル済みです", "キャンセルの受付日時")
	s.lang = "en"
	if refused := s.get(address); refused.status != http.StatusConflict {
		t.Errorf("the preview of a cancelled trip: %d", refused.status)
	} else {
		refused.shows("main", "This trip is already cancelled", "Its cancellation was accepted at")
	}
}

// TestBothSagas leads from the cancellation to the booking and to the history and the visits of either.
func TestBothSagas(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	s.virtual.Run()
	if _, err := s.sys.App.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	s.virtual.Run()
	address := "/console/trips/" + id
	for saga, want := range map[string]string{"booking": "about 23", "cancellation": "about 30"} {
		s.get(address+"?saga="+saga).shows("cost", "State transitions 5 $0.000125", want)
	}
	d := s.trip(id)
	d.shows("graph", "RefundBooking: done")
	if current := d.all("a", "aria-current", "page"); len(current) == 0 || inside(current[len(current)-1]) != "Cancellation" {
		t.Errorf("the tab of the cancellation is not the current one: %s", d.body)
	}
	booking := s.get(address + "?saga=booking")
	booking.shows("graph", "ProcessPayment: done", "RefundPayment: not visited")
	booking.shows("timeline-table", "BookingConfirmed")
	for _, link := range []string{address + "/history?saga=booking", address + "/visits/2?saga=booking"} {
		if len(booking.all("a", "href", link)) == 0 {
			t.Errorf("the booking has no link to %s", link)
		}
	}
	history := s.get(address + "/history?saga=booking&state=ProcessPayment")
	history.shows("main", "ProcessPayment", "JSON")
	if strings.Contains(history.main(), "RefundBooking") || len(history.all("input", "name", "saga")) != 1 {
		t.Errorf("not the history of the booking: %s", history.main())
	}
	if raw := history.all("a", "href", "/trips/"+id+"/history?saga=booking"); len(raw) != 1 {
		t.Error("no link to the booking's history as JSON")
	}
	s.get(address+"/history").shows("main", "RefundBooking")
	visit := s.get(address + "/visits/2?saga=booking")
	visit.shows("main", "ReserveFlight")
	if len(visit.all("a", "href", address+"?saga=booking#visit-2")) != 1 {
		t.Errorf("a visit does not lead back: %s", visit.body)
	}
	s.get(address+"/visits/2").shows("main", "CancelHotel")
	for _, target := range []string{"?saga=other", "?saga=booking&saga=booking", "/history?saga=other", "/redrive?saga=booking", "/cancel?saga=booking"} {
		if d := s.get(address + target); d.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", target, d.status, d.main())
		}
	}
}

func TestCancelRefused(t *testing.T) {
	s := simulate(t, nil)
	failed := s.book(card("tok_declined"))
	s.virtual.Run()
	if links := s.trip(failed).all("a", "href", "/console/trips/"+failed+"/cancel"); len(links) != 0 {
		t.Error("a failed trip has a link to cancel it")
	}
	id := s.book()
	s.virtual.Run()
	address := "/console/trips/" + id + "/cancel"
	form := s.get(address).form("post")
	for name, values := range map[string][]string{
		"reason": {strings.Repeat("x", 201), strings.Repeat("x", 321), "a\x00b", "a\u202eb", "\xff", "\u3164"},
		"fee":    {"", "x", "-1", "1.5", "99999999999"},
		"other":  {"1"},
	} {
		for _, value := range values {
			bad := form
			bad = map[string][]string{}
			for k, v := range form {
				bad[k] = v
			}
			bad.Set(name, value)
			d := s.post(address, bad)
			if d.status != http.StatusBadRequest || name != "other" && d.problem(name) == "" {
				t.Errorf("%s %q: %d %s", name, value, d.status, d.main())
			}
		}
	}
	for _, other := range []struct {
		id, text string
	}{{failed, "Nothing is booked that could be cancelled"}} {
		d := s.get("/console/trips/" + other.id + "/cancel")
		if d.status != http.StatusConflict || !strings.Contains(d.main(), other.text) {
			t.Errorf("%d %s", d.status, d.main())
		}
		if d := s.post("/console/trips/"+other.id+"/cancel", form); d.status != http.StatusConflict || !strings.Contains(d.main(), other.text) {
			t.Errorf("POST: %d %s", d.status, d.main())
		}
	}
	s.before(id, 72) // the form was shown when it was free
	changed := s.post(address, form)
	changed.shows("main", "The fee has risen since this page was shown", "Fee (20 %)")
	if changed.status != http.StatusConflict || s.trip(id).all("section", "id", "cancellation") != nil {
		t.Errorf("cancelled at a fee that nobody saw: %d", changed.status)
	}
	s.before(id, 0)
	for _, d := range []*doc{s.get(address), s.post(address, changed.form("post"))} {
		if d.status != http.StatusConflict || !strings.Contains(d.main(), "The flight has departed, at") {
			t.Errorf("departed: %d %s", d.status, d.main())
		}
	}
	d := s.trip(id)
	d.shows("main", "The flight has departed, so that the trip cannot be cancelled any more")
	if len(d.all("a", "href", address)) != 0 {
		t.Error("the page of a trip that has departed has a link to cancel it")
	}
	if d := s.get("/console/trips/" + strings.Repeat("0", 8) + "-0000-7000-8000-000000000000/cancel"); d.status != http.StatusNotFound {
		t.Errorf("an unknown trip: %d", d.status)
	}
}

// TestCancelWhileItIsBooked shows the request in the trip, whose booking goes on.
func TestCancelWhileItIsBooked(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	preview := s.get("/console/trips/" + id + "/cancel")
	preview.shows("quote", "It is not confirmed yet")
	if d := s.post("/console/trips/"+id+"/cancel", preview.form("post")); d.status != http.StatusSeeOther {
		t.Fatalf("%d %s", d.status, d.main())
	}
	d := s.trip(id)
	d.shows("main", "Pending")
	d.shows("cancellation", "Requested")
	s.virtual.Run()
	d = s.trip(id)
	d.shows("main", "Cancelled", "Cancelled before it was paid", "TripCancelled")
	d.shows("money", "Nothing was charged.")
	d.inOrder("events", "TripRequested", "CancellationRequested", "HotelCancelled", "FlightCancelled", "TripCancelled")
	s.get("/console/").shows(id, "Cancelled before it was paid")
	if d := s.get("/console/trips/" + id + "/redrive"); d.status != http.StatusConflict || !strings.Contains(d.main(), "It is cancelled") {
		t.Errorf("redrive: %d %s", d.status, d.main())
	}
}

// TestCancellationNeedsAttention is redriven at the state where the second saga stopped.
func TestCancellationNeedsAttention(t *testing.T) {
	s := simulate(t, map[string][]error{"RefundBooking": {&engine.TaskError{Name: "Conflict", Message: "the account is locked"}}})
	id := s.book()
	s.virtual.Run()
	s.before(id, 72)
	if _, err := s.sys.App.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	s.virtual.Run()
	d := s.trip(id)
	d.shows("main", "Needs attention: the saga stopped at RefundBooking", "Redrive")
	d.shows("money", "Charged 224,000 JPY; its refund is still outstanding.")
	preview := s.get("/console/trips/" + id + "/redrive")
	preview.shows("main", "RefundBooking BookingCancelled", "This refunds what was charged")
	if d := s.post("/console/trips/"+id+"/redrive", preview.form("post")); d.status != http.StatusSeeOther {
		t.Fatalf("%d %s", d.status, d.main())
	}
	s.virtual.Run()
	s.trip(id).shows("main", "Cancelled", "Redriven")
}

// TestEveryStatusHasATextAndAFilter opens the list of each.
func TestEveryStatusHasATextAndAFilter(t *testing.T) {
	s := open(t)
	for i, status := range domain.Statuses() {
		s.store(i+1, time.Now(), func(trip *domain.Snapshot) { trip.Status = status })
	}
	for _, status := range domain.Statuses() {
		d := s.get("/console/?status=" + string(status))
		shown := d.all("span", "data-status", string(status))
		if d.status != http.StatusOK || len(shown) != 1 || strings.HasPrefix(inside(shown[0]), "status-") {
			t.Errorf("%s: %d %s", status, d.status, d.main())
		}
	}
}

// TestCancelledTripsInTheList say what was refunded and kept.
func TestCancelledTripsInTheList(t *testing.T) {
	s := open(t)
	jpy := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "JPY"} }
	for i, tt := range []struct {
		total, fee, refund int64
		want               string
	}{
		{224000, 0, 224000, "Refunded 224,000 JPY."},
		{224000, 44800, 179200, "Refunded 179,200 JPY; a fee of 44,800 JPY is kept."},
		{224000, 224000, 0, "Paid 224,000 JPY, all of which is kept as the fee."},
		{0, 0, 0, "Cancelled before it was paid"},
	} {
		id := s.store(i+1, time.Now(), func(trip *domain.Snapshot) {
			trip.Status, trip.Reason = domain.Cancelled, domain.Reason{}
			trip.Cancellation = domain.Cancellation{Requested: trip.Created, Fee: jpy(tt.fee), Refund: jpy(tt.refund)}
			if tt.total == 0 {
				trip.Total, trip.Cancellation.Fee, trip.Cancellation.Refund = money.Amount{}, money.Amount{}, money.Amount{}
				trip.Reason = domain.Reason{Name: "ServiceUnavailable"}
			}
		})
		row := s.get("/console/").all("tr", "id", id)
		if len(row) != 1 || !strings.Contains(inside(row[0]), tt.want) {
			t.Errorf("no %q in the list", tt.want)
		}
	}
}
