package prom_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tripsaga/telemetry"
	"tripsaga/telemetry/prom"
)

// BenchmarkDelivered is what the server's metrics cost of a delivery.
func BenchmarkDelivered(b *testing.B) {
	m, ctx := prom.New(prometheus.NewRegistry()), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		m.Delivered(ctx, telemetry.Delivery{Step: "ReserveHotel", Took: time.Millisecond})
	}
}
