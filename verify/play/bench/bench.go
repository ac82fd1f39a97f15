// Package bench measures bookings on a durable store, and a raw log that is given the same bytes.
package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tripsaga/local"
	"tripsaga/trip/domain"
	"tripsaga/verify/play"
)

// Bench measures bookings that go well, in process, on a durable store, and then a raw log with as many appends a booking
// as the store had transactions. Once each append waits for the disk, which is what a log alone can do; once only as many
// wait as did in the store, which knows what may wait for a later one.
type Bench struct {
	Dir         string // for the store, empty
	Trips       int    // to measure
	Concurrency int    // bookings at the same time
	Preload     int    // bookings before

	// Progress is called when a phase of n steps begins. step is called after each, concurrently; done at its end.
	Progress func(phase string, n int) (step, done func())
	// Measure, unless it is nil, is called before the measured bookings, and what it returns after them.
	Measure func() (stop func(), err error)

	requests []domain.Request // one a place
}

// Result is what a run measured. Times of a trip run from the request to its durable end.
type Result struct {
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

	Took    []time.Duration `json:"-"` // by each trip, sorted
	Ended   []time.Duration `json:"-"` // each trip, since the measured ones began, sorted
	Partial string          `json:"-"` // why not everything was measured; "" if it was
}

// Run measures once. The store remains in Dir. With an error the result has what was measured, and is nil if nothing was.
func (b *Bench) Run(ctx context.Context) (*Result, error) {
	script := play.Embedded("bench.txtar", play.Today)[0]
	for place := range script.Places {
		b.requests = append(b.requests, play.AtPlace(script.Request(), place, place))
	}
	sys, err := local.Open(ctx, local.Options{Dir: b.Dir})
	if err != nil {
		return nil, err
	}
	res, err := b.bookings(ctx, sys, &script)
	if closeErr := sys.Close(context.WithoutCancel(ctx)); err == nil {
		err = closeErr
	}
	if err == nil {
		res.ReopenSeconds, err = b.reopen(ctx)
	}
	if err == nil {
		err = b.rawLogs(ctx, res)
	}
	if res != nil && err != nil {
		res.Partial = "The benchmark has ended early: " + err.Error() + "."
	}
	return res, err
}

// bookings preloads, warms up and measures.
func (b *Bench) bookings(ctx context.Context, sys *local.System, script *play.Script) (*Result, error) {
	before := b.Preload + min(b.Trips/10, 1000)
	if err := offer(ctx, sys, script, before+b.Trips); err != nil {
		return nil, err
	}
	if err := b.round(ctx, sys, "preload", before, nil); err != nil {
		return nil, err
	}
	stop := func() {}
	if b.Measure != nil {
		var err error
		if stop, err = b.Measure(); err != nil {
			return nil, err
		}
	}
	t := &times{took: make([]time.Duration, b.Trips), ended: make([]time.Duration, b.Trips)}
	start := readUsage(sys)
	err := b.round(ctx, sys, "bookings", b.Trips, t)
	stop()
	if t.sort(); len(t.took) == 0 {
		return nil, err
	}
	return b.result(start, readUsage(sys), t), err
}

// times are those of the measured trips, 0 until a trip has ended.
type times struct {
	took  []time.Duration
	ended []time.Duration // since the first one began
}

// sort drops the trips that have not ended.
func (t *times) sort() {
	for _, d := range []*[]time.Duration{&t.took, &t.ended} {
		slices.Sort(*d)
		first, _ := slices.BinarySearch(*d, 1)
		*d = (*d)[first:]
	}
}

// offer makes room for n bookings and to spare.
func offer(ctx context.Context, sys *local.System, script *play.Script, n int) error {
	offers, err := script.Offers()
	if err != nil {
		return err
	}
	capacity := int64(2*n + 100)
	for i := range offers.Flights {
		offers.Flights[i].Row.Capacity = capacity
	}
	for i := range offers.Nights {
		offers.Nights[i].Row.Capacity = capacity
	}
	offers.Fingerprint = fmt.Sprintf("bench-%d", n)
	_, err = sys.App.LoadInventory(ctx, offers)
	return err
}

// round books n trips with b.Concurrency workers; the first error stops it.
func (b *Bench) round(ctx context.Context, sys *local.System, phase string, n int, times *times) error {
	step, done := b.Progress(phase, n)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for range min(b.Concurrency, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := b.book(ctx, sys, i); err != nil {
					cancel(err)
					return
				}
				if times != nil {
					times.took[i], times.ended[i] = max(time.Since(began), 1), max(time.Since(start), 1)
				}
				step()
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// book books the i-th trip and waits for its end.
func (b *Bench) book(ctx context.Context, sys *local.System, i int) error {
	trip, err := sys.App.BookTrip(ctx, "", b.requests[i%len(b.requests)])
	if err != nil {
		return err
	}
	end, err := sys.Engine.Wait(ctx, trip.ID())
	if err != nil {
		return err
	}
	if end.Error != "" {
		return fmt.Errorf("trip %s failed: %s: %s", trip.ID(), end.Error, end.Cause)
	}
	return nil
}

// reopen measures how long the store and the engine take to open with what the run has left.
func (b *Bench) reopen(ctx context.Context) (seconds float64, err error) {
	began := time.Now()
	sys, err := local.Open(ctx, local.Options{Dir: b.Dir})
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	return seconds, sys.Close(ctx)
}

// usage is what the process and the store have used so far.
type usage struct {
	at           time.Time
	cpu          time.Duration
	allocs       uint64
	transactions uint64
	waits        uint64
	bytes        uint64
	logBytes     uint64
}

func readUsage(sys *local.System) usage {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m := sys.Store.Metrics()
	return usage{
		at: time.Now(), cpu: cpuTime(), allocs: mem.Mallocs,
		transactions: m.Transactions, waits: m.DurableWaits, bytes: m.BytesWritten, logBytes: m.LogBytes,
	}
}

func (b *Bench) result(from, to usage, t *times) *Result {
	n := float64(len(t.took))
	took := to.at.Sub(from.at).Seconds()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return &Result{
		Took: t.took, Ended: t.ended, Trips: len(t.took), Concurrency: b.Concurrency, Preloaded: b.Preload, Seconds: took, TripsPerS: n / took,
		P50ms: percentile(t.took, 50).Seconds() * 1e3, P99ms: percentile(t.took, 99).Seconds() * 1e3,
		CPUusPerTrip:        (to.cpu - from.cpu).Seconds() * 1e6 / n,
		AllocsPerTrip:       float64(to.allocs-from.allocs) / n,
		BytesPerTrip:        float64(to.bytes-from.bytes) / n,
		LogBytesPerTrip:     float64(to.logBytes-from.logBytes) / n,
		TransactionsPerTrip: float64(to.transactions-from.transactions) / n,
		DurableWaitsPerTrip: float64(to.waits-from.waits) / n,
		HeapMB:              float64(mem.HeapAlloc) / (1 << 20),
	}
}

// percentile returns that of sorted times.
func percentile(times []time.Duration, of float64) time.Duration {
	return times[min(int(of*float64(len(times))/100), len(times)-1)]
}

// Print writes the figures, one a line.
func (r *Result) Print(w io.Writer) {
	fmt.Fprintf(w, "%d bookings, %d at once, in %.1f s", r.Trips, r.Concurrency, r.Seconds)
	if r.Preloaded > 0 {
		fmt.Fprintf(w, ", after %d others", r.Preloaded)
	}
	fmt.Fprintln(w)
	for _, f := range r.figures() {
		fmt.Fprintf(w, "  %-31s %12.2f  %s\n", f.name, f.value, f.unit)
	}
}

type figure struct {
	name  string
	value float64
	unit  string
}

func (r *Result) figures() []figure {
	return []figure{
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
	}
}
