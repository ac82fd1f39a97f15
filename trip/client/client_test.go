package client

import (
	"io"
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
