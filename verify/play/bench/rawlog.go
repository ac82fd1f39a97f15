package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// rawLog is an append-only file with group commit: the minimum cost of durability, with which the product is compared.
type rawLog struct {
	file *os.File

	mu      sync.Mutex
	work    sync.Cond
	buffer  []byte // appended, not written yet
	spare   []byte
	waiters []chan struct{} // for the buffer to be on disk
	closed  bool
	err     error
	done    chan struct{}
}

func openRawLog(dir string) (*rawLog, error) {
	f, err := os.Create(filepath.Join(dir, "raw.log"))
	if err != nil {
		return nil, fmt.Errorf("raw log: %w", err)
	}
	l := &rawLog{file: f, done: make(chan struct{})}
	l.work.L = &l.mu
	go l.write()
	return l, nil
}

// append adds a record. If it is durable, append returns when the record, and all before it, are on disk.
func (l *rawLog) append(record []byte, durable bool, wake chan struct{}) {
	l.mu.Lock()
	l.buffer = append(l.buffer, record...)
	if !durable {
		l.mu.Unlock()
		return
	}
	l.waiters = append(l.waiters, wake)
	l.work.Signal()
	l.mu.Unlock()
	<-wake
}

// write is the only writer: everything appended during a flush goes to disk together with the next one.
func (l *rawLog) write() {
	defer close(l.done)
	for {
		buffer, waiters, ok := l.take()
		if !ok {
			return
		}
		if err := l.flush(buffer); err != nil {
			l.fail(err)
		}
		for _, w := range waiters {
			w <- struct{}{}
		}
	}
}

func (l *rawLog) take() (buffer []byte, waiters []chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiters) == 0 && !l.closed {
		l.work.Wait()
	}
	if len(l.waiters) == 0 && len(l.buffer) == 0 {
		return nil, nil, false
	}
	buffer, waiters = l.buffer, l.waiters
	l.buffer, l.spare, l.waiters = l.spare[:0], buffer, nil
	return buffer, waiters, true
}

func (l *rawLog) flush(buffer []byte) error {
	if _, err := l.file.Write(buffer); err != nil {
		return err
	}
	return l.file.Sync()
}

func (l *rawLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

func (l *rawLog) close() error {
	l.mu.Lock()
	l.closed = true
	l.work.Signal()
	l.mu.Unlock()
	<-l.done
	return errors.Join(l.err, l.file.Close(), os.Remove(l.file.Name()))
}

// rawLogs measures both raw logs with the appends, waits and bytes of the store.
func (b *Bench) rawLogs(ctx context.Context, res *Result) (err error) {
	appends := max(1, int(res.TransactionsPerTrip+0.5))
	waits := max(1, int(res.DurableWaitsPerTrip+0.5))
	record := make([]byte, int(res.LogBytesPerTrip)/appends)
	if res.RawLogTripsPerS, err = b.rawLog(ctx, record, appends, appends); err != nil {
		return err
	}
	if res.RawLogFewWaits, err = b.rawLog(ctx, record, appends, waits); err != nil {
		return err
	}
	res.RatioToRawLog, res.RatioToFewWaits = res.TripsPerS/res.RawLogTripsPerS, res.TripsPerS/res.RawLogFewWaits
	return nil
}

// rawLog appends this many records per trip to a plain log. waits of them wait for the disk, evenly spread over the trip, and
// always the last one.
func (b *Bench) rawLog(ctx context.Context, record []byte, appends, waits int) (tripsPerS float64, err error) {
	l, err := openRawLog(b.Dir)
	if err != nil {
		return 0, err
	}
	step, done := b.Progress("raw log", b.Trips)
	defer done()
	began := time.Now()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range b.Concurrency {
		workers.Go(func() {
			wake := make(chan struct{}, 1)
			for next.Add(1) <= int64(b.Trips) && ctx.Err() == nil {
				for i := range appends {
					l.append(record, (i+1)*waits/appends > i*waits/appends, wake)
				}
				step()
			}
		})
	}
	workers.Wait()
	took := time.Since(began).Seconds()
	if err := l.close(); err != nil {
		return 0, fmt.Errorf("raw log: %w", err)
	}
	return float64(b.Trips) / took, ctx.Err()
}
