package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"tripsaga/shared/fault"
)

// SpareConnections are let in beyond the bound of [Limit], to be told that they are too many.
const SpareConnections = 64

// crowdedKey marks the context of a connection that is beyond the bound.
type crowdedKey struct{}

// Limit bounds the connections of s to n. Without a bound they take all the files that the process may open, and its
// store fails, which needs some. Of those beyond it a few are answered 503 and closed, the others are not accepted yet:
// they wait in the system's queue. It must be called before s serves. It returns what counts the open ones.
func Limit(s *http.Server, n int) (open func() int) {
	places := make(chan struct{}, n+SpareConnections)
	s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		select {
		case places <- struct{}{}: // the server accepts no other connection while this waits
		case <-closed(ctx): // Shutdown waits for it, however long its context lasts
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
			default: // the one that was let in by Shutdown had no place
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
		// Nobody reads the body; who sends it slowly must not keep the place.
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
		begin(w, r)
		Refused(r.Context(), reasonConnections)
		secure(w.Header())
		w.Header().Set("Connection", "close")
		newProblem(http.StatusServiceUnavailable, fault.NameUnavailable,
			fmt.Sprintf("%d connections are open already", n)).write(w)
	})
}
