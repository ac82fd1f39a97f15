package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tripsaga/shared/text"
	"tripsaga/trip/wire"
)

// ErrNoServer means that nothing accepts connections at the address: nothing was done.
var ErrNoServer = errors.New("no server")

// Problem is an error that the server reports.
type Problem struct {
	wire.Problem
	wait time.Duration // the server's Retry-After; 0 if another try makes no sense
}

// Error lists every wrong field, without control characters for a terminal.
func (p *Problem) Error() string {
	if len(p.Errors) == 0 {
		return text.Visible(p.Name) + ": " + text.Visible(p.Detail)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the server refuses it:", p.Name)
	for _, e := range p.Errors {
		b.WriteString("\n  ")
		if location := strings.TrimPrefix(e.Location, "body."); location != "body" {
			b.WriteString(text.Visible(location) + ": ")
		}
		b.WriteString(text.Visible(e.Message))
		if value, ok := e.Value.(string); ok && value != "" {
			fmt.Fprintf(&b, " (it is %.80q)", value)
		}
	}
	return b.String()
}

// GatewayError is an answer that is not the API's: a gateway's, a proxy's or another server's.
type GatewayError struct {
	Status  int // of HTTP
	message string
	wait    time.Duration // as in Problem
}

func (g *GatewayError) Error() string { return g.message }

// UnknownOutcomeError wraps the error of a write that the server may have carried out: it did not answer, its answer could not
// be read, or the context ended first.
type UnknownOutcomeError struct{ Err error }

func (u *UnknownOutcomeError) Error() string { return u.Err.Error() }

// Unwrap returns Err.
func (u *UnknownOutcomeError) Unwrap() error { return u.Err }

// unknown reports whether a request that failed with err may have been carried out.
func unknown(err error) bool {
	var g *GatewayError
	if errors.As(err, &g) {
		return g.Status != http.StatusTooManyRequests && Unavailable(g.Status)
	}
	var p *Problem
	return !errors.As(err, &p) && !errors.Is(err, ErrNoServer) && !errors.Is(err, http.ErrSchemeMismatch) &&
		(NoAnswer(err) || TookTooLong(err) || errors.Is(err, context.Canceled))
}

// Unavailable reports whether an HTTP status means that the request may succeed later, unchanged.
func Unavailable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// NoAnswer reports whether there was no connection, or it broke before the whole answer had arrived.
func NoAnswer(err error) bool {
	var request *url.Error
	var network *net.OpError
	return errors.Is(err, ErrNoServer) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.As(err, &request) || errors.As(err, &network)
}

// FromGateway reports whether err is a [*GatewayError].
func FromGateway(err error) bool {
	var g *GatewayError
	return errors.As(err, &g)
}

// TookTooLong reports whether a gateway, or this client, has given up waiting for the server.
func TookTooLong(err error) bool { return FromGateway(err) || errors.Is(err, context.DeadlineExceeded) }

// NotFound reports whether the server answered that the requested resource does not exist.
func NotFound(err error) bool { return problemStatus(err) == http.StatusNotFound }

// NoSuchRoute reports whether the deployment does not offer this part of the API.
func NoSuchRoute(err error) bool {
	status := problemStatus(err)
	var g *GatewayError
	if errors.As(err, &g) {
		status = g.Status
	}
	return status == http.StatusNotFound || status == http.StatusNotImplemented
}

// problemStatus is 0 when err is not a [*Problem].
func problemStatus(err error) int {
	var p *Problem
	if !errors.As(err, &p) {
		return 0
	}
	return p.Status
}

func problemOf(answer *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	p := &Problem{}
	if json.Unmarshal(body, &p.Problem) != nil || p.Title == "" {
		return gatewayError(answer, body)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		p.wait = time.Millisecond
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			p.wait = min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	return p
}

func gatewayError(answer *http.Response, body []byte) error {
	g := &GatewayError{
		Status:  answer.StatusCode,
		message: fmt.Sprintf("the server answered %s: %s", answer.Status, text.Visible(fmt.Sprintf("%.200s", body))),
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		g.wait = gatewayWait
	}
	return g
}

// waitAfter returns the time before the next try: the server's Retry-After, a short wait if the connection broke, or 0 if a
// retry would fail in the same way.
func waitAfter(err error) time.Duration {
	var p *Problem
	var g *GatewayError
	var broken *url.Error
	switch {
	case errors.As(err, &p):
		return p.wait
	case errors.As(err, &g):
		return g.wait
	case errors.As(err, &broken):
		return brokenWait
	}
	return 0
}

// canceled returns context.Canceled itself instead of an error that wraps it with the request.
func canceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return err
}

func (c *Client) unreachable(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s: %w", c.base, err)
	case errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled):
		why := ""
		if !errors.Is(err, syscall.ECONNREFUSED) {
			why = " (" + op.Err.Error() + ")"
		}
		return fmt.Errorf("%w at %s%s", ErrNoServer, c.base, why)
	}
	return canceled(err)
}
