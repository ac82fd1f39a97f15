package rie

import (
	"bytes"
	"io"
	"sync"
)

// lines merges what several processes print, so that no line is torn by another's.
type lines struct {
	mu  sync.Mutex
	w   io.Writer
	err error // the first
}

// lineWriter is one process's output.
type lineWriter struct {
	to   *lines
	rest []byte // the line that has not ended
}

// maxLine bounds what is kept of a line that does not end.
const maxLine = 256 << 10

// Write never fails, since that would end the process; Close reports what went wrong.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	if len(w.rest) > maxLine && !bytes.ContainsRune(w.rest, '\n') {
		w.rest = append(w.rest, '\n')
	}
	whole := bytes.LastIndexByte(w.rest, '\n') + 1
	w.to.print(w.rest[:whole])
	w.rest = append(w.rest[:0], w.rest[whole:]...)
	return len(p), nil
}

// end prints the line that has not ended.
func (w *lineWriter) end() {
	if len(w.rest) > 0 {
		w.to.print(append(w.rest, '\n'))
		w.rest = nil
	}
}

func (l *lines) print(text []byte) {
	if len(text) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(text); err != nil && l.err == nil {
		l.err = err
	}
}

func (l *lines) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
