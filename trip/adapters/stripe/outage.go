package stripe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"
)

// InFlight is the default maximum number of concurrent calls. With calls of half a second it is above Stripe's limit of 100
// calls a second.
const InFlight = 64

// Timeout is the default time-out of a call. ProcessPayment's function has a longer one.
const Timeout = 15 * time.Second

const (
	maxAnswer    = 1 << 20         // bytes of an answer; a page of 100 refunds has about 100 KB
	breakerAfter = 10              // consecutive outages open the breaker
	breakerOpen  = 5 * time.Second // then one call tests whether Stripe works again
)

// gate keeps an outage of Stripe from taking more than a bounded number of goroutines and connections: a call above the limit,
// or during an outage that other calls have detected, fails immediately. The saga waits and retries.
type gate struct {
	slots   chan struct{}
	timeout time.Duration
	breaker *gobreaker.CircuitBreaker[struct{}]
}

func newGate(inFlight int, timeout time.Duration) *gate {
	return &gate{
		slots: make(chan struct{}, inFlight), timeout: timeout,
		breaker: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Name: "stripe", Timeout: breakerOpen,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerAfter },
			IsSuccessful: func(err error) bool { return !isOutage(err) },
			IsExcluded:   func(err error) bool { return errors.Is(err, errAbandoned) },
		}),
	}
}

// errAbandoned marks a call whose caller gave up. It says nothing about Stripe.
var errAbandoned = errors.New("abandoned")

// isOutage reports whether the error may be an outage of Stripe as a whole. Declines, limits and stored errors are answers of
// Stripe.
func isOutage(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.outcome == unknown && r.fault.Cause == nil
}

// call makes one call through the gate. Its error is a [refusal].
func call[T any](ctx context.Context, p *Provider, f func(context.Context) (T, error)) (result T, err error) {
	g := p.gate
	select {
	case g.slots <- struct{}{}:
	default:
		return result, refuse(busy, "%d calls to Stripe are running, which is the limit", cap(g.slots))
	}
	defer func() { <-g.slots }()
	var answer error
	_, err = g.breaker.Execute(func() (struct{}, error) {
		limited, cancel := context.WithTimeout(ctx, g.timeout)
		defer cancel()
		if result, err = f(limited); err != nil {
			answer = translate(err)
		}
		if answer != nil && ctx.Err() != nil {
			return struct{}{}, errAbandoned
		}
		return struct{}{}, answer
	})
	if answer == nil && err != nil {
		return result, refuse(busy, "Stripe has failed repeatedly, calls are held back for up to %s", breakerOpen)
	}
	return result, answer
}

// client returns a client that follows no redirects: the key is sent only to Stripe.
func client(next http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     bounded{next},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport returns a transport with as many connections as there can be concurrent calls.
func transport(inFlight int) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = inFlight, inFlight
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// bounded makes the reading of an answer fail if it is too large.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{http.MaxBytesReader(nil, resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
