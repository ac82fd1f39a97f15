package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestGatewayIsBusy tries again after what a gateway says, too, for calls that may be repeated.
func TestGatewayIsBusy(t *testing.T) {
	for status, wantTries := range map[int]int{429: MaxTries, 502: MaxTries, 503: MaxTries, 504: MaxTries, 500: 1, 403: 1} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c, _ := New("http://server", Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				tries++
				return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: r,
					Body: io.NopCloser(strings.NewReader(`{"message":"busy"}`))}, nil
			})})
			start := time.Now()
			err := c.get(t.Context(), "/trips", nil, nil)
			took := time.Since(start)
			if err == nil || tries != wantTries || took != time.Duration(tries-1)*gatewayWait {
				t.Errorf("%d: %d tries in %s, %v", status, tries, took, err)
			}
		})
	}
}

// roundTrip answers calls without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWhatMayHaveHappened tells errors of writes after which nobody knows whether they were carried out.
func TestWhatMayHaveHappened(t *testing.T) {
	answer := func(status int, body string) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		}
	}
	fails := func(err error) roundTrip {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	for name, c := range map[string]struct {
		server  roundTrip
		unknown bool
	}{
		"refused":          {answer(422, `{"title":"t","status":422,"name":"InvalidRequest"}`), false},
		"limited":          {answer(429, `{"title":"t","status":429,"name":"Throttled"}`), false},
		"busy":             {answer(503, `{"title":"t","status":503,"name":"ServiceUnavailable"}`), false},
		"gateway is busy":  {answer(503, ""), true},
		"gateway limits":   {answer(429, ""), false},
		"gateway forbids":  {answer(403, ""), false},
		"no server":        {fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), false},
		"connection broke": {fails(io.ErrUnexpectedEOF), true},
		"timeout":          {fails(context.DeadlineExceeded), true},
		"interrupted":      {fails(context.Canceled), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New("http://server", Options{Transport: c.server})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Book(t.Context(), "", nil)
			var unknown *UnknownOutcomeError
			if err == nil || errors.As(err, &unknown) != c.unknown {
				t.Errorf("%s: %T %v, unknown outcome: want %v", name, err, err, c.unknown)
			}
			if _, err = client.Trip(t.Context(), "t1"); err == nil || errors.As(err, &unknown) {
				t.Errorf("%s: a read failed with %T %v", name, err, err)
			}
		})
	}
}
