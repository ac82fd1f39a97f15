package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"tripsaga/local"
)

// benchCmd measures bookings, happy path, in process, on a durable store, and then a raw log that is given the same
// bytes: as many appends a booking as the store had transactions. Once each append waits for the disk, which is what a
// log alone can do; once only as many wait as did in the store, which knows what may wait for a later one.
type benchCmd struct {
	Trips       int    `help:"Bookings to measure." default:"20000"`
	Concurrency int    `help:"Bookings under way at once." default:"64"`
	Preload     int    `help:"Bookings to make before measuring." default:"0"`
	Dir         string `help:"Folder for the store, which must be empty or new; default: a temporary one, removed afterwards." type:"path"`
	CPUProfile  string `help:"Write a CPU profile of the measured bookings, for go tool pprof." name:"cpuprofile" type:"path"`
	JSON        bool   `help:"Print one JSON object." name:"json"`
}

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

func (c *benchCmd) Run(p *program) error {
	if err := c.check(); err != nil {
		return usage(err)
	}
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	res, err := c.measure(p, dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(res)
	}
	res.print(p)
	return nil
}

func (c *benchCmd) check() error {
	if c.Trips < 1 || c.Trips > 10_000_000 {
		return fmt.Errorf("--trips %d: allowed are 1 to 10,000,000", c.Trips)
	}
	if c.Concurrency < 1 || c.Concurrency > 5000 {
		return fmt.Errorf("--concurrency %d: allowed are 1 to 5,000", c.Concurrency)
	}
	if c.Preload < 0 || c.Preload > 10_000_000 {
		return fmt.Errorf("--preload %d: allowed are 0 to 10,000,000", c.Preload)
	}
	return nil
}

func (c *benchCmd) folder() (dir string, remove func(), err error) {
	if c.Dir == "" {
		dir, err = os.MkdirTemp("", "tripsaga-bench-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", nil, usage(err)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return "", nil, usage(err)
	}
	if len(entries) > 0 {
		return "", nil, usage(fmt.Errorf("--dir %s is not empty", c.Dir))
	}
	return c.Dir, func() {}, nil
}

func (c *benchCmd) measure(p *program, dir string) (*benchResult, error) {
	sys, err := local.Open(p.ctx, local.Options{Dir: dir, MaxOpen: c.Concurrency + 1})
	if err != nil {
		return nil, err
	}
	res, err := c.book(p, sys)
	if closeErr := sys.Close(context.WithoutCancel(p.ctx)); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	if res.ReopenSeconds, err = reopen(p.ctx, dir); err != nil {
		return nil, err
	}
	return res, c.rawLogs(p, dir, res)
}

// book preloads, warms up and measures.
func (c *benchCmd) book(p *program, sys *local.System) (*benchResult, error) {
	if err := loadBenchInventory(p.ctx, sys, c.Preload+c.Trips+c.warmUp()); err != nil {
		return nil, err
	}
	if err := c.round(p, sys, "preload", c.Preload+c.warmUp(), nil); err != nil {
		return nil, err
	}
	stop, err := c.profile()
	if err != nil {
		return nil, err
	}
	times := make([]time.Duration, c.Trips)
	before := readUsage(sys)
	err = c.round(p, sys, "bookings", c.Trips, times)
	stop()
	if err != nil {
		return nil, err
	}
	return c.result(before, readUsage(sys), times), nil
}

// profile begins the CPU profile, if there is to be one.
func (c *benchCmd) profile() (stop func(), err error) {
	if c.CPUProfile == "" {
		return func() {}, nil
	}
	f, err := os.Create(c.CPUProfile)
	if err != nil {
		return nil, usage(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func (c *benchCmd) warmUp() int { return min(c.Trips/10, 1000) }

// round books n trips with c.Concurrency workers; the first error stops it.
func (c *benchCmd) round(p *program, sys *local.System, what string, n int, times []time.Duration) error {
	bar := p.progress(what, n)
	defer bar.Finish()
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(c.Concurrency, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := bookBenchTrip(ctx, sys, i); err != nil {
					cancel(err)
					return
				}
				if times != nil {
					times[i] = time.Since(began)
				}
				bar.Add(1)
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// progress is a bar on a terminal and nothing elsewhere.
func (p *program) progress(what string, n int) *progressbar.ProgressBar {
	if !isTerminal(p.stderr) || n == 0 {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
}

// usage is what the process and the store have used so far.
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

// reopen tells how long the store and the engine take to open with what the run has left.
func reopen(ctx context.Context, dir string) (seconds float64, err error) {
	began := time.Now()
	sys, err := local.Open(ctx, local.Options{Dir: dir})
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	return seconds, sys.Close(ctx)
}

func (c *benchCmd) rawLogs(p *program, dir string, res *benchResult) (err error) {
	appends := max(1, int(res.TransactionsPerTrip+0.5))
	waits := max(1, int(res.DurableWaitsPerTrip+0.5))
	record := make([]byte, int(res.LogBytesPerTrip)/appends)
	if res.RawLogTripsPerS, err = c.rawLog(p, dir, record, appends, appends); err != nil {
		return err
	}
	if res.RawLogFewWaits, err = c.rawLog(p, dir, record, appends, waits); err != nil {
		return err
	}
	res.RatioToRawLog, res.RatioToFewWaits = res.TripsPerS/res.RawLogTripsPerS, res.TripsPerS/res.RawLogFewWaits
	return nil
}

// rawLog appends as many records a trip to a plain log, of which the given number wait, spread over the trip; its last
// one does.
func (c *benchCmd) rawLog(p *program, dir string, record []byte, appends, waits int) (tripsPerS float64, err error) {
	l, err := openRawLog(dir)
	if err != nil {
		return 0, err
	}
	bar := p.progress("raw log", c.Trips)
	defer bar.Finish()
	began := time.Now()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range c.Concurrency {
		workers.Go(func() {
			wake := make(chan struct{}, 1)
			for next.Add(1) <= int64(c.Trips) && p.ctx.Err() == nil {
				for i := range appends {
					l.append(record, (i+1)*waits/appends > i*waits/appends, wake)
				}
				bar.Add(1)
			}
		})
	}
	workers.Wait()
	took := time.Since(began).Seconds()
	if err := l.close(); err != nil {
		return 0, fmt.Errorf("raw log: %w", err)
	}
	return float64(c.Trips) / took, p.ctx.Err()
}

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
