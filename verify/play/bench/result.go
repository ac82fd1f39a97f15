package bench

import (
	"fmt"
	"io"
	"time"
)

// Result is the result of a run. Times of a trip are from the request to its durable end.
type Result struct {
	Trips               int     `json:"trips"`
	Concurrency         int     `json:"concurrency"`
	HTTP                bool    `json:"http"` // over HTTP: the figures of CPU, allocations and memory are the server's
	Preloaded           int     `json:"preloaded"`
	Seconds             float64 `json:"seconds"`
	TripsPerS           float64 `json:"trips_per_s"`
	P50ms               float64 `json:"p50_ms"`
	P99ms               float64 `json:"p99_ms"`
	AnswerP50ms         float64 `json:"answer_p50_ms"` // from the request to its answer, with which the start of the saga is durable
	AnswerP99ms         float64 `json:"answer_p99_ms"`
	CPUusPerTrip        float64 `json:"cpu_us_per_trip"`
	ClientCPUusPerTrip  float64 `json:"client_cpu_us_per_trip,omitempty"` // of the client's process, over HTTP
	AllocsPerTrip       float64 `json:"allocs_per_trip"`
	BytesPerTrip        float64 `json:"bytes_per_trip"` // written by log, flushes and compactions
	LogBytesPerTrip     float64 `json:"log_bytes_per_trip"`
	TransactionsPerTrip float64 `json:"transactions_per_trip"`
	DurableWaitsPerTrip float64 `json:"durable_waits_per_trip"`
	HeapMB              float64 `json:"heap_mb"`             // in use after the run, garbage collected
	RSSMB               float64 `json:"rss_mb"`              // resident at the end of the run; 0 where the system does not say it
	RawLogTripsPerS     float64 `json:"raw_log_trips_per_s"` // each append waits
	RatioToRawLog       float64 `json:"ratio_to_raw_log"`
	RawLogFewWaits      float64 `json:"raw_log_same_waits_trips_per_s"` // as many wait as in the store
	RatioToFewWaits     float64 `json:"ratio_to_raw_log_same_waits"`
	ReopenSeconds       float64 `json:"reopen_seconds"`

	Took    []time.Duration `json:"-"` // by each trip, sorted
	Ended   []time.Duration `json:"-"` // each trip, since the measured ones began, sorted
	Partial string          `json:"-"` // why not everything was measured; "" if it was

	unprofiled string // why the profiles could not be written; "" if they could
}

func (b *Bench) result(from, to Usage, t *times) *Result {
	n := float64(len(t.took))
	took := t.ended[len(t.ended)-1].Seconds()
	r := &Result{
		Took: t.took, Ended: t.ended, Trips: len(t.took), Concurrency: b.Concurrency, HTTP: b.Server != nil, Preloaded: b.Preload,
		Seconds: took, TripsPerS: n / took,
		P50ms: millis(percentile(t.took, 50)), P99ms: millis(percentile(t.took, 99)),
		AnswerP50ms: millis(percentile(t.answered, 50)), AnswerP99ms: millis(percentile(t.answered, 99)),
		CPUusPerTrip:        (to.CPU - from.CPU).Seconds() * 1e6 / n,
		AllocsPerTrip:       float64(to.Allocs-from.Allocs) / n,
		BytesPerTrip:        float64(to.Bytes-from.Bytes) / n,
		LogBytesPerTrip:     float64(to.LogBytes-from.LogBytes) / n,
		TransactionsPerTrip: float64(to.Transactions-from.Transactions) / n,
		DurableWaitsPerTrip: float64(to.Waits-from.Waits) / n,
		HeapMB:              float64(to.Heap) / (1 << 20), RSSMB: float64(to.RSS) / (1 << 20),
	}
	if r.HTTP {
		r.ClientCPUusPerTrip = (to.client - from.client).Seconds() * 1e6 / n
	}
	return r
}

// percentile returns the percentile of sorted times.
func percentile(times []time.Duration, of float64) time.Duration {
	return times[min(int(of*float64(len(times))/100), len(times)-1)]
}

// Print writes the figures, one a line.
func (r *Result) Print(w io.Writer) {
	fmt.Fprintf(w, "%d bookings%s, %d at once, in %.1f s", r.Trips, r.over(), r.Concurrency, r.Seconds)
	if r.Preloaded > 0 {
		fmt.Fprintf(w, ", after %d others", r.Preloaded)
	}
	fmt.Fprintln(w)
	for _, f := range r.figures() {
		fmt.Fprintf(w, "  %-31s %12.2f  %s\n", f.name, f.value, f.unit)
	}
}

func (r *Result) over() string {
	if r.HTTP {
		return " over HTTP"
	}
	return ""
}

type figure struct {
	name  string
	value float64
	unit  string
}

func (r *Result) figures() []figure {
	of := "user and system, all threads"
	if r.HTTP {
		of = "of the server: " + of
	}
	all := []figure{
		{"trips_per_s", r.TripsPerS, ""},
		{"p50_ms", r.P50ms, "from request to durable end"},
		{"p99_ms", r.P99ms, ""},
		{"answer_p50_ms", r.AnswerP50ms, "from request to answer: the start of the saga is durable"},
		{"answer_p99_ms", r.AnswerP99ms, ""},
		{"cpu_us_per_trip", r.CPUusPerTrip, of},
		{"allocs_per_trip", r.AllocsPerTrip, ""},
		{"bytes_per_trip", r.BytesPerTrip, "written: log, flushes, compactions"},
		{"log_bytes_per_trip", r.LogBytesPerTrip, "of which the log"},
		{"transactions_per_trip", r.TransactionsPerTrip, ""},
		{"durable_waits_per_trip", r.DurableWaitsPerTrip, ""},
		{"heap_mb", r.HeapMB, "in use after the run"},
		{"rss_mb", r.RSSMB, "resident at the end of the run"},
		{"reopen_seconds", r.ReopenSeconds, ""},
		{"raw_log_trips_per_s", r.RawLogTripsPerS, "a plain log given the same bytes and appends, each durable"},
		{"ratio_to_raw_log", r.RatioToRawLog, ""},
		{"raw_log_same_waits_trips_per_s", r.RawLogFewWaits, "the same, waiting only as often as the store does"},
		{"ratio_to_raw_log_same_waits", r.RatioToFewWaits, ""},
	}
	if r.HTTP {
		all = append(all, figure{"client_cpu_us_per_trip", r.ClientCPUusPerTrip, "of the client"})
	}
	return all
}
