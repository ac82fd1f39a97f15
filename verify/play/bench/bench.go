// Package bench measures bookings on a durable store, in this process or over HTTP on a server in another process, and compares
// them with a raw log that writes the same bytes.
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tripsaga/local"
	"tripsaga/trip/domain"
	"tripsaga/verify/play"
)

// Bench measures successful bookings on a durable store, and then a raw log with as many appends per booking as the store had
// transactions. In one measurement of the log every append waits for the disk. In the other only as many wait as in the store,
// which lets some writes wait for a later flush.
type Bench struct {
	Dir         string // an empty folder for the store
	Trips       int    // number of bookings to measure
	Concurrency int    // number of concurrent bookings
	Preload     int    // number of bookings before the measurement

	// Server is the command line of a process that opens the store, serves the API and runs a [Server]. The bookings are then
	// made over HTTP, each worker on its own connection. If Server is nil, the bookings are made in this process.
	Server []string
	Profiles

	// Progress is called when a phase of n steps begins. step is called after each, concurrently; done at its end.
	Progress func(phase string, n int) (step, done func())
}

// target takes the bookings.
type target interface {
	// offer loads an inventory for more than n bookings.
	offer(ctx context.Context, n int) error
	// booker returns a function for one worker: it books a trip, calls answered when the booking is acknowledged, and waits for
	// the trip's durable end.
	booker(ctx context.Context) (book func(r request, answered func()) error, err error)
	// usage returns what the process that runs the sagas has used. It also starts or ends its profiles.
	usage(ctx context.Context, p Profiles) (Usage, error)
	close(ctx context.Context) error
}

// Run measures once. The store remains in Dir. With an error, the result has what was measured until then; it is nil if nothing
// was measured. After [ErrProfile] it is complete.
func (b *Bench) Run(ctx context.Context) (*Result, error) {
	t, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	res, err := b.bookings(ctx, t)
	if closeErr := t.close(context.WithoutCancel(ctx)); err == nil {
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
	if err == nil && res.unprofiled != "" {
		err = fmt.Errorf("%w: %s", ErrProfile, res.unprofiled)
	}
	return res, err
}

func (b *Bench) open(ctx context.Context) (target, error) {
	if b.Server != nil {
		return startServer(ctx, b.Server)
	}
	sys, err := local.Open(ctx, local.Options{Dir: b.Dir})
	return &inProcess{sys: sys}, err
}

// request is a booking, as a value and as the body of a request over HTTP.
type request struct {
	domain.Request
	body []byte
}

// script returns the script with the bookings and the inventory.
func script() *play.Script { return &play.Embedded("bench.txtar", play.Today)[0] }

// bookings preloads, warms up and measures the bookings.
func (b *Bench) bookings(ctx context.Context, at target) (*Result, error) {
	before := b.Preload + min(b.Trips/10, 1000)
	if err := at.offer(ctx, before+b.Trips); err != nil {
		return nil, err
	}
	requests, err := requests()
	if err != nil {
		return nil, err
	}
	if err := b.round(ctx, at, "preload", requests, before, nil); err != nil {
		return nil, err
	}
	start, err := at.usage(ctx, b.Profiles)
	if err != nil {
		return nil, err
	}
	t := &times{took: make([]time.Duration, b.Trips), answered: make([]time.Duration, b.Trips), ended: make([]time.Duration, b.Trips)}
	err = b.round(ctx, at, "bookings", requests, b.Trips, t)
	end, endErr := at.usage(context.WithoutCancel(ctx), b.Profiles)
	if err == nil {
		err = endErr
	}
	if t.sort(); len(t.took) == 0 || endErr != nil {
		return nil, err
	}
	res := b.result(start, end, t)
	res.unprofiled = end.Profile
	return res, err
}

// ErrProfile means that a profile could not be written. The result is complete.
var ErrProfile = errors.New("the profile could not be written")

// times are the times of the measured trips, 0 until a trip has ended.
type times struct {
	took     []time.Duration
	answered []time.Duration
	ended    []time.Duration // since the first one began
}

// sort sorts the times and drops those of trips that have not ended.
func (t *times) sort() {
	for _, d := range []*[]time.Duration{&t.took, &t.answered, &t.ended} {
		slices.Sort(*d)
		first, _ := slices.BinarySearch(*d, 1)
		*d = (*d)[first:]
	}
}

// round books n trips with b.Concurrency workers; the first error stops it.
func (b *Bench) round(ctx context.Context, at target, phase string, requests []request, n int, times *times) error {
	step, done := b.Progress(phase, n)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for range min(b.Concurrency, n) {
		workers.Go(func() {
			book, err := at.booker(ctx)
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil && err == nil; i = int(next.Add(1)) - 1 {
				var answered time.Duration
				began := time.Now()
				if err = book(requests[i%len(requests)], func() { answered = time.Since(began) }); err != nil {
					break
				}
				if times != nil {
					times.took[i], times.answered[i], times.ended[i] = max(time.Since(began), 1), max(answered, 1), max(time.Since(start), 1)
				}
				step()
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// reopen measures how long the store and the engine take to open with the data of the run.
func (b *Bench) reopen(ctx context.Context) (seconds float64, err error) {
	began := time.Now()
	sys, err := local.Open(ctx, local.Options{Dir: b.Dir})
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	return seconds, sys.Close(ctx)
}
