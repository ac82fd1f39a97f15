package lint

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

// definition is a saga for the rules to be tried on: the booking saga as it was when they were written. That the real
// one is safe is tested in package verify.
//
//go:embed testdata/booking.asl.json
var definition []byte

// booking is what its tasks are.
func booking() Options {
	timeouts := map[string]time.Duration{"ProcessPayment": 20 * time.Second, "RefundPayment": 20 * time.Second}
	for _, task := range []string{
		"ReserveFlight", "ReserveHotel", "BookingConfirmed", "CancelHotel", "CancelFlight", "BookingFailed", "FlightBookingFailed",
	} {
		timeouts[task] = 10 * time.Second
	}
	return Options{
		Undo: map[string]string{
			"ReserveFlight": "CancelFlight", "ReserveHotel": "CancelHotel", "ProcessPayment": "RefundPayment",
		},
		Pivot:  "ProcessPayment",
		Record: []string{"BookingConfirmed", "BookingFailed", "FlightBookingFailed"},
		Final:  []string{"InvalidRequest", "IdempotencyMismatch", "StepCancelled", "NotFound", "Conflict"},
		Known: map[string][]string{
			"ReserveFlight": {"FlightUnavailable"}, "ReserveHotel": {"HotelUnavailable"}, "ProcessPayment": {"PaymentDeclined"},
		},
		Timeouts: timeouts,
	}
}

// edit changes a definition.
type edit func(t *testing.T, definition any)

func edited(t *testing.T, definition []byte, edits ...edit) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(definition, &v); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		e(t, v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func editedBooking(t *testing.T, edits ...edit) []byte {
	t.Helper()
	return edited(t, definition, edits...)
}

// set puts a JSON value at a path such as "ReserveHotel/Catch/1/Next", from States on.
func set(path, value string) edit {
	return func(t *testing.T, definition any) {
		t.Helper()
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		within(t, definition, path, func(object map[string]any, key string) { object[key] = v })
	}
}

func drop(path string) edit {
	return func(t *testing.T, definition any) {
		t.Helper()
		within(t, definition, path, func(object map[string]any, key string) { delete(object, key) })
	}
}

// machine puts a JSON value into the definition itself.
func machine(field string, value any) edit {
	return func(_ *testing.T, definition any) { definition.(map[string]any)[field] = value }
}

func within(t *testing.T, definition any, path string, change func(object map[string]any, key string)) {
	t.Helper()
	at := definition.(map[string]any)["States"]
	steps := strings.Split(path, "/")
	for _, step := range steps[:len(steps)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				t.Fatalf("%s: no element %s", path, step)
			}
			at = v[i]
		}
	}
	object, ok := at.(map[string]any)
	if !ok {
		t.Fatalf("%s: no object", path)
	}
	change(object, steps[len(steps)-1])
}

// found are the findings in short: the rule and the path.
func found(t *testing.T, definition []byte, opt Options) []string {
	t.Helper()
	findings, err := Check(definition, opt)
	if err != nil {
		t.Fatalf("%v\n%s", err, definition)
	}
	short := []string{}
	for _, f := range findings {
		if f.Problem == "" || f.Advice == "" {
			t.Errorf("%s: no problem or no advice", f)
		}
		whole := f.Path == "$.States" || f.Path == "$.TimeoutSeconds"
		if whole != (f.State == "") || !whole && !strings.Contains(f.Path+".", ".States."+f.State+".") {
			t.Errorf("%s: is of the state %q", f, f.State)
		}
		short = append(short, f.Rule+" "+f.Path)
		t.Log(f)
	}
	return short
}
