package trip

import (
	"slices"
	"strings"
	"testing"

	"tripsaga/trip/saga"
	"tripsaga/verify/world"
)

// TestTasksThatNoInvariantCovers names a task that the model does not know; the saga's own are all known.
func TestTasksThatNoInvariantCovers(t *testing.T) {
	other := strings.ReplaceAll(string(saga.Booking().Definition()), "${CancelHotel}", "${ChargeBaggage}")
	for definition, want := range map[string][]string{string(saga.Booking().Definition()): {}, other: {"ChargeBaggage"}} {
		if got, err := Unjudged([]byte(definition)); err != nil || !slices.Equal(got, want) {
			t.Errorf("no invariant looks at %q, %v; want %q: add the task to effects in verify/model/answer.go", got, err, want)
		}
	}
	// It can be played all the same.
	w, err := world.New(world.Config{Subject: Subject(Config{Definition: []byte(other)})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if r, err := w.Run(t.Context(), world.Schedule{Scenario: "booked"}); err != nil || len(r.Violations) > 0 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestLint(t *testing.T) {
	findings, err := Lint(saga.Booking().Definition())
	if err != nil || len(findings) > 0 {
		t.Errorf("trip/saga/booking.asl.json is not safe: %v, %v", findings, err)
	}
	findings, err = LintCancellation(saga.Cancellation().Definition())
	if err != nil || len(findings) > 0 {
		t.Errorf("trip/saga/cancellation.asl.json is not safe: %v, %v", findings, err)
	}
	hasty := strings.Replace(string(saga.Cancellation().Definition()), "${RefundBooking}", "${CancelFlight}", 1)
	if findings, err = LintCancellation([]byte(hasty)); err != nil || len(findings) == 0 {
		t.Errorf("a cancellation without a refund is safe: %v, %v", findings, err)
	}
	for definition, want := range map[string]bool{string(saga.Booking().Definition()): false, string(saga.Cancellation().Definition()): true, "{": false} {
		if got := OfCancellation([]byte(definition)); got != want {
			t.Errorf("of the cancellation: %t\n%.80s", got, definition)
		}
	}
	if _, err := Lint([]byte("{")); err == nil {
		t.Error("half a definition passes")
	}
}
