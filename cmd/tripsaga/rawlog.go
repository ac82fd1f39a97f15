package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// rawLog is the least that durability costs: a file that is only appended to, with group commit. A benchmark holds the
// product against it.
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

// append adds a record; durable makes it wait until the record, and with it all before it, is on disk.
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

// write is the one writer: everything appended meanwhile goes to disk together.
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
