package rehearsal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
	"tripsaga/aws/rehearsal/template"
	"tripsaga/trip/saga"
)

// Options select what is played.
type Options struct {
	Release  *template.Release
	Bad      BadVersion
	Function string // whose new version is bad; "" is every task
	Rate     int    // bookings a minute
	Seed     uint64
	Delays   Delays // zero: DefaultDelays

	// Progress, if not nil, is called every virtual minute with the minutes since the release began.
	Progress func(minute int)
}

// Delays are how late metrics arrive. Both are assumptions: AWS promises no figure.
type Delays struct {
	// Lambda sends the figures of a function and minute together, so long after the end of the minute.
	Lambda Between
	// A line of the log is read as a metric so long after it was written. Lines of a function within ten seconds have the
	// same delay.
	Log Between
}

// Between is a range from which a duration is drawn, with equal probability.
type Between struct{ From, To time.Duration }

// DefaultDelays let the two overlap: what Lambda counts of a function may be there while its own count is not. LateLogs are
// the delays of a day on which CloudWatch is slow.
var (
	DefaultDelays = Delays{Lambda: Between{20 * time.Second, 60 * time.Second}, Log: Between{5 * time.Second, 75 * time.Second}}
	LateLogs      = Delays{Lambda: DefaultDelays.Lambda, Log: Between{30 * time.Second, 3 * time.Minute}}
)

// The allowed rates. Fewer bookings show nothing; more would have more deliveries under way concurrently than the engine
// accepts.
const (
	MinRate     = 6
	MaxRate     = 600
	DefaultRate = 120
)

// OptionError is an option that cannot be played.
type OptionError struct {
	Option  Option
	Value   string // "" for the release
	Message string
}

// Option is a member of [Options].
type Option string

// The options that can be wrong.
const (
	OptionRelease  Option = "release"
	OptionBad      Option = "bad version"
	OptionFunction Option = "function"
	OptionRate     Option = "rate"
)

func (e *OptionError) Error() string {
	return strings.TrimSuffix(string(e.Option)+" "+e.Value, " ") + ": " + e.Message
}

func wrongRelease(format string, args ...any) error {
	return &OptionError{OptionRelease, "", fmt.Sprintf(format, args...)}
}

func (o *Options) check() error {
	if o.Rate < MinRate || o.Rate > MaxRate {
		return &OptionError{OptionRate, strconv.Itoa(o.Rate), fmt.Sprintf("allowed are %d to %d bookings a minute", MinRate, MaxRate)}
	}
	if !slices.Contains(BadVersions(), o.Bad) {
		return &OptionError{OptionBad, strconv.Quote(string(o.Bad)), fmt.Sprintf("known are %v", BadVersions())}
	}
	if o.Delays == (Delays{}) {
		o.Delays = DefaultDelays
	}
	if err := o.checkFunctions(); err != nil {
		return err
	}
	return o.checkMetrics()
}

// checkFunctions requires every task in the release, since a booking may call any.
func (o *Options) checkFunctions() error {
	var tasks []string
	for _, task := range saga.Tasks() {
		tasks = append(tasks, task.Name)
		if !slices.ContainsFunc(o.Release.Functions, func(f template.Function) bool { return f.Handler == task.Name }) {
			return wrongRelease("the template has no function with an alias for the task %s", task.Name)
		}
	}
	if o.Function != "" && !slices.Contains(tasks, o.Function) {
		return &OptionError{OptionFunction, strconv.Quote(o.Function), fmt.Sprintf("it is no task of the saga, those are %v", tasks)}
	}
	if o.Bad == Declines && o.Function != "" && o.Function != charges {
		return &OptionError{OptionFunction, strconv.Quote(o.Function), fmt.Sprintf("cards are declined at %s alone", charges)}
	}
	return nil
}

// checkMetrics requires that the rehearsal makes every metric which an alarm reads. An alarm on another metric would have no
// data here, which says nothing about the deployed alarm.
func (o *Options) checkMetrics() error {
	namespaces := map[string]bool{}
	for _, f := range o.Release.Functions {
		namespaces[f.Namespace] = true
	}
	for _, a := range o.Release.Alarms {
		for _, m := range a.Reads() {
			if !o.made(m, namespaces) {
				return wrongRelease("the alarm %s reads the metric %s, which a rehearsal does not make", a.Name, m.Key())
			}
		}
	}
	return nil
}

// The namespaces of AWS' own metrics that are made.
const (
	lambdaNamespace  = "AWS/Lambda"
	gatewayNamespace = "AWS/ApiGateway"
)

// ownMetrics are those of docs/telemetry.md, which the functions write into their logs.
var ownMetrics = []string{
	"TripsStarted", "TripsConfirmed", "TripsFailed", "TripsNeedingAttention", "CancellationsRequested", "TripsCancelled", "Compensations",
	"UndoRetries", "StepLatency", "BusinessErrors", "Faults",
}

func (o *Options) made(m cloudwatch.Metric, namespaces map[string]bool) bool {
	switch m.Namespace {
	case lambdaNamespace:
		return slices.Contains([]string{"Invocations", "Errors", "Duration", "Throttles"}, m.Name)
	case gatewayNamespace:
		known := slices.Contains([]string{"Count", "4xx", "5xx", "Latency"}, m.Name)
		return known && len(m.Dimensions) == 1 && o.Release.API != "" && m.Dimensions["ApiId"] == o.Release.API
	}
	return namespaces[m.Namespace] && slices.Contains(ownMetrics, m.Name)
}
