package prom_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tripsaga/telemetry"
	"tripsaga/telemetry/prom"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// told are the series that are not 0, without the histogram's buckets.
func told(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 {
				all[name] = value
			}
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := prom.New(registry)
	ctx := t.Context()
	m.Happened(ctx, domain.TripRequested, "")
	m.Happened(ctx, domain.TripConfirmed, "")
	m.Happened(ctx, domain.TripNeedsAttention, "States.Timeout")
	m.Happened(ctx, domain.CancellationRequested, "")
	m.Happened(ctx, domain.TripCancelled, "TripCancelled")
	m.Happened(ctx, domain.TripFailed, "PaymentDeclined")
	m.Happened(ctx, domain.TripFailed, "Surprise")
	for _, machine := range []string{"booking", "cancellation"} { // the second gives back, and compensates nothing
		within(t, machine, "CancelHotel", func(ctx context.Context) { m.Happened(ctx, domain.HotelCancelled, "") })
	}
	m.Delivered(ctx, telemetry.Delivery{Step: "CancelHotel", Took: time.Millisecond})
	m.Delivered(ctx, telemetry.Delivery{Step: "CancelHotel", Attempt: 1, Outcome: telemetry.Fault})
	m.Delivered(ctx, telemetry.Delivery{Step: "ProcessPayment", Attempt: 1, Outcome: telemetry.Business})
	m.Delivered(ctx, telemetry.Delivery{Step: "Surprise"})
	want := map[string]float64{
		"tripsaga_trips_started_total": 1, "tripsaga_trips_confirmed_total": 1, "tripsaga_trips_needing_attention_total": 1,
		"tripsaga_cancellations_requested_total": 1, "tripsaga_trips_cancelled_total": 1,
		"tripsaga_trips_failed_total PaymentDeclined": 1, "tripsaga_trips_failed_total Other": 1,
		"tripsaga_compensations_total CancelHotel": 1, "tripsaga_undo_retries_total CancelHotel": 1,
		"tripsaga_faults_total CancelHotel": 1, "tripsaga_business_errors_total ProcessPayment": 1,
		"tripsaga_step_duration_seconds CancelHotel": 2, "tripsaga_step_duration_seconds ProcessPayment": 1,
		"tripsaga_step_duration_seconds Other": 1,
	}
	got := told(t, registry)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("and %v", got)
	}
}

// within calls f as a task of the step does.
func within(t *testing.T, machine, step string, f func(context.Context)) {
	t.Helper()
	around := func(string, handlers.Handler) handlers.Handler {
		return func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			f(ctx)
			return json.RawMessage(`{}`), nil
		}
	}
	payload := json.RawMessage(`{"delivery":{"execution":"arn:aws:states:local:000000000000:execution:` + machine + `:t","trip_id":"t","attempt":0},"input":{}}`)
	if _, err := handlers.New(&app.Service{}, around)[step](t.Context(), payload); err != nil {
		t.Fatal(err)
	}
}

func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	registry := prometheus.NewRegistry()
	prom.New(registry)
	n, err := testutil.GatherAndCount(registry)
	if err != nil {
		t.Fatal(err)
	}
	steps, undo, reasons := len(telemetry.Steps()), len(telemetry.UndoSteps()), len(telemetry.Reasons())
	if want := 5 + reasons + undo + len(telemetry.Compensations()) + 3*steps; n != want {
		t.Errorf("%d series, want %d", n, want)
	}
}

func TestTheNamesAreWhatPrometheusWants(t *testing.T) {
	registry := prometheus.NewRegistry()
	prom.New(registry)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	for _, compensation := range []string{"CancelFlight", "CancelHotel", "RefundPayment"} {
		if !telemetry.Undoes(compensation) {
			t.Errorf("%s is not a compensation", compensation)
		}
	}
}

func TestHTTP(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := prom.NewHTTP(registry, []string{"overload", "store"})
	if n, err := testutil.GatherAndCount(registry, "tripsaga_http_refusals_total"); err != nil || n != 2 {
		t.Errorf("before any request there are %d reasons, %v", n, err)
	}
	h.Begun("POST", "/trips")
	h.Ended("POST", "/trips", 202, "", time.Millisecond)
	h.Begun("POST", "/trips")
	h.Ended("POST", "/trips", 503, "overload", time.Millisecond)
	h.Begun("GET", "/events")
	h.Begun("GET", "/events")
	h.Ended("GET", "/events", 200, "", 0)
	h.Ended("GET", "none", 503, "connections", time.Microsecond)
	want := map[string]float64{
		"tripsaga_http_requests_total 202 POST /trips": 1, "tripsaga_http_requests_total 503 POST /trips": 1,
		"tripsaga_http_requests_total 200 GET /events": 1, "tripsaga_http_requests_total 503 GET none": 1,
		"tripsaga_http_refusals_total POST overload /trips": 1, "tripsaga_http_refusals_total GET connections none": 1,
		"tripsaga_http_request_duration_seconds POST /trips": 2, "tripsaga_http_request_duration_seconds GET none": 1,
		"tripsaga_http_requests_in_flight GET /events": 1,
	}
	got := told(t, registry)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("and %v", got)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
