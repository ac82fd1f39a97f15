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

// InFlight is the default for the most calls at a time. With calls of half a second it is above Stripe's limit of 100
// calls a second.
const InFlight = 64

// Timeout is the default for the longest call. ProcessPayment's function has more time.
const Timeout = 15 * time.Second

const (
	maxAnswer    = 1 << 20         // bytes of an answer; a page of 100 refunds has about 100 KB
	breakerAfter = 10              // consecutive outages open the breaker
	breakerOpen  = 5 * time.Second // then one call finds out whether Stripe is back
)

// gate keeps an outage of Stripe from taking more than a bounded number of goroutines and connections: a call beyond the
// limit, or during an outage that others have found, fails immediately. The saga waits and retries.
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

// isOutage reports an error that may be one of Stripe as a whole. Stripe answers each decline, limit and stored error.
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
		return result, refuse(busy, "%d calls to Stripe are under way, which is the limit", cap(g.slots))
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

// client follows no redirect: the key goes to Stripe alone.
func client(next http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     bounded{next},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport has connections for as many calls as can be under way.
func transport(inFlight int) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = inFlight, inFlight
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// bounded fails the reading of an answer that is too large.
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
