// Package cost estimates what bookings cost on AWS: the usage of one booking, which tests measure, times list prices. The
// command line prints it.
//
// The data are files. prices.json has the prices of each region. usage/ has the measured usage. Each of its files belongs
// to a test that fails if the file is stale: bookings.json to aws/tests/capacity, logs.json to aws/tests/production,
// stack.json to infrastructure.
package cost

import (
	"fmt"
	"slices"

	"tripsaga/aws/functions"
)

// Scenario is the assumptions of an estimate. Counts are per month unless the name says otherwise.
type Scenario struct {
	Region         string  `json:"region"`
	Trips          float64 `json:"trips_per_month"`
	FailedPercent  float64 `json:"failed_percent"`
	CancelPercent  float64 `json:"cancelled_percent"` // of those confirmed, later
	ReadsPerTrip   float64 `json:"reads_per_trip"`
	TaskMS         float64 `json:"task_ms"`
	MonthsKept     float64 `json:"months_kept"`
	TracedPercent  float64 `json:"traced_percent"`
	EventsPerBatch float64 `json:"events_per_batch"`
}

// Standard returns the scenario of the command without flags.
func Standard() Scenario {
	return Scenario{
		Region: "us-east-1", FailedPercent: 5, CancelPercent: 5, ReadsPerTrip: 3, TaskMS: 50, MonthsKept: 12, TracedPercent: 100, EventsPerBatch: 1,
	}
}

// Line is one line of the bill.
type Line struct {
	Service  string  `json:"service"`
	What     string  `json:"what"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	USD      float64 `json:"usd"`
	Fixed    bool    `json:"fixed"` // independent of the number of bookings
}

// Estimate is a month's bill of one stage.
type Estimate struct {
	Scenario    Scenario `json:"scenario"`
	PricesAsOf  string   `json:"prices_as_of"`
	Lines       []Line   `json:"lines"`
	Variable    float64  `json:"variable_usd"`
	Fixed       float64  `json:"fixed_usd"`
	Total       float64  `json:"total_usd"`
	PerTrip     float64  `json:"per_trip_usd"` // of the variable part
	Assumptions []string `json:"assumptions"`
}

// For estimates a scenario from the measured usage and the list prices. Errors name the flag that is out of range or the
// region without prices.
func For(s Scenario) (*Estimate, error) {
	list, err := readPrices(pricesFile)
	if err != nil {
		return nil, err
	}
	usage, err := Measured()
	if err != nil {
		return nil, err
	}
	prices, err := list.region(s.Region)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return estimate(s, usage, prices, list.AsOf)
}

// maxTrips keeps counts below the integers that a float64 represents exactly.
const maxTrips = 1e12

func (s Scenario) check() error {
	for _, c := range []struct {
		flag           string
		value, min, to float64
	}{
		{"--trips-per-month", s.Trips, 0, maxTrips},
		{"--failed-percent", s.FailedPercent, 0, 100},
		{"--cancelled-percent", s.CancelPercent, 0, 100},
		{"--reads", s.ReadsPerTrip, 0, 1e6},
		{"--task-ms", s.TaskMS, 1, 900_000},
		{"--months-kept", s.MonthsKept, 0, 1200},
		{"--traced-percent", s.TracedPercent, 0, 100},
		{"--events-per-batch", s.EventsPerBatch, 1, 10},
	} {
		if !(c.value >= c.min && c.value <= c.to) {
			return fmt.Errorf("%s %g: allowed is %g to %g", c.flag, c.value, c.min, c.to)
		}
	}
	return nil
}

func estimate(s Scenario, u Usage, prices Prices, asOf string) (*Estimate, error) {
	b := bill{Scenario: s, usage: u, prices: prices}
	b.functions()
	b.table()
	b.events()
	b.add("Step Functions", "state transitions", b.each(func(k Booking) float64 { return float64(k.Transitions) }), "step_functions_transition")
	b.add("API Gateway", "requests of the HTTP API", b.requests(), "api_gateway_http_request")
	b.logs()
	b.traces()
	b.standing()
	if b.err != nil {
		return nil, b.err
	}
	e := &Estimate{Scenario: s, PricesAsOf: asOf, Lines: b.lines, Assumptions: s.assumptions()}
	for _, l := range b.lines {
		if l.Fixed {
			e.Fixed += l.USD
		} else {
			e.Variable += l.USD
		}
	}
	e.Total = e.Variable + e.Fixed
	if s.Trips > 0 {
		e.PerTrip = e.Variable / s.Trips
	}
	return e, nil
}

// Services lists the services of the lines, in their order.
func (e *Estimate) Services() (names []string) {
	for _, l := range e.Lines {
		if !slices.Contains(names, l.Service) {
			names = append(names, l.Service)
		}
	}
	return names
}

// Of returns a service's part of the total, in US dollars.
func (e *Estimate) Of(service string) (usd float64) {
	for _, l := range e.Lines {
		if l.Service == service {
			usd += l.USD
		}
	}
	return usd
}

// bill is an estimate under construction.
type bill struct {
	Scenario
	usage  Usage
	prices Prices
	lines  []Line
	err    error // the first
}

const (
	gigabyte  = 1 << 30
	daysMonth = 730.0 / 24 // as AWS counts a month
)

func (b *bill) add(service, what string, quantity float64, price string) {
	b.line(service, what, quantity, price, false)
}

func (b *bill) line(service, what string, quantity float64, price string, fixed bool) {
	p, ok := b.prices[price]
	if !ok && b.err == nil {
		b.err = fmt.Errorf("the price %s of %s is missing", price, b.Region)
	}
	if quantity > 0 && ok {
		b.lines = append(b.lines, Line{service, what, quantity, p.Unit, p.of(quantity), fixed})
	}
}

// each sums a quantity of one booking over all bookings.
func (b *bill) each(of func(Booking) float64) float64 {
	u, failed := b.usage.Bookings, b.FailedPercent/100
	return b.Trips*((1-failed)*of(u.Confirmed)+failed*of(u.Failed)) + b.cancelled()*of(u.Cancelled)
}

// cancelled is the number of trips that are cancelled.
func (b *bill) cancelled() float64 {
	return b.Trips * (1 - b.FailedPercent/100) * b.CancelPercent / 100
}

// requests is the number of API requests: per trip one POST and the GETs, and a POST for each that is cancelled.
func (b *bill) requests() float64 { return b.Trips*(1+b.ReadsPerTrip) + b.cancelled() }

func (b *bill) batches() float64 {
	return b.each(func(k Booking) float64 { return float64(k.Events) }) / b.EventsPerBatch
}

// calls are the invocations of each function that follow the bookings.
func (b *bill) calls() map[string]float64 {
	calls := map[string]float64{
		functions.API: b.requests(), functions.OutboxRelay: b.batches(), functions.ExecutionListener: b.heard(),
	}
	for _, f := range functions.All() {
		if f.Task {
			calls[f.Name] = b.each(func(k Booking) float64 { return float64(k.Tasks[f.Name]) })
		}
	}
	return calls
}

// heard is the number of execution ends that call the listener.
func (b *bill) heard() float64 {
	failed := b.FailedPercent / 100
	parts := map[string]float64{"RUNNING": 1, "SUCCEEDED": 1 - failed, "FAILED": failed}
	var sum float64
	for status, part := range parts {
		if slices.Contains(b.usage.Stack.ListenerOn, status) {
			sum += part
		}
	}
	return b.Trips * sum
}

func (b *bill) functions() {
	var requests, seconds float64
	for name, n := range b.calls() {
		requests += n
		seconds += b.gigabyteSeconds(name, n)
	}
	b.add("Lambda", "requests", requests, "lambda_request")
	b.add("Lambda", "memory and time", seconds, "lambda_arm_gb_second")
	runs := b.usage.Stack.ReconcilerRuns
	b.line("Lambda", "the reconciler's requests", runs, "lambda_request", true)
	b.line("Lambda", "the reconciler's memory and time", b.gigabyteSeconds(functions.Reconciler, runs), "lambda_arm_gb_second", true)
}

func (b *bill) gigabyteSeconds(function string, calls float64) float64 {
	memory, ok := b.usage.Stack.MemoryMB[function]
	if !ok && b.err == nil {
		b.err = fmt.Errorf("aws/cost/usage/stack.json has no memory of %s: run make update", function)
	}
	return calls * memory / 1024 * b.TaskMS / 1000
}

func (b *bill) table() {
	b.add("DynamoDB", "write units", b.each(func(k Booking) float64 { return k.WriteUnits }), "dynamodb_write_unit")
	reads := b.each(func(k Booking) float64 { return k.ReadUnits }) + b.Trips*b.ReadsPerTrip*b.usage.Bookings.ReadUnits
	b.add("DynamoDB", "read units", reads, "dynamodb_read_unit")
	stored := b.MonthsKept * b.each(func(k Booking) float64 { return float64(k.StoredBytes) }) / gigabyte
	b.add("DynamoDB", "storage", stored, "dynamodb_gb_month")
	b.add("DynamoDB", "point-in-time recovery", stored, "dynamodb_recovery_gb_month")
	b.line("DynamoDB", "the reconciler's read units, at most", b.usage.Stack.ReconcilerRuns*reconcilerReadUnits, "dynamodb_read_unit", true)
}

// reconcilerReadUnits is what a run with nothing to do reads: the list of days (one unit) and, half a unit each, the four
// shards of the index of pending trips, for each of 32 days, and of that of trips that are being cancelled.
const reconcilerReadUnits = 1 + 32*4*0.5 + 4*0.5

func (b *bill) events() {
	events := b.each(func(k Booking) float64 { return float64(k.Events) })
	gigabytes := b.each(func(k Booking) float64 { return float64(k.EventBytes) }) / gigabyte
	b.add("EventBridge", "requests of the pipe", b.batches(), "pipe_request")
	b.add("EventBridge", "events put on the bus", events, "event")
	b.add("EventBridge", "events taken into the archive", gigabytes, "archive_gb")
	b.add("EventBridge", "events kept in the archive", gigabytes*float64(b.usage.Stack.ArchiveDays)/daysMonth, "archive_gb_month")
}

func (b *bill) logs() {
	l, failed := b.usage.Logs, b.FailedPercent/100
	bytes := b.Trips*((1-failed)*float64(l.Confirmed)+failed*float64(l.Failed)) + b.cancelled()*float64(l.Cancelled)
	bytes += b.requests() * float64(b.usage.Stack.AccessLogBytes)
	for _, n := range b.calls() {
		bytes += n * platformLogBytes
	}
	gigabytes := bytes / gigabyte
	b.add("CloudWatch", "logs taken in", gigabytes, "log_gb")
	b.add("CloudWatch", "logs kept", gigabytes*float64(b.usage.Stack.LogDays)/daysMonth, "log_gb_month")
}

// platformLogBytes is what Lambda itself logs for a call, in JSON: platform.start and platform.report. It is assumed, not
// measured.
const platformLogBytes = 700

// traces adds the traces of the requests, each of which includes its saga, and those that events start.
func (b *bill) traces() {
	n := b.requests() + b.batches() + b.heard()
	b.add("X-Ray", "traces", n*b.TracedPercent/100, "trace")
	b.line("X-Ray", "the reconciler's traces", b.usage.Stack.ReconcilerRuns*b.TracedPercent/100, "trace", true)
}

// standing adds what costs the same without any booking.
func (b *bill) standing() {
	b.line("CloudWatch", "custom metrics, at most", float64(b.usage.Bookings.CustomMetrics), "metric", true)
	b.line("CloudWatch", "metrics that alarms look at", float64(b.usage.Stack.AlarmMetrics), "alarm_metric", true)
	b.line("CloudWatch", "dashboards", float64(b.usage.Stack.Dashboards), "dashboard", true)
	b.line("KMS", "keys", float64(b.usage.Stack.Keys), "key", true)
}

func (s Scenario) assumptions() []string {
	return []string{
		fmt.Sprintf("%g %% of the bookings fail, all by a declined payment, the dearest decline; no task is repeated", s.FailedPercent),
		fmt.Sprintf("%g %% of those confirmed are cancelled later, without a fee", s.CancelPercent),
		fmt.Sprintf("a client reads its trip %g times; a booking is a stay of two nights", s.ReadsPerTrip),
		fmt.Sprintf("every call of a function takes %g ms, which only a real account can tell", s.TaskMS),
		fmt.Sprintf("the records of %g months are stored, and kept for point-in-time recovery", s.MonthsKept),
		fmt.Sprintf("X-Ray records %g %% of the traces", s.TracedPercent),
		fmt.Sprintf("the pipe brings %g event in a batch; its reads of the stream are taken as free, which Lambda's are", s.EventsPerBatch),
		fmt.Sprintf("Lambda itself logs %d bytes a call; each log's retention is the one of the functions", platformLogBytes),
		"one stage; another has its own fixed part. List prices, no free tier, no discount for much use",
		"left out: the pipeline, the state machine's log of errors, data sent to clients, subscribers of the bus, messages of alarms, calls of keys, PreTraffic",
	}
}
