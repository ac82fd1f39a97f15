package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/schollz/progressbar/v3"

	"tripsaga/report"
	"tripsaga/verify/play/bench"
)

// benchCmd runs bench.Bench in a folder.
type benchCmd struct {
	Trips       int    `help:"Bookings to measure." default:"20000"`
	Concurrency int    `help:"Bookings under way at once." default:"64"`
	Preload     int    `help:"Bookings to make before measuring." default:"0"`
	Dir         string `help:"Folder for the store, which must be empty or new; default: a temporary one, removed afterwards." type:"path"`
	CPUProfile  string `help:"Write a CPU profile of the measured bookings, for go tool pprof." name:"cpuprofile" type:"path"`
	JSON        bool   `help:"Print one JSON object." name:"json"`
	htmlFlag
}

func (c *benchCmd) Run(p *program) error {
	if err := c.check(p); err != nil {
		return usage(err)
	}
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	b := bench.Bench{
		Dir: dir, Trips: c.Trips, Concurrency: c.Concurrency, Preload: c.Preload, Measure: c.profile,
		Progress: func(phase string, n int) (step, done func()) {
			bar := p.progress(phase, n)
			return func() { bar.Add(1) }, func() { bar.Finish() }
		},
	}
	began := time.Now()
	res, err := b.Run(p.ctx)
	written := c.htmlFlag.write(p, began, func() *report.Page { return res.Page(err) })
	switch {
	case err != nil:
	case c.JSON:
		err = json.NewEncoder(p.stdout).Encode(res)
	default:
		res.Print(p.stdout)
	}
	return errors.Join(err, written)
}

func (c *benchCmd) check(p *program) error {
	if c.Trips < 1 || c.Trips > 10_000_000 {
		return fmt.Errorf("--trips %d: allowed are 1 to 10,000,000", c.Trips)
	}
	if c.Concurrency < 1 || c.Concurrency > 5000 {
		return fmt.Errorf("--concurrency %d: allowed are 1 to 5,000", c.Concurrency)
	}
	if c.Preload < 0 || c.Preload > 10_000_000 {
		return fmt.Errorf("--preload %d: allowed are 0 to 10,000,000", c.Preload)
	}
	return c.htmlFlag.check(p, c.CPUProfile, c.Dir)
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

// profile starts the CPU profile, if one is asked for.
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

// progress is a bar on a terminal and nothing elsewhere.
func (p *program) progress(what string, n int) *progressbar.ProgressBar {
	if !isTerminal(p.stderr) || n == 0 {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
}
