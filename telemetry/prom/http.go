package prom

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// HTTP counts the requests of a server. It is a rest.Meter.
type HTTP struct {
	requests, refusals *prometheus.CounterVec
	inFlight           *prometheus.GaugeVec
	duration           *prometheus.HistogramVec
}

// requestTimes are the upper bounds of the histogram's buckets, in seconds: an audit takes seconds, all else milliseconds.
var requestTimes = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// NewHTTP registers the metrics, which panics when reg has them already. The refusals of bookings, for each of the reasons,
// are there from the start, at 0, so that an alert sees the first.
func NewHTTP(reg prometheus.Registerer, reasons []string) *HTTP {
	f := promauto.With(reg)
	route := []string{"method", "route"}
	h := &HTTP{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tripsaga", Name: "http_requests_total", Help: "Requests answered, by status code.",
		}, []string{"method", "route", "code"}),
		refusals: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tripsaga", Name: "http_refusals_total", Help: "Requests that were not carried out, by reason.",
		}, []string{"method", "route", "reason"}),
		inFlight: f.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "tripsaga", Name: "http_requests_in_flight", Help: "Requests being answered, event streams included.",
		}, route),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tripsaga", Name: "http_request_duration_seconds", Help: "Time that a request took, event streams excluded.",
			Buckets: requestTimes,
		}, route),
	}
	for _, reason := range reasons {
		h.refusals.WithLabelValues("POST", "/trips", reason)
	}
	return h
}

// Begun implements rest.Meter.
func (h *HTTP) Begun(method, route string) { h.inFlight.WithLabelValues(method, route).Inc() }

// Ended implements rest.Meter. A request without a route never began.
func (h *HTTP) Ended(method, route string, status int, reason string, took time.Duration) {
	h.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if reason != "" {
		h.refusals.WithLabelValues(method, route, reason).Inc()
	}
	if route != "none" {
		h.inFlight.WithLabelValues(method, route).Dec()
	}
	if took > 0 {
		h.duration.WithLabelValues(method, route).Observe(took.Seconds())
	}
}
