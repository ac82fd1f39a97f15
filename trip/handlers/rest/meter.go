package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Meter counts the requests of a server. Its methods may be called concurrently. A route is the pattern of a path, such as
// /trips/{id}, or [NoRoute]; methods, routes and reasons are bounded in number, whatever clients send.
type Meter interface {
	// Begun is called when the route of a request is known. It is not called for a request that is refused earlier.
	Begun(method, route string)
	// Ended is called when the answer is written. A request that was not carried out has a reason, one of [Reasons]. For a
	// stream, which lasts as long as its client wants, took is 0.
	Ended(method, route string, status int, reason string, took time.Duration)
}

// NoRoute is the route of requests without a route, and of requests that are refused before it is known.
const NoRoute = "none"

// The reasons for which a request is not carried out, if the status alone does not say it.
const (
	ReasonOverload    = "overload"    // bookings come faster than they can be stored
	ReasonOpenSagas   = "open_sagas"  // the bound on open sagas is reached
	ReasonStreams     = "streams"     // the bound on open streams is reached
	reasonStore       = "store"       // the store refuses writes
	reasonConnections = "connections" // the bounds of this package
	reasonLoads       = "loads"
	reasonAudits      = "audits"
	reasonStopping    = "stopping"
	reasonGone        = "client_gone"
	reasonUnavailable = "unavailable" // any other 503, and 429
)

// Reasons lists the reasons for which a request is not carried out.
func Reasons() []string {
	return []string{
		ReasonOverload, ReasonOpenSagas, reasonStore, reasonConnections, ReasonStreams, reasonLoads, reasonAudits, reasonStopping,
		reasonGone, reasonUnavailable, "invalid", "forbidden", "not_found", "conflict", "internal",
	}
}

// exchange is what is measured about a request, and the request's context.
type exchange struct {
	context.Context
	answer        answer
	meter         Meter
	method, route string
	reason        string
	stream        bool
}

type exchangeKey struct{}

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

// Metered reports every request that next answers to m. It must wrap everything else, [Limit] included.
func Metered(next http.Handler, m Meter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Context: r.Context(), answer: answer{ResponseWriter: w}, meter: m, method: methodOf(r)}
		began := time.Now()
		defer func() { x.end(x.answer.status, time.Since(began)) }()
		next.ServeHTTP(&x.answer, r.WithContext(x))
	})
}

// Routed sets the route of the request to a pattern, which may begin with a method.
func Routed(ctx context.Context, pattern string) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || x.route != "" {
		return
	}
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	x.route = pattern
	x.meter.Begun(x.method, x.route)
}

// Refused sets the reason, one of [Reasons], why the request is not carried out. The first reason counts.
func Refused(ctx context.Context, reason string) {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.reason == "" {
		x.reason = reason
	}
}

// streaming marks the answer as a stream, which ends when its client leaves, so that its duration is not measured.
func streaming(ctx context.Context) {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		x.stream = true
	}
}

func (x *exchange) end(status int, took time.Duration) {
	if x.route == "" {
		x.route = NoRoute
	}
	if status == 0 {
		status = http.StatusOK // what net/http writes for a handler that writes nothing
	}
	if x.stream {
		took = 0
	}
	switch {
	case status < http.StatusBadRequest:
		x.reason = ""
	case x.reason == "":
		x.reason = reasonOf(status)
	}
	x.meter.Ended(x.method, x.route, status, x.reason, took)
}

func reasonOf(status int) string {
	switch {
	case status == http.StatusForbidden:
		return "forbidden"
	case status == http.StatusNotFound:
		return "not_found"
	case status == http.StatusConflict:
		return "conflict"
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		return reasonUnavailable
	case status >= http.StatusInternalServerError:
		return "internal"
	}
	return "invalid"
}

// unavailable sets the reason of an answer 503, unless one is set already.
func (a *api) unavailable(ctx context.Context) {
	switch {
	case closing(ctx):
		Refused(ctx, reasonStopping)
	case a.Health != nil && a.Health() != nil:
		Refused(ctx, reasonStore)
	}
}

// methodOf returns the request's method, "other" for one that a client made up.
func methodOf(r *http.Request) string {
	if slices.Contains([]string{"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}, r.Method) {
		return r.Method
	}
	return "other"
}

// answer records the first status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController access to the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
