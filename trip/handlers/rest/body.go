package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// bodyGrace is for a body that has not arrived when nobody waits for it any more: the answer is made without it, or the
// server shuts down.
const bodyGrace = time.Second

var (
	errBrokenBody = errors.New("the body ends too early: it is shorter than its Content-Length, or its chunks are malformed")
	errShutdown   = errors.New("the server shuts down, and the body has not arrived")
)

// arriving bounds the time of bodies on their way. net/http reads what a handler left of a body before it answers, for as
// long as ReadTimeout.
func arriving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, ctx: r.Context(), control: http.NewResponseController(w)}
		stop := context.AfterFunc(closingOf(r.Context()), b.hurry)
		defer func() {
			stop()
			b.hurry()
		}()
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// body is read by one goroutine; hurry may be called by another.
type body struct {
	io.ReadCloser
	ctx     context.Context
	control *http.ResponseController

	mu    sync.Mutex
	whole bool      // it has arrived
	until time.Time // set by the first hurry
}

// hurry drops what has not arrived bodyGrace after the first call.
func (b *body) hurry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole {
		return
	}
	if b.until.IsZero() {
		b.until = time.Now().Add(bodyGrace)
	}
	b.control.SetReadDeadline(b.until)
}

// arrived ends the read deadline: passing later it would cancel the request's context.
func (b *body) arrived() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = true
	b.control.SetReadDeadline(time.Time{})
}

func (b *body) Read(p []byte) (int, error) {
	if closing(b.ctx) {
		b.hurry()
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.arrived()
	case errors.Is(err, os.ErrDeadlineExceeded) && closing(b.ctx):
		err = errShutdown
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.Join(errBrokenBody, err)
	}
	return n, err
}
