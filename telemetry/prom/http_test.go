package prom_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tripsaga/telemetry/prom"
)

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
