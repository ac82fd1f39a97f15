package handlers

import (
	"context"
	"encoding/json"
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
		if _, _, plain := openPlain([]byte(payload)); plain {
			t.Errorf("%s: read as if it were right", payload)
		}
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

// TestBothReadingsAgree compares the quick reading with the full one.
func TestBothReadingsAgree(t *testing.T) {
	for payload, wantPlain := range map[string]bool{
		`{"delivery":{"attempt":0,"execution":"arn:e","trip_id":"t"},"input":{"a":[1,{}]}}`:     true,
		`{"delivery":{"attempt":120,"execution":"arn:e","trip_id":"t"},"input":null}`:           true,
		`{"delivery":{"attempt":1,"execution":"a\u0062","trip_id":"t"},"input":{}}`:             false,
		`{"delivery":{"attempt":1,"execution":"é","trip_id":"t"},"input":{}}`:                   false,
		`{"delivery":{"execution":"e","trip_id":"t","attempt":1},"input":{}}`:                   false,
		` {"delivery":{"attempt":1,"execution":"e","trip_id":"t"},"input":{} }`:                 false,
		`{"delivery":{"attempt":01,"execution":"e","trip_id":"t"},"input":{}}`:                  false,
		`{"delivery":{"attempt":1,"execution":"","trip_id":"t"},"input":{}}`:                    false,
		`{"delivery":{"attempt":1,"execution":"e","trip_id":"t"},"input":{},"input":{}}`:        false,
		`{"delivery":{"attempt":1,"execution":"e","trip_id":"t"},"input":{}} `:                  false,
		`{"delivery":{"attempt":99999999999999999999,"execution":"e","trip_id":"t"},"input":1}`: false,
	} {
		d, input, plain := openPlain([]byte(payload))
		if plain != wantPlain {
			t.Errorf("%s: plain is %v", payload, plain)
		}
		fullD, fullInput, err := openPayload([]byte(payload))
		if plain && (err != nil || d != fullD || string(input) != string(fullInput)) {
			t.Errorf("%s: read as %+v %s, in full as %+v %s, %v", payload, d, input, fullD, fullInput, err)
		}
	}
}

func FuzzBothReadingsAgree(f *testing.F) {
	f.Add([]byte(`{"delivery":{"attempt":0,"execution":"arn:e","trip_id":"t"},"input":{"a":[1,{}]}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, input, plain := openPlain(payload)
		fullD, fullInput, err := openPayload(payload)
		if plain && (err != nil || d != fullD || string(input) != string(fullInput)) {
			t.Errorf("read as %+v %s, in full as %+v %s, %v", d, input, fullD, fullInput, err)
		}
	})
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
		for _, space := range []string{"", " "} { // read quickly and in full
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

// BenchmarkOpen is what the envelope costs of a delivery, as the local engine writes it and as any other.
func BenchmarkOpen(b *testing.B) {
	const input = `{"trip_id":"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a","flight":{"number":"JL5","date":"2027-03-10","seats":2}}`
	for name, space := range map[string]string{"plain": "", "full": " "} {
		sent := append([]byte(space), payload("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", input)...)
		serve := open("ReserveFlight", func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, nil })
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := serve(b.Context(), sent); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
