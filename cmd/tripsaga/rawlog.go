package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
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
	if err := l.file.Close(); err != nil && l.err == nil {
		l.err = err
	}
	return l.err
}
