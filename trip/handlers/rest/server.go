package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"tripsaga/shared/fault"
)

// closingKey is the key, in a request's context, of a context that ends when the server begins to shut down.
type closingKey struct{}

// Server returns a server for h that limits the times and the headers of requests; event streams lift these limits. Its
// Shutdown ends the streams, drops requests that have not arrived within bodyGrace, and waits for the other answers.
func Server(h http.Handler) *http.Server {
	closing, begin := context.WithCancel(context.Background())
	ctx := context.WithValue(context.Background(), closingKey{}, closing)
	var silent sync.Map // connections that have not sent a request's headers yet
	s := &http.Server{
		Handler:           arriving(h),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       loadTimeout,
		WriteTimeout:      loadTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateNew {
				silent.Store(c, nil)
			} else {
				silent.Delete(c)
			}
		},
	}
	s.RegisterOnShutdown(func() {
		begin()
		time.AfterFunc(bodyGrace, func() { // Shutdown itself waits for them for five seconds
			silent.Range(func(c, _ any) bool {
				c.(net.Conn).Close()
				return true
			})
		})
	})
	return s
}

// closingOf returns a context that ends when the server begins to shut down. Without [Server] it never ends.
func closingOf(ctx context.Context) context.Context {
	if closing, ok := ctx.Value(closingKey{}).(context.Context); ok {
		return closing
	}
	return context.Background()
}

// closed is closed when the server of the request begins to shut down.
func closed(ctx context.Context) <-chan struct{} { return closingOf(ctx).Done() }

func closing(ctx context.Context) bool { return closingOf(ctx).Err() != nil }

// bodyGrace is how long a body may still arrive after the answer was made without it, or after the server began to shut
// down.
const bodyGrace = time.Second

var (
	errBrokenBody = errors.New("the body ends too early: it is shorter than its Content-Length, or its chunks are malformed")
	errShutdown   = errors.New("the server shuts down, and the body has not arrived")
)

// arriving limits the time for bodies that are no longer needed. Without it, net/http would read the rest of a body before it
// answers, for as long as ReadTimeout.
func arriving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, ctx: r.Context(), control: *http.NewResponseController(w)}
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
	control http.ResponseController

	mu    sync.Mutex
	whole bool      // it has arrived
	until time.Time // set by the first hurry
}

// hurry sets the deadline to bodyGrace after its first call.
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

// arrived removes the read deadline, which would cancel the request's context when it expires.
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

// spareConnections is how many connections above the limit of [Limit] are accepted, to be answered 503.
const spareConnections = 64

// mostConnections is the maximum number of connections of a server; an idle one costs about 20 KB.
const mostConnections = 4096

// Connections returns how many connections a server of this process may have open. Half of the files that the process may open
// are reserved for the store, which would fail without them.
func Connections() int {
	files, known := openFiles()
	if !known {
		return mostConnections
	}
	return connectionsOf(files)
}

func connectionsOf(files int) int {
	return max(1, min(mostConnections, files/2-spareConnections))
}

// crowdedKey marks the context of a connection above the limit.
type crowdedKey struct{}

// Limit limits the connections of s to n. Without a limit, they could use up all files that the process may open, and the store
// would fail. A few connections above the limit are answered 503 and closed; the others wait in the system's queue. Limit must
// be called before s serves. open returns the number of open connections.
func Limit(s *http.Server, n int) (open func() int) {
	places := make(chan struct{}, n+spareConnections)
	s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		select {
		case places <- struct{}{}: // the server accepts no other connection while this waits
		case <-closed(ctx): // Shutdown waits for the connection, however long its context lasts
		}
		if len(places) > n {
			return context.WithValue(ctx, crowdedKey{}, true)
		}
		return ctx
	}
	before := s.ConnState
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if before != nil {
			before(c, state)
		}
		if state == http.StateClosed || state == http.StateHijacked {
			select {
			case <-places:
			default: // a connection that Shutdown let in had no place
			}
		}
	}
	s.Handler = turningAway(s.Handler, n)
	return func() int { return len(places) }
}

func turningAway(next http.Handler, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(crowdedKey{}) == nil {
			next.ServeHTTP(w, r)
			return
		}
		// The body is not read; a client that sends it slowly must not keep the place.
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
		begin(w, r)
		Refused(r.Context(), reasonConnections)
		w.Header().Set("Connection", "close")
		newProblem(http.StatusServiceUnavailable, fault.NameUnavailable,
			fmt.Sprintf("%d connections are open already", n)).write(w)
	})
}
