package rest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// closingKey finds the context in a request's context that ends when the server begins to shut down.
type closingKey struct{}

// Server bounds the times and the headers of h's requests; event streams lift the times for themselves. Its Shutdown
// ends the streams, drops requests that have not arrived after a moment, and waits for the other answers.
func Server(h http.Handler) *http.Server {
	closing, begin := context.WithCancel(context.Background())
	ctx := context.WithValue(context.Background(), closingKey{}, closing)
	var silent sync.Map // connections that have not sent the headers of a request yet
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

// closingOf ends when the server of the request begins to shut down; never without [Server].
func closingOf(ctx context.Context) context.Context {
	if closing, ok := ctx.Value(closingKey{}).(context.Context); ok {
		return closing
	}
	return context.Background()
}

// closed is closed when the server of the request begins to shut down.
func closed(ctx context.Context) <-chan struct{} { return closingOf(ctx).Done() }

func closing(ctx context.Context) bool { return closingOf(ctx).Err() != nil }
