package app_test

import (
	"context"
	"slices"
	"testing"

	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// observed is an app.Observer that remembers.
type observed struct{ told []string }

func (o *observed) Happened(_ context.Context, tripID string, what domain.EventType, reason string) {
	o.told = append(o.told, tripID+" "+string(what)+" "+reason)
}

// TestTheObserverHearsOfEachEventOnce delivers every step twice, as run does.
func TestTheObserverHearsOfEachEventOnce(t *testing.T) {
	w := newWorld(t, nil)
	o := &observed{}
	w.Observer = o
	booked := w.booked(t, nil)
	failed := w.book(t, func(r *domain.Request) { r.Payment.CardToken = bank.Declined })
	w.run(t, failed, w.reserveFlight, w.reserveHotel, w.cancelHotel, w.cancelFlight, w.fail)
	paid := w.book(t, nil)
	w.run(t, paid, w.reserveFlight, w.reserveHotel, w.pay, w.refund, w.cancelFlight)
	stopped := w.book(t, nil)
	w.run(t, stopped, w.cancelHotel) // nothing to take back
	for range 2 {
		change := app.ExecutionChange{Saga: domain.BookingSaga, TripID: stopped, Status: "TIMED_OUT"}
		if err := w.MarkNeedsAttention(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		booked + " TripRequested ", booked + " TripConfirmed ",
		failed + " TripRequested ", failed + " HotelCancelled ", failed + " FlightCancelled ", failed + " TripFailed PaymentDeclined",
		paid + " TripRequested ", paid + " PaymentRefunded ", paid + " FlightCancelled ",
		stopped + " TripRequested ", stopped + " TripNeedsAttention TIMED_OUT",
	}
	if !slices.Equal(o.told, want) {
		t.Errorf("told %q\nwant %q", o.told, want)
	}
}

func TestTheObserverHearsOfARepeatedRequestOnce(t *testing.T) {
	w := newWorld(t, nil)
	o := &observed{}
	w.Observer = o
	for range 2 {
		if _, err := w.BookTrip(t.Context(), "key", request()); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.told) != 1 {
		t.Errorf("told %q", o.told)
	}
}
