package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
)

func TestAPayloadWithoutItsDeliveryNamesWhatIsMissing(t *testing.T) {
	for payload, want := range map[string][]string{
		``:                  {""},
		`{"trip_id":"x"}`:   {"trip_id"},
		`{"input":{}}`:      {"delivery.execution", "delivery.trip_id", "delivery.attempt"},
		`{"delivery":null}`: {"delivery"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":-1},"input":{}}`:                {"delivery.attempt"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0}}`:                            {"input"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":"0"},"input":{}}`:               {"delivery.attempt"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0,"more":1},"input":{}}`:        {"delivery.more"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0,"Attempt":1},"input":{}}`:     {"delivery.Attempt"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0,"attempt":1},"input":{}}`:     {"delivery.attempt"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0},"input":{"a":1,"a":2}}`:      {"input.a"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0},"input":{},"more":{}}`:       {"more"},
		`{"delivery":{"execution":"e","trip_id":"t","attempt":0},"input":{}}{"delivery":"x"}`: {""},
	} {
		_, _, err := openPayload([]byte(payload))
		var fields []string
		for _, f := range fault.All(err) {
			fields = append(fields, f.Field)
			checkFault(t, payload, f, fault.NameInvalid)
		}
		if !slices.Equal(fields, want) {
			t.Errorf("%s: refused for %q, want %q", payload, fields, want)
		}
	}
}

func TestAPlainPayloadIsReadAsItIsDecoded(t *testing.T) {
	const engines = `{"delivery":{"attempt":0,"execution":"arn:x:t","trip_id":"t"},"input":{"trip_id":"t","flight":{"seats":2}}}`
	if d, input, ok := plain([]byte(engines)); !ok || d != (Delivery{Execution: "arn:x:t", TripID: "t"}) || string(input) != `{"trip_id":"t","flight":{"seats":2}}` {
		t.Errorf("the engine's payload is read as %+v, %s, %v", d, input, ok)
	}
	pieces := []string{
		"0", "00", "01", "12", "-1", "-0", "+1", "1.0", "1e2", "null", "99999999999999999999", "", " 1", `"1"`, // of the attempt
		"e", "", `\u0065`, `\`, `"`, "\n", "é", "\xff", `","execution":"`, `","more":"`, `"},"input":`, // of the texts
		"{}", " {}", "{} ", "[]", "null", `"x"`, "", "{", "}", `{"a":1,"a":2}`, `{"a":"\xff"}`, `{},"input":{}`, `{},"more":{}`, `{}}{`, `{"a":{"b":[{}]}}`,
		`{"input":null}`, `{"a":"\ud83d"}`, strings.Repeat(`{"a":`, 999) + "1" + strings.Repeat("}", 999), // of the input
	}
	for _, attempt := range pieces {
		for _, text := range pieces {
			for _, sent := range []string{
				`{"delivery":{"attempt":` + attempt + `,"execution":"` + text + `","trip_id":"t"},"input":{}}`,
				`{"delivery":{"attempt":0,"execution":"` + attempt + `","trip_id":"` + text + `"},"input":{}}`,
				`{"delivery":{"attempt":0,"execution":"e","trip_id":"` + attempt + `"},"input":` + text + `}`,
			} {
				if err := plainAsDecoded([]byte(sent)); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// plainAsDecoded checks that what plain reads has the same reading by decodePayload.
func plainAsDecoded(payload []byte) error {
	d, input, ok := plain(payload)
	if !ok {
		return nil
	}
	if want, wantInput, err := decodePayload(payload); err != nil || d != want || string(input) != string(wantInput) {
		return fmt.Errorf("%q is read as %+v, %q, but decoded to %+v, %q, %w", payload, d, input, want, wantInput, err)
	}
	return nil
}

func TestAroundsRunInTheirOrderInsideTheDelivery(t *testing.T) {
	var told []string
	around := func(name string) Around {
		return func(step string, next Handler) Handler {
			return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				d, ok := DeliveryOf(ctx)
				if want := (Delivery{Execution: "arn:x:t", TripID: "t", Attempt: 2, Step: step}); !ok || d != want {
					t.Errorf("%s: delivery %+v, %v; want %+v", step, d, ok, want)
				}
				told = append(told, name+" "+string(input))
				return next(ctx, input)
			}
		}
	}
	for _, handle := range New(&app.Service{}, around("outer"), around("inner")) {
		for _, space := range []string{"", " "} {
			told = nil
			sent := space + `{"delivery":{"attempt":2,"execution":"arn:x:t","trip_id":"t"},"input":{"trip_id":"t"}}`
			if _, err := handle(t.Context(), json.RawMessage(sent)); err == nil {
				t.Error("t is no trip, and the handler did not see it")
			}
			if want := []string{`outer {"trip_id":"t"}`, `inner {"trip_id":"t"}`}; !slices.Equal(told, want) {
				t.Errorf("told %q, want %q", told, want)
			}
		}
	}
	if d, ok := DeliveryOf(t.Context()); ok {
		t.Errorf("outside of a task: %+v", d)
	}
}

// TestATaskNamesEveryProblem in its one error.
func TestATaskNamesEveryProblem(t *testing.T) {
	const input = `{"trip_id":"t","flight":{"number":"JL5","date":"someday","seats":0},"currency":"yen"}`
	_, err := New(&app.Service{})["ReserveFlight"](t.Context(), payload("t", input))
	for _, field := range []string{"trip_id", "flight.date", "flight.seats", "currency"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v does not name %s", err, field)
		}
	}
}

// BenchmarkOpen is what a delivery's envelope costs.
func BenchmarkOpen(b *testing.B) {
	const input = `{"trip_id":"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a","flight":{"number":"JL5","date":"2027-03-10","seats":2}}`
	sent := []byte(payload("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", input))
	serve := open("ReserveFlight", func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, nil })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := serve(b.Context(), sent); err != nil {
			b.Fatal(err)
		}
	}
}
