package telemetry

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"tripsaga/trip/domain"
)

// The dimensions.
const (
	dimStep    = "Step"
	dimReason  = "Reason"
	dimVersion = "FunctionVersion"
)

// NewEMF returns Metrics that writes to w in CloudWatch's embedded metric format, one line of JSON per event.
// functionVersion is the value of the dimension that separates the versions of a deployment; "" means "$LATEST".
func NewEMF(w io.Writer, namespace, functionVersion string) Metrics {
	if functionVersion == "" {
		functionVersion = "$LATEST"
	}
	return &emf{w: w, namespace: namespace, version: functionVersion, now: time.Now}
}

type emf struct {
	namespace, version string
	now                func() time.Time

	mu sync.Mutex
	w  io.Writer
}

// directive declares which members of the line are metrics and which are their dimensions.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

func (e *emf) directive(dimensions [][]string, metrics ...metric) directive {
	return directive{Namespace: e.namespace, Dimensions: dimensions, Metrics: metrics}
}

var (
	total        = [][]string{{}}
	byReason     = [][]string{{}, {dimReason}}
	byStep       = [][]string{{dimStep}}
	byStepEither = [][]string{{dimStep}, {dimStep, dimVersion}}
	byVersion    = [][]string{{dimStep, dimVersion}}
)

// Happened implements [Metrics].
func (e *emf) Happened(ctx context.Context, what domain.EventType, reason string) {
	switch what {
	case domain.TripRequested:
		e.count("TripsStarted", total, nil)
	case domain.TripConfirmed:
		e.count("TripsConfirmed", total, nil)
	case domain.TripFailed:
		e.count("TripsFailed", byReason, map[string]any{dimReason: Reason(reason)})
	case domain.TripNeedsAttention:
		e.count("TripsNeedingAttention", total, nil)
	case domain.CancellationRequested:
		e.count("CancellationsRequested", total, nil)
	case domain.TripCancelled:
		e.count("TripsCancelled", total, nil)
	default: // something was given back
		if Compensates(ctx) {
			e.count("Compensations", byStep, map[string]any{dimStep: stepOf(ctx)})
		}
	}
}

func (e *emf) count(name string, dimensions [][]string, line map[string]any) {
	if line == nil {
		line = map[string]any{}
	}
	line[name] = 1
	e.write(line, e.directive(dimensions, metric{name, "Count"}))
}

// Delivered implements [Metrics]. Every delivery writes both error counts, zero included: the average of Faults is the share
// of deliveries that failed, which alarms watch.
func (e *emf) Delivered(_ context.Context, d Delivery) {
	line := map[string]any{
		dimStep: Step(d.Step), dimVersion: e.version,
		"StepLatency": milliseconds(d.Took), "BusinessErrors": one(d.Outcome == Business), "Faults": one(d.Outcome == Fault),
		"trip_id": d.TripID, "execution": d.Execution, "attempt": d.Attempt, "outcome": d.Outcome.String(),
	}
	if d.Error != "" {
		line["error"] = scrub(d.Error)
	}
	directives := []directive{
		e.directive(byStep, metric{"StepLatency", "Milliseconds"}, metric{"BusinessErrors", "Count"}),
		e.directive(byStepEither, metric{"Faults", "Count"}),
	}
	if d.Attempt > 0 && Undoes(d.Step) {
		line["UndoRetries"] = 1
		directives = append(directives, e.directive(byStep, metric{"UndoRetries", "Count"}))
	}
	e.write(line, directives...)
}

// Answers is implemented by [Metrics] that count a function's answers to requests.
type Answers interface {
	// Answered counts an answer of the function; failed if its status is 5xx, which Lambda does not count as an error.
	Answered(function string, failed bool)
}

// Answered implements [Answers]. The function's name is the value of Step: it is not bounded, since a program has one.
func (e *emf) Answered(function string, failed bool) {
	e.write(map[string]any{dimStep: function, dimVersion: e.version, "Faults": one(failed)}, e.directive(byVersion, metric{"Faults", "Count"}))
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// write calls Write once, so that the lines of concurrent calls do not interleave. Errors are dropped: a metric must
// never fail a booking.
func (e *emf) write(line map[string]any, directives ...directive) {
	line["_aws"] = map[string]any{"Timestamp": e.now().UnixMilli(), "CloudWatchMetrics": directives}
	data, err := json.Marshal(line)
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.w.Write(append(data, '\n'))
}
