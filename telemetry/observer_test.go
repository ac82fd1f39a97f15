package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// heard is Metrics that remember.
type heard struct {
	deliveries []Delivery
	events     []string
}

func (h *heard) Delivered(_ context.Context, d Delivery) {
	d.Took = 0
	h.deliveries = append(h.deliveries, d)
}

func (h *heard) Happened(_ context.Context, what domain.EventType, reason string) {
	h.events = append(h.events, string(what)+" "+reason)
}

func TestHowADeliveryEnds(t *testing.T) {
	for _, tt := range []struct {
		err     error
		outcome Outcome
		name    string
		level   string
	}{
		{nil, OK, "", "DEBUG"},
		{fault.New(fault.Refused, fault.NameFlightUnavailable, "sold out"), Business, "FlightUnavailable", "INFO"},
		{fault.New(fault.Refused, fault.NameBookingFailed, "recorded"), Business, "BookingFailed", "INFO"},
		{fault.New(fault.Conflict, fault.NameStepCancelled, "late"), Business, "StepCancelled", "INFO"},
		{fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "other"), Fault, "IdempotencyMismatch", "ERROR"},
		{fault.New(fault.Conflict, fault.NameConflict, "confirmed"), Fault, "Conflict", "ERROR"},
		{fault.New(fault.NotFound, fault.NameNotFound, "no trip"), Fault, "NotFound", "ERROR"},
		{fault.Invalidf("f", "bad"), Fault, "InvalidRequest", "ERROR"},
		{fault.New(fault.Unavailable, fault.NameUnavailable, "busy"), Fault, "ServiceUnavailable", "WARN"},
		{errors.New("plain"), Fault, "InternalError", "ERROR"},
	} {
		var out output
		var h heard
		o := Observer{Log: NewLogger(&out, slog.LevelDebug, FormatJSON), Routine: slog.LevelDebug, Metrics: &h}
		err := deliver(t, t.Context(), "ReserveHotel", 2, answer(tt.err), Task(o))
		if !errors.Is(err, tt.err) {
			t.Errorf("%v became %v", tt.err, err)
		}
		want := Delivery{Step: "ReserveHotel", TripID: tripID, Execution: "arn:e", Attempt: 2, Outcome: tt.outcome, Error: tt.name}
		if !slices.Equal(h.deliveries, []Delivery{want}) {
			t.Errorf("%v: counted as %+v", tt.err, h.deliveries)
		}
		line := out.lines(t)[0]
		name, _ := line["error"].(string)
		if line["level"] != tt.level || line["outcome"] != tt.outcome.String() || name != tt.name || line["step"] != "ReserveHotel" {
			t.Errorf("%v: logged as %v", tt.err, line)
		}
		if took, ok := line["duration_ms"].(float64); !ok || took < 0 {
			t.Errorf("%v: duration %v", tt.err, line["duration_ms"])
		}
	}
}

func TestAPanicIsAFaultAndGoesOn(t *testing.T) {
	var out output
	var h heard
	traces, spans := recording(t)
	o := Observer{Log: NewLogger(&out, slog.LevelInfo, FormatJSON), Metrics: &h, Traces: traces}
	defer func() {
		if p := recover(); p != "broken" {
			t.Errorf("recovered %v, want the handler's own panic", p)
		}
		if len(h.deliveries) != 1 || h.deliveries[0].Outcome != Fault || h.deliveries[0].Error != "Runtime.ExitError" {
			t.Errorf("counted as %+v", h.deliveries)
		}
		if line := out.lines(t)[0]; line["level"] != "ERROR" || line["error"] != "Runtime.ExitError" {
			t.Errorf("logged as %v", line)
		}
		if s := spans.GetSpans(); len(s) != 1 || s[0].Status.Description != "Runtime.ExitError" {
			t.Errorf("spans %+v", s)
		}
	}()
	_ = deliver(t, t.Context(), "ReserveHotel", 0, func(context.Context, json.RawMessage) (json.RawMessage, error) {
		panic("broken")
	}, Task(o))
}

func TestWhatHappenedIsTold(t *testing.T) {
	var out output
	var h heard
	o := Observer{Log: NewLogger(&out, slog.LevelInfo, FormatJSON), Metrics: &h}
	o.Happened(t.Context(), tripID, domain.TripFailed, "PaymentDeclined")
	o.Happened(t.Context(), tripID, domain.TripNeedsAttention, "States.Timeout")
	if want := []string{"TripFailed PaymentDeclined", "TripNeedsAttention States.Timeout"}; !slices.Equal(h.events, want) {
		t.Errorf("counted %q", h.events)
	}
	lines := out.lines(t)
	if l := lines[0]; l["level"] != "INFO" || l["event"] != "TripFailed" || l["reason"] != "PaymentDeclined" || l["trip_id"] != tripID {
		t.Errorf("logged %v", l)
	}
	if l := lines[1]; l["level"] != "WARN" {
		t.Errorf("logged %v", l)
	}
	Observer{}.Happened(t.Context(), tripID, domain.TripFailed, "")
}

// around is what Task makes of a handler that does nothing.
func around(o Observer) handlers.Handler {
	return Task(o)("ReserveHotel", func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, nil })
}

func TestWhatIsOffCostsNothing(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	for name, o := range map[string]Observer{"nothing": {}, "a log that does not tell it": {Log: quiet}} {
		handle, ctx := around(o), t.Context()
		if n := testing.AllocsPerRun(100, func() { _, _ = handle(ctx, nil) }); n > 0 {
			t.Errorf("%s: %v allocations a delivery", name, n)
		}
	}
	var off *Traces
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		_, end := off.Start(ctx, "x")
		end(nil)
		_, end = off.StartExecution(ctx, tripID)
		end(nil)
		Observer{}.Happened(ctx, tripID, domain.TripConfirmed, "")
	})
	if n > 0 || off.HTTP(nil) != nil || off.Flush(ctx) != nil || off.Shutdown(ctx) != nil || TraceHeader(ctx) != "" {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTask(b *testing.B) {
	for name, o := range map[string]Observer{
		"off": {}, "quiet log": {Log: slog.New(slog.DiscardHandler)}, "metrics": {Metrics: &counted{}},
	} {
		b.Run(name, func(b *testing.B) {
			handle := around(o)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = handle(b.Context(), nil)
			}
		})
	}
}

// counted is Metrics that do nothing.
type counted struct{}

func (counted) Delivered(context.Context, Delivery)                {}
func (counted) Happened(context.Context, domain.EventType, string) {}
