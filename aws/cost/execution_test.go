package cost_test

import (
	"math"
	"testing"

	"tripsaga/aws/cost"
)

// TestOfExecution is the estimate of a million bookings, for one.
func TestOfExecution(t *testing.T) {
	usage, err := cost.Measured()
	if err != nil {
		t.Fatal(err)
	}
	s := cost.Standard()
	s.Trips, s.ReadsPerTrip, s.CancelPercent = 1e6, 0, 0
	for confirmed, booking := range map[bool]cost.Booking{true: usage.Bookings.Confirmed, false: usage.Bookings.Failed} {
		s.FailedPercent = 100
		if confirmed {
			s.FailedPercent = 0
		}
		bill, err := cost.For(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cost.OfExecution(false, confirmed, booking.Transitions)
		if err != nil || got.Region != s.Region || got.AsOf != bill.PricesAsOf || got.WriteUnits != booking.WriteUnits {
			t.Errorf("%+v, %v", got, err)
		}
		if want := bill.Of("Step Functions") / 1e6; math.Abs(got.TransitionsUSD-want) > 1e-12 {
			t.Errorf("transitions %g, want %g", got.TransitionsUSD, want)
		}
		for _, l := range bill.Lines {
			if l.Unit == "write units" && math.Abs(got.WritesUSD-l.USD/1e6) > 1e-12 {
				t.Errorf("writes %g, want %g", got.WritesUSD, l.USD/1e6)
			}
		}
	}
	got, err := cost.OfExecution(true, true, usage.Bookings.Cancelled.Transitions)
	if err != nil || got.WriteUnits != usage.Bookings.Cancelled.WriteUnits {
		t.Errorf("a cancellation: %+v, %v", got, err)
	}
}
