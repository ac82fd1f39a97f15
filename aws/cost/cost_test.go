package cost

import (
	"math"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

// example is small enough to be added up by hand.
func example() Usage {
	memory := map[string]float64{}
	for _, f := range functions.All() {
		memory[f.Name] = 1024
	}
	return Usage{
		Bookings: Bookings{
			Confirmed: Booking{
				Transitions: 5, Tasks: map[string]int{"ReserveFlight": 1, "ReserveHotel": 1, "ProcessPayment": 1, "BookingConfirmed": 1},
				ReadUnits: 8, WriteUnits: 20, Events: 2, EventBytes: 1 << 10, StoredBytes: 1 << 11,
			},
			Failed: Booking{
				Transitions: 7, Tasks: map[string]int{"ReserveFlight": 2, "FlightBookingFailed": 1},
				ReadUnits: 10, WriteUnits: 40, Events: 4, EventBytes: 1 << 11, StoredBytes: 1 << 12,
			},
			Cancelled: Booking{
				Transitions: 6, Tasks: map[string]int{"CancelHotel": 1, "RefundBooking": 2},
				ReadUnits: 6, WriteUnits: 30, Events: 5, EventBytes: 1 << 10, StoredBytes: 1 << 9,
			},
			ReadUnits: 1, CustomMetrics: 10,
		},
		Logs: Logs{Confirmed: 1000, Failed: 3000, Cancelled: 500},
		Stack: Stack{
			MemoryMB: memory, AlarmMetrics: 7, Dashboards: 1, Keys: 2, ReconcilerRuns: 1000, ListenerOn: []string{"FAILED"},
			ArchiveDays: 30, LogDays: 30, AccessLogBytes: 100,
		},
	}
}

// unitPrices cost a dollar a unit, so that dollars are quantities.
func unitPrices(t *testing.T) Prices {
	list, err := readPrices(pricesFile)
	if err != nil {
		t.Fatal(err)
	}
	prices := Prices{}
	for name, p := range list.Regions["us-east-1"] {
		p.USD, p.Per = 1, 1
		prices[name] = p
	}
	return prices
}

// TestEstimateByHand: 100 bookings, a quarter of which fail, and 10 are cancelled, each read twice.
func TestEstimateByHand(t *testing.T) {
	s := Scenario{
		Region: "us-east-1", Trips: 100, FailedPercent: 25, CancelPercent: 100.0 / 7.5, ReadsPerTrip: 2, TaskMS: 100, MonthsKept: 2, TracedPercent: 50, EventsPerBatch: 2,
	}
	e, err := estimate(s, example(), unitPrices(t), "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	const (
		requests = 100*3 + 10
		batches  = (75*2 + 25*4 + 10*5) / 2
		tasks    = 75*4 + 25*3 + 10*3
		calls    = requests + batches + tasks + 25
		logs     = (75*1000.0 + 25*3000 + 10*500 + requests*100 + calls*700) / gigabyte
	)
	want := map[string]float64{
		"requests":                             calls,
		"memory and time":                      calls * 0.1,
		"the reconciler's requests":            1000,
		"the reconciler's memory and time":     100,
		"write units":                          75*20 + 25*40 + 10*30,
		"read units":                           75*8 + 25*10 + 10*6 + 200,
		"storage":                              2 * (75*2048.0 + 25*4096 + 10*512) / gigabyte,
		"point-in-time recovery":               2 * (75*2048.0 + 25*4096 + 10*512) / gigabyte,
		"the reconciler's read units, at most": 67_000,
		"requests of the pipe":                 batches,
		"events put on the bus":                300,
		"events taken into the archive":        (75*1024.0 + 25*2048 + 10*1024) / gigabyte,
		"events kept in the archive":           (75*1024.0 + 25*2048 + 10*1024) / gigabyte * 30 / (730.0 / 24),
		"state transitions":                    75*5 + 25*7 + 10*6,
		"requests of the HTTP API":             requests,
		"logs taken in":                        logs,
		"logs kept":                            logs * 30 / (730.0 / 24),
		"custom metrics, at most":              10,
		"metrics that alarms look at":          7,
		"dashboards":                           1,
		"traces":                               (requests + batches + 25) / 2.0,
		"the reconciler's traces":              500,
		"keys":                                 2,
	}
	var sum float64
	for _, l := range e.Lines {
		w, ok := want[l.What]
		if !ok || !near(l.USD, w) || !near(l.Quantity, w) {
			t.Errorf("%s, %s: %g %s are %g USD, want %g", l.Service, l.What, l.Quantity, l.Unit, l.USD, w)
		}
		sum += l.USD
		delete(want, l.What)
	}
	for what := range want {
		t.Errorf("there is no line %q", what)
	}
	if !near(e.Total, sum) || !near(e.Fixed+e.Variable, sum) || !near(e.PerTrip*100, e.Variable) {
		t.Errorf("total %g = %g + %g, %g a trip; the lines' sum is %g", e.Total, e.Variable, e.Fixed, e.PerTrip, sum)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// TestMeasuredEstimate: more bookings cost in proportion, and nobody books for nothing.
func TestMeasuredEstimate(t *testing.T) {
	s := Standard()
	none, err := For(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Trips = 1000
	thousand, err := For(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Trips = 2000
	twice, err := For(s)
	if err != nil {
		t.Fatal(err)
	}
	if none.Variable != 0 || none.PerTrip != 0 || none.Fixed <= 0 || none.Fixed != twice.Fixed {
		t.Errorf("without bookings %g are paid for bookings and %g anyway; with them %g", none.Variable, none.Fixed, twice.Fixed)
	}
	if thousand.Variable <= 0 || !near(twice.Variable, 2*thousand.Variable) {
		t.Errorf("1,000 bookings cost %g, 2,000 cost %g", thousand.Variable, twice.Variable)
	}
	s.FailedPercent = 100
	if failed, err := For(s); err != nil || failed.Variable <= twice.Variable {
		t.Errorf("bookings that fail cost %g, others %g; error %v", failed.Variable, twice.Variable, err)
	}
}

func TestBadScenarios(t *testing.T) {
	for want, change := range map[string]func(*Scenario){
		"--trips-per-month -1":   func(s *Scenario) { s.Trips = -1 },
		"--trips-per-month NaN":  func(s *Scenario) { s.Trips = math.NaN() },
		"--trips-per-month +Inf": func(s *Scenario) { s.Trips = math.Inf(1) },
		"--failed-percent 101":   func(s *Scenario) { s.FailedPercent = 101 },
		"--reads -1":             func(s *Scenario) { s.ReadsPerTrip = -1 },
		"--task-ms 0":            func(s *Scenario) { s.TaskMS = 0 },
		"--months-kept -1":       func(s *Scenario) { s.MonthsKept = -1 },
		"--traced-percent 200":   func(s *Scenario) { s.TracedPercent = 200 },
		"--events-per-batch 11":  func(s *Scenario) { s.EventsPerBatch = 11 },
		`no prices of "mars-1"`:  func(s *Scenario) { s.Region = "mars-1" },
	} {
		s := Standard()
		change(&s)
		if _, err := For(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestPricesAreWhole(t *testing.T) {
	_, err := readPrices([]byte(`{"regions": {"r": {"p": {"usd": 1, "per": 0, "unit": "u", "source": "s", "checked": "c"}}}}`))
	if err == nil || !strings.Contains(err.Error(), "the price p of r") {
		t.Errorf("error %v for a price per nothing", err)
	}
	prices := unitPrices(t)
	delete(prices, "trace")
	if _, err := estimate(Standard(), example(), prices, ""); err == nil || !strings.Contains(err.Error(), "trace") {
		t.Errorf("error %v for a missing price", err)
	}
	u := example()
	delete(u.Stack.MemoryMB, functions.API)
	if _, err := estimate(Standard(), u, unitPrices(t), ""); err == nil || !strings.Contains(err.Error(), functions.API) {
		t.Errorf("error %v for an unknown memory", err)
	}
}
