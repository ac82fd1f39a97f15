package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/pprof"
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
	sys, err := local.Open(p.ctx, local.Options{Dir: dir})
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
