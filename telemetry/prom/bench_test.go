package prom_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tripsaga/telemetry"
	"tripsaga/telemetry/prom"
	"tripsaga/trip/handlers/rest"
)

// BenchmarkDelivered is what the server's metrics cost of a delivery.
func BenchmarkDelivered(b *testing.B) {
	m, ctx := prom.New(prometheus.NewRegistry()), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		m.Delivered(ctx, telemetry.Delivery{Step: "ReserveHotel", Took: time.Millisecond})
	}
}

// BenchmarkRequest is what they cost of a request.
func BenchmarkRequest(b *testing.B) {
	h := prom.NewHTTP(prometheus.NewRegistry(), nil)
	served := rest.Metered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest.Routed(r.Context(), "POST /trips")
		w.WriteHeader(http.StatusAccepted)
	}), h)
	r, w := httptest.NewRequest("POST", "/trips", nil), httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		served.ServeHTTP(w, r)
	}
}
