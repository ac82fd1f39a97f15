package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"tripsaga/report"
	"tripsaga/verify/play/bench"
)

// benchCmd runs bench.Bench in a folder.
type benchCmd struct {
	Trips       int    `help:"Bookings to measure." default:"20000"`
	HTTP        bool   `help:"Book over HTTP: a server in another process over the loopback interface, a connection for each concurrent booking. CPU, allocations, memory and profiles are then the server's." name:"http"`
	Concurrency int    `help:"Bookings under way at once." default:"64"`
	Preload     int    `help:"Bookings to make before measuring." default:"0"`
	Dir         string `help:"Folder for the store, which must be empty or new; default: a temporary one, removed afterwards." type:"path"`
	CPUProfile  string `help:"Write a CPU profile of the measured bookings, for go tool pprof." name:"cpuprofile" type:"path"`
	MemProfile  string `help:"Write a profile of all allocations, for go tool pprof." name:"memprofile" type:"path"`
	ServeHTTP   bool   `hidden:"" name:"serve-http"` // be the server of --http
	JSON        bool   `help:"Print one JSON object." name:"json"`
	htmlFlag
}

func (c *benchCmd) Run(p *program) error {
	if c.ServeHTTP {
		return c.serve(p)
	}
	if err := c.check(p); err != nil {
		return usage(err)
	}
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	b := bench.Bench{
		Dir: dir, Trips: c.Trips, Concurrency: c.Concurrency, Preload: c.Preload,
		Profiles: bench.Profiles{CPU: c.CPUProfile, Allocs: c.MemProfile},
		Progress: func(phase string, n int) (step, done func()) {
			bar := p.progress(phase, n)
			return func() { bar.Add(1) }, func() { bar.Finish() }
		},
	}
	if c.HTTP {
		if b.Server, err = c.server(dir); err != nil {
			return err
		}
	}
	began := time.Now()
	res, err := b.Run(p.ctx)
	remove() // before the result is printed, which ends this process if nobody reads it
	written := c.htmlFlag.write(p, began, func() *report.Page { return res.Page(err) })
	switch {
	case err != nil && !errors.Is(err, bench.ErrProfile):
	case c.JSON:
		err = errors.Join(err, json.NewEncoder(p.stdout).Encode(res))
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
	if c.HTTP && c.Concurrency > bench.MaxConnections {
		return fmt.Errorf("--concurrency %d: allowed with --http are 1 to %d, beyond which the server refuses bookings", c.Concurrency, bench.MaxConnections)
	}
	if c.Preload < 0 || c.Preload > 10_000_000 {
		return fmt.Errorf("--preload %d: allowed are 0 to 10,000,000", c.Preload)
	}
	if err := c.htmlFlag.check(p, c.CPUProfile, c.MemProfile, c.Dir); err != nil {
		return err
	}
	return cmp.Or(checkProfile("--cpuprofile", c.CPUProfile, c.MemProfile, c.Dir), checkProfile("--memprofile", c.MemProfile, c.CPUProfile, c.Dir))
}

// checkProfile finds out whether a profile can be written, before the run. Used are the run's other files.
func checkProfile(flag, path string, used ...string) error {
	switch path {
	case "":
		return nil
	case "-":
		return fmt.Errorf("%s -: a profile is written to a file", flag)
	}
	if err := report.CheckFile(path, used...); err != nil {
		return fmt.Errorf("%s %w", flag, err)
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

// progress is a bar on a terminal and nothing elsewhere.
func (p *program) progress(what string, n int) *progressbar.ProgressBar {
	if !isTerminal(p.stderr) || n == 0 {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
}
