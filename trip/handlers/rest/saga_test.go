package rest

import (
	"reflect"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// TestOrdinaryReadsAskNoStateMachine: it answers a few times a second for a whole account, and clients poll.
func TestOrdinaryReadsAskNoStateMachine(t *testing.T) {
	w, h, id := booked(t)
	w.asked = func() { t.Error("the state machine was asked") }
	w.sagaFails = fault.New(fault.Unavailable, fault.NameThrottled, "too often")
	read := func(want domain.Status, status string) {
		t.Helper()
		answer := ask(h, "GET", "/trips/"+id, "")
		trip := decoded[wire.TripDetails](t, answer)
		if answer.Code != 200 || trip.Status != want || trip.Saga == nil || trip.Saga.Status != status || trip.SagaUnread {
			t.Errorf("%s: %d %s, want its saga %s", want, answer.Code, answer.Body, status)
		}
		for _, path := range []string{"/trips", "/trips/" + id + "/cancellation-quote"} {
			if answer := ask(h, "GET", path, ""); answer.Code != 200 {
				t.Errorf("%s: %s: %d %s", want, path, answer.Code, answer.Body)
			}
		}
	}
	read(domain.Pending, "RUNNING")
	trip := w.trips[id]
	w.trips[id] = domain.RestoreTrip(trip.Snapshot())
	w.trips[id].Confirm(yen(50000), noon)
	read(domain.Confirmed, "SUCCEEDED")
	ask(h, "POST", "/trips/"+id+"/cancel", "")
	read(domain.Cancelling, "RUNNING")
	w.trips[id].Cancel(noon)
	read(domain.Cancelled, "SUCCEEDED")
	w.trips[id] = domain.RestoreTrip(trip.Snapshot())
	w.trips[id].Fail(domain.Reason{Name: "X"}, noon)
	read(domain.Failed, "FAILED")
	w.trips[id] = trip
	ask(h, "POST", "/trips/"+id+"/cancel", "")
	trip.Fail(domain.Reason{Name: "X"}, noon)
	read(domain.Cancelled, "FAILED")
}

// TestRecordedProgress: which steps and compensations the records show.
func TestRecordedProgress(t *testing.T) {
	const none, started, done, refused, undone = domain.StepState(""), domain.StepStarted, domain.StepDone, domain.StepRefused, domain.StepUndone
	for _, c := range []struct {
		flight, hotel, payment domain.StepState
		cancels                bool
		want                   []string
	}{
		{none, none, none, false, []string{}},
		{done, none, none, false, []string{"ReserveFlight"}},
		{done, done, started, false, []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"}},
		{refused, none, none, false, []string{"ReserveFlight"}},
		{undone, refused, none, false, []string{"ReserveFlight", "ReserveHotel", "CancelFlight"}},
		{undone, undone, refused, false, []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "CancelHotel", "CancelFlight"}},
		{done, undone, undone, false, []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "RefundPayment", "CancelHotel"}},
		{done, done, done, true, []string{}},
		{done, undone, done, true, []string{"CancelHotel"}},
		{undone, undone, undone, true, []string{"CancelHotel", "CancelFlight", "RefundBooking"}},
	} {
		w, _, id := booked(t)
		d := domain.Details{Trip: w.trips[id]}
		if c.cancels {
			d.Trip.Confirm(yen(50000), noon)
			d.Trip.RequestCancellation("", "", 0, 1, noon)
		}
		if c.flight != none {
			d.Flight = &domain.Step[domain.FlightReservation]{State: c.flight}
		}
		if c.hotel != none {
			d.Hotel = &domain.Step[domain.HotelReservation]{State: c.hotel}
		}
		if c.payment != none {
			d.Payment = &domain.Step[domain.Payment]{State: c.payment}
		}
		got := []string{}
		for _, s := range recorded(d).States {
			got = append(got, s.Name)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("flight %q, hotel %q, payment %q: %q, want %q", c.flight, c.hotel, c.payment, got, c.want)
		}
	}
}

// needing makes a world with one trip that needs attention.
func needing(t *testing.T) (w *world, read func() (int, wire.TripDetails)) {
	w, h, id := booked(t)
	w.trips[id].MarkNeedsAttention(domain.BookingSaga, domain.Reason{Name: "X"}, noon)
	return w, func() (int, wire.TripDetails) {
		answer := ask(h, "GET", "/trips/"+id, "")
		if answer.Code != 200 {
			return answer.Code, wire.TripDetails{}
		}
		return answer.Code, decoded[wire.TripDetails](t, answer)
	}
}

func TestATripThatNeedsAttentionHasItsExecution(t *testing.T) {
	for _, c := range []struct{ status, state, current, failed string }{
		{"RUNNING", "", "ReserveHotel", ""}, // overdue, or redriven
		{"FAILED", "ReserveFlight", "", "ReserveFlight"},
		{"FAILED", "", "", "ReserveHotel"}, // of a state machine that does not tell it
		{"TIMED_OUT", "", "", ""},
		{"ABORTED", "", "", ""},
	} {
		w, read := needing(t)
		for id := range w.trips {
			w.progress[id] = app.Progress{Status: c.status, State: c.state, Error: "E", Cause: "C", Started: noon, Stopped: noon, Redrives: 1}
		}
		_, trip := read()
		want := &wire.Saga{
			Name: "booking", Status: c.status, CurrentState: c.current, FailedState: c.failed, Error: "E", Cause: "C", Started: noon, Stopped: noon,
			Redrives: 1, States: []wire.StateVisit{{Name: "ReserveFlight", Attempts: 2}, {Name: "ReserveHotel", Attempts: 1}},
		}
		if !reflect.DeepEqual(trip.Saga, want) || trip.SagaUnread {
			t.Errorf("saga %+v, want %+v", trip.Saga, want)
		}
	}
	w, read := needing(t)
	clear(w.progress)
	if code, trip := read(); code != 200 || trip.Saga != nil || trip.SagaUnread {
		t.Errorf("without an execution: %d %+v", code, trip)
	}
}

// TestATripThatNeedsAttentionIsReadWithoutItsExecution where the state machine is too busy.
func TestATripThatNeedsAttentionIsReadWithoutItsExecution(t *testing.T) {
	w, read := needing(t)
	for _, name := range []string{fault.NameThrottled, fault.NameUnavailable} {
		w.sagaFails = fault.New(fault.Unavailable, name, "too busy")
		if code, trip := read(); code != 200 || !trip.SagaUnread || trip.Saga != nil || trip.Status != domain.NeedsAttention {
			t.Errorf("%s: %d %+v", name, code, trip)
		}
	}
	w.sagaFails = fault.New(fault.Internal, fault.NameInternal, "no permission")
	if code, _ := read(); code != 500 {
		t.Errorf("an internal fault is answered with %d", code)
	}
}

// TestATripIsAsNewAsItsExecution: one that ends while its execution is read is shown as it has ended.
func TestATripIsAsNewAsItsExecution(t *testing.T) {
	w, read := needing(t)
	w.asked = func() {
		for id, trip := range w.trips {
			s := trip.Snapshot()
			s.Version++
			w.trips[id] = domain.RestoreTrip(s)
			w.trips[id].Confirm(yen(50000), noon)
		}
	}
	if code, trip := read(); code != 200 || trip.Status != domain.Confirmed || trip.Saga.Status != "SUCCEEDED" {
		t.Errorf("%d, the trip is %s, its saga %+v", code, trip.Status, trip.Saga)
	}
}

// TestThrottledCalls are the client's to repeat, and no fault of the server: an alarm on 5xx must not ring for them.
func TestThrottledCalls(t *testing.T) {
	w, h, id := booked(t)
	w.sagaFails = fault.New(fault.Unavailable, fault.NameThrottled, "Step Functions limits how often it is asked")
	answer := ask(h, "GET", "/trips/"+id+"/history", "")
	wantProblem(t, answer, 429, fault.NameThrottled)
	if answer.Header().Get("Retry-After") != "1" {
		t.Errorf("header %v", answer.Header())
	}
}

// TestARemovedHistory is distinguished from one that has not begun, and from one that began between the looks.
func TestARemovedHistory(t *testing.T) {
	w, h, id := booked(t)
	progress := w.progress[id]
	clear(w.progress)
	history := func(name, detail string) {
		t.Helper()
		if p := wantProblem(t, ask(h, "GET", "/trips/"+id+"/history", ""), 404, name); !strings.Contains(p.Detail, detail) {
			t.Errorf("detail %q, want %q", p.Detail, detail)
		}
	}
	history(fault.NameNotFound, "the saga of trip "+id+" has not started")
	w.trips[id].MarkNeedsAttention(domain.BookingSaga, domain.Reason{Name: "X"}, noon)
	history(nameHistoryRemoved, "the saga of trip "+id+" has ended, and its history was removed")
	w.trips[id].Confirm(yen(50000), noon)
	history(nameHistoryRemoved, "the trip itself is kept")
	looks := 0
	w.asked = func() {
		if looks++; looks == 2 {
			w.progress[id] = progress
		}
	}
	history(fault.NameNotFound, "has not started")
	clear(w.progress)
	looks = 2
	w.trips[id].RequestCancellation("", "", 0, 1, noon)
	history(fault.NameNotFound, "the cancellation of trip "+id+" has not started")
	w.trips[id].Cancel(noon)
	history(nameHistoryRemoved, "the cancellation of trip "+id+" has ended")
}
