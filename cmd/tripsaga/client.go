package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// remote is what the commands share that talk to a server.
type remote struct {
	URL    string   `help:"Address of the server; it may have a path, such as a stage of API Gateway." default:"http://127.0.0.1:8080" env:"TRIPSAGA_URL" name:"url"`
	SigV4  string   `help:"Sign each request for API Gateway in this AWS region, with the credentials that the AWS CLI would use." env:"TRIPSAGA_SIGV4" name:"sigv4" placeholder:"REGION"`
	Header []string `help:"Send this header with each request; may be repeated. It is never printed." env:"TRIPSAGA_HEADER" sep:"none" placeholder:"'NAME: VALUE'"`
	JSON   bool     `help:"Print JSON, and nothing else, on the standard output." name:"json"`
}

// client talks to one server.
type client struct {
	base        string
	credentials credentials
	http        http.Client
}

const (
	callTimeout = time.Minute
	maxTries    = 5
	longestWait = 30 * time.Second
	brokenWait  = 200 * time.Millisecond // before another try on a new connection
)

func (r *remote) client() (*client, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage(fmt.Errorf("--url %q is no address of a server, such as http://127.0.0.1:8080", r.URL))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usage(fmt.Errorf("--url %s: allowed are a scheme, a host and a path", u.Redacted()))
	}
	c, err := r.credentials(u)
	if err != nil {
		return nil, usage(err)
	}
	return &client{
		base: strings.TrimRight(r.URL, "/"), credentials: c, http: http.Client{CheckRedirect: c.redirect()},
	}, nil
}

// call is one request. Only what may be repeated without harm is tried again when the server is busy or the connection
// breaks: reading, and a booking under its key.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	repeatable   bool
	heavy        bool // when it took too long once, it will again
}

func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true}, into)
}

// do sends the call and decodes the answer. Errors: *serverProblem, errNoServer, errInterrupted, those of the connection.
func (c *client) do(ctx context.Context, k call, into any) error {
	for try := 1; ; try++ {
		wait, err := c.try(ctx, k, into)
		if err == nil || !k.repeatable || wait == 0 || try == maxTries || k.heavy && tookTooLong(err) {
			return err
		}
		if !sleep(ctx, wait) {
			return errInterrupted
		}
	}
}

// try reports after which time another try makes sense; 0 is never.
func (c *client) try(ctx context.Context, k call, into any) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.send(ctx, k)
	if err != nil {
		return waitAfter(err), err
	}
	defer answer.Body.Close()
	if into == nil {
		return 0, nil
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return brokenWait, fmt.Errorf("the answer of %s%s: %w", c.base, k.path, err)
	}
	return 0, nil
}

var (
	errNoServer    = errors.New("no server")
	errInterrupted = &exitError{code: interrupted, err: errors.New("interrupted")}
)

// waitAfter is the server's wish, a moment when the connection broke, or 0 when nothing will get better.
func waitAfter(err error) time.Duration {
	var p *serverProblem
	var g *gatewayError
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

// lost tells that no connection came about or that it broke, so that there is no answer.
func lost(err error) bool {
	var request *url.Error
	var network *net.OpError
	return errors.Is(err, errNoServer) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.As(err, &request) || errors.As(err, &network)
}

// send gives a successful answer, whose body is open.
func (c *client) send(ctx context.Context, k call) (*http.Response, error) {
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, k.method, target, bytes.NewReader(k.body))
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		r.Header[name] = values
	}
	if err := c.credentials.add(r, k.body); errors.Is(err, context.Canceled) {
		return nil, errInterrupted
	} else if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, problemOf(answer)
}

func (c *client) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w at %s: start one with `tripsaga serve`, or name another with --url", errNoServer, c.base)
	}
	return err
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
