package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"tripsaga/local"
)

// benchResult is what a run measured. Times of a trip run from the request to its durable end.
type benchResult struct {
	Trips               int     `json:"trips"`
	Concurrency         int     `json:"concurrency"`
	Preloaded           int     `json:"preloaded"`
	Seconds             float64 `json:"seconds"`
	TripsPerS           float64 `json:"trips_per_s"`
	P50ms               float64 `json:"p50_ms"`
	P99ms               float64 `json:"p99_ms"`
	CPUusPerTrip        float64 `json:"cpu_us_per_trip"`
	AllocsPerTrip       float64 `json:"allocs_per_trip"`
	BytesPerTrip        float64 `json:"bytes_per_trip"` // written by log, flushes and compactions
	LogBytesPerTrip     float64 `json:"log_bytes_per_trip"`
	TransactionsPerTrip float64 `json:"transactions_per_trip"`
	DurableWaitsPerTrip float64 `json:"durable_waits_per_trip"`
	HeapMB              float64 `json:"heap_mb"`             // in use after the run, garbage collected
	RawLogTripsPerS     float64 `json:"raw_log_trips_per_s"` // each append waits
	RatioToRawLog       float64 `json:"ratio_to_raw_log"`
	RawLogFewWaits      float64 `json:"raw_log_same_waits_trips_per_s"` // as many wait as in the store
	RatioToFewWaits     float64 `json:"ratio_to_raw_log_same_waits"`
	ReopenSeconds       float64 `json:"reopen_seconds"`
}

// usageSample is what the process and the store have used so far.
type usageSample struct {
	at           time.Time
	cpu          time.Duration
	allocs       uint64
	transactions uint64
	waits        uint64
	bytes        uint64
	logBytes     uint64
}

func readUsage(sys *local.System) usageSample {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m := sys.Store.Metrics()
	cpu, _ := cpuTime()
	return usageSample{
		at: time.Now(), cpu: cpu, allocs: mem.Mallocs,
		transactions: m.Transactions, waits: m.DurableWaits, bytes: m.BytesWritten, logBytes: m.LogBytes,
	}
}

func (c *benchCmd) result(a, b usageSample, times []time.Duration) *benchResult {
	n := float64(c.Trips)
	took := b.at.Sub(a.at).Seconds()
	slices.Sort(times)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return &benchResult{
		Trips: c.Trips, Concurrency: c.Concurrency, Preloaded: c.Preload, Seconds: took, TripsPerS: n / took,
		P50ms: milliseconds(times[len(times)/2]), P99ms: milliseconds(times[len(times)*99/100]),
		CPUusPerTrip:        (b.cpu - a.cpu).Seconds() * 1e6 / n,
		AllocsPerTrip:       float64(b.allocs-a.allocs) / n,
		BytesPerTrip:        float64(b.bytes-a.bytes) / n,
		LogBytesPerTrip:     float64(b.logBytes-a.logBytes) / n,
		TransactionsPerTrip: float64(b.transactions-a.transactions) / n,
		DurableWaitsPerTrip: float64(b.waits-a.waits) / n,
		HeapMB:              float64(mem.HeapAlloc) / (1 << 20),
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

func (r *benchResult) print(p *program) {
	fmt.Fprintf(p.stdout, "%d bookings, %d at once, in %.1f s", r.Trips, r.Concurrency, r.Seconds)
	if r.Preloaded > 0 {
		fmt.Fprintf(p.stdout, ", after %d others", r.Preloaded)
	}
	fmt.Fprintln(p.stdout)
	for _, line := range []struct {
		name  string
		value float64
		unit  string
	}{
		{"trips_per_s", r.TripsPerS, ""},
		{"p50_ms", r.P50ms, "from request to durable end"},
		{"p99_ms", r.P99ms, ""},
		{"cpu_us_per_trip", r.CPUusPerTrip, "user and system, all threads"},
		{"allocs_per_trip", r.AllocsPerTrip, ""},
		{"bytes_per_trip", r.BytesPerTrip, "written: log, flushes, compactions"},
		{"log_bytes_per_trip", r.LogBytesPerTrip, "of which the log"},
		{"transactions_per_trip", r.TransactionsPerTrip, ""},
		{"durable_waits_per_trip", r.DurableWaitsPerTrip, ""},
		{"heap_mb", r.HeapMB, "in use after the run"},
		{"reopen_seconds", r.ReopenSeconds, ""},
		{"raw_log_trips_per_s", r.RawLogTripsPerS, "a plain log given the same bytes and appends, each durable"},
		{"ratio_to_raw_log", r.RatioToRawLog, ""},
		{"raw_log_same_waits_trips_per_s", r.RawLogFewWaits, "the same, waiting only as often as the store does"},
		{"ratio_to_raw_log_same_waits", r.RatioToFewWaits, ""},
	} {
		fmt.Fprintf(p.stdout, "  %-31s %12.2f  %s\n", line.name, line.value, line.unit)
	}
}
