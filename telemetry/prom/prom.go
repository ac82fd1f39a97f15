// Package prom implements [telemetry.Metrics] for Prometheus. The local server serves it at /metrics.
package prom

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tripsaga/telemetry"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// latencies are the upper bounds of the histogram's buckets, in seconds: a local step takes tens of microseconds, a
// function's first call a second.
var latencies = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

type metrics struct {
	started, confirmed, attention               prometheus.Counter
	cancelling, cancelled                       prometheus.Counter
	failed                                      *prometheus.CounterVec // by reason
	compensations, undoRetries, refused, faults *prometheus.CounterVec // by step
	duration                                    *prometheus.HistogramVec
}

// New registers the metrics; it panics if reg has them already. Every series exists from the start, at 0.
func New(reg prometheus.Registerer) telemetry.Metrics {
	f := promauto.With(reg)
	count := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "tripsaga", Name: name, Help: help})
	}
	by := func(label string, values []string, name, help string) *prometheus.CounterVec {
		v := f.NewCounterVec(prometheus.CounterOpts{Namespace: "tripsaga", Name: name, Help: help}, []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	reasons, steps, undo := telemetry.Reasons(), telemetry.Steps(), telemetry.UndoSteps()
	m := &metrics{
		started:       count("trips_started_total", "Trips that were accepted."),
		confirmed:     count("trips_confirmed_total", "Trips that were booked."),
		attention:     count("trips_needing_attention_total", "Trips whose saga stopped without an end."),
		cancelling:    count("cancellations_requested_total", "Cancellations that were accepted."),
		cancelled:     count("trips_cancelled_total", "Trips that were cancelled."),
		failed:        by("reason", reasons, "trips_failed_total", "Trips that failed and were compensated, by the error that caused it."),
		compensations: by("step", telemetry.Compensations(), "compensations_total", "Compensations of a booking that took something back."),
		undoRetries:   by("step", undo, "undo_retries_total", "Repeated deliveries of steps that take back."),
		refused:       by("step", steps, "business_errors_total", "Deliveries that the rules of the business refused."),
		faults:        by("step", steps, "faults_total", "Deliveries that failed for another reason."),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tripsaga", Name: "step_duration_seconds", Help: "Time that a delivery took.", Buckets: latencies,
		}, []string{"step"}),
	}
	for _, s := range steps {
		m.duration.WithLabelValues(s)
	}
	return m
}

// Happened implements [telemetry.Metrics].
func (m *metrics) Happened(ctx context.Context, what domain.EventType, reason string) {
	switch what {
	case domain.TripRequested:
		m.started.Inc()
	case domain.TripConfirmed:
		m.confirmed.Inc()
	case domain.TripFailed:
		m.failed.WithLabelValues(telemetry.Reason(reason)).Inc()
	case domain.TripNeedsAttention:
		m.attention.Inc()
	case domain.CancellationRequested:
		m.cancelling.Inc()
	case domain.TripCancelled:
		m.cancelled.Inc()
	default: // something was given back
		if d, _ := handlers.DeliveryOf(ctx); telemetry.Compensates(ctx) {
			m.compensations.WithLabelValues(telemetry.Step(d.Step)).Inc()
		}
	}
}

// Delivered implements [telemetry.Metrics].
func (m *metrics) Delivered(_ context.Context, d telemetry.Delivery) {
	step := telemetry.Step(d.Step)
	m.duration.WithLabelValues(step).Observe(d.Took.Seconds())
	switch d.Outcome {
	case telemetry.Business:
		m.refused.WithLabelValues(step).Inc()
	case telemetry.Fault:
		m.faults.WithLabelValues(step).Inc()
	}
	if d.Attempt > 0 && telemetry.Undoes(step) {
		m.undoRetries.WithLabelValues(step).Inc()
	}
}

// HTTP counts the requests of a server. It is a rest.Meter.
type HTTP struct {
	requests, refusals *prometheus.CounterVec
	inFlight           *prometheus.GaugeVec
	duration           *prometheus.HistogramVec
}

// requestTimes are the upper bounds of the histogram's buckets, in seconds: an audit takes seconds, all else milliseconds.
var requestTimes = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// NewHTTP registers the metrics; it panics if reg has them already. The refusals of bookings exist for each of the reasons
// from the start, at 0, so that an alert on an increase sees the first.
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
