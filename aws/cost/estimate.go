// Package cost estimates what bookings cost on AWS: what one of them uses, measured by tests, times list prices. The
// command line prints it.
//
// The data are files. prices.json has the prices of each region. usage/ has what is used, one file for each test that
// measures it and fails when it is stale: bookings.json is aws/tests/capacity's, logs.json aws/tests/production's, stack.json the
// infrastructure's.
package cost

import (
	"fmt"
	"slices"
)

// Scenario is what is assumed.
type Scenario struct {
	Region         string  `json:"region"`
	Trips          float64 `json:"trips_per_month"`
	FailedPercent  float64 `json:"failed_percent"`
	ReadsPerTrip   float64 `json:"reads_per_trip"`
	TaskMS         float64 `json:"task_ms"`
	MonthsKept     float64 `json:"months_kept"`
	TracedPercent  float64 `json:"traced_percent"`
	EventsPerBatch float64 `json:"events_per_batch"`
}

// Standard is the scenario without any flag.
func Standard() Scenario {
	return Scenario{
		Region: "us-east-1", FailedPercent: 5, ReadsPerTrip: 3, TaskMS: 50, MonthsKept: 12, TracedPercent: 100, EventsPerBatch: 1,
	}
}

// Line is a part of the bill.
type Line struct {
	Service  string  `json:"service"`
	What     string  `json:"what"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	USD      float64 `json:"usd"`
	Fixed    bool    `json:"fixed"` // does not follow the number of bookings
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

// For estimates a scenario by the measured usage and the list prices.
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

// maxTrips keeps the numbers such as a float64 has exactly.
const maxTrips = 1e12

func (s Scenario) check() error {
	for _, c := range []struct {
		flag           string
		value, min, to float64
	}{
		{"--trips-per-month", s.Trips, 0, maxTrips},
		{"--failed-percent", s.FailedPercent, 0, 100},
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

// Services are those of the lines, in their order.
func (e *Estimate) Services() (names []string) {
	for _, l := range e.Lines {
		if !slices.Contains(names, l.Service) {
			names = append(names, l.Service)
		}
	}
	return names
}

// Of is a service's part.
func (e *Estimate) Of(service string) (usd float64) {
	for _, l := range e.Lines {
		if l.Service == service {
			usd += l.USD
		}
	}
	return usd
}
