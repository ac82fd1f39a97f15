package rest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// closingKey finds the channel in a request's context that is closed when the server begins to shut down.
type closingKey struct{}

// Server bounds the times and the headers of h's requests; event streams lift the times for themselves. Its Shutdown
// ends the streams and waits for the other answers.
func Server(h http.Handler) *http.Server {
	closing := make(chan struct{})
	ctx := context.WithValue(context.Background(), closingKey{}, closing)
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       loadTimeout,
		WriteTimeout:      loadTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.RegisterOnShutdown(sync.OnceFunc(func() { close(closing) }))
	return s
}

// closed is closed when the server of the request begins to shut down; never without [Server].
func closed(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(closingKey{}).(chan struct{})
	return ch
}

func closing(ctx context.Context) bool {
	select {
	case <-closed(ctx):
		return true
	default:
		return false
	}
}
