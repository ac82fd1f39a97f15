// Package client calls the REST API of a deployment: one machine's tripsaga serve, or AWS behind API Gateway. The command,
// the verification of a deployment (package check) and the tests of load and crashes use it.
//
// Calls that can safely be repeated (reads, an inventory, a booking with its Idempotency-Key) are retried when the server is
// busy or the connection breaks. Errors.As finds the types of failure:
//
//   - [*Problem]: the server refuses the request; its Name is stable and made for programs
//   - [*GatewayError]: something before the server answered
//   - [*UnknownOutcomeError]: it is unknown whether the server has carried out the request
//
// and errors.Is finds [ErrNoServer] and context.Canceled. Package wire has the types of the answers.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	callTimeout = time.Minute // of one try; a stream of events has no time-out
	longestWait = 30 * time.Second
	brokenWait  = 200 * time.Millisecond // before the next try, on a new connection

	// gatewayWait is short enough for a cold start and long enough for a gateway that limits requests by the second.
	gatewayWait = time.Second
)

// MaxTries is how often a call is sent before its last error is returned.
const MaxTries = 5

// Options configure a client. The zero value is for a server that requires no credentials.
type Options struct {
	// Header is sent with each request that does not set the same field itself. It is a credential: it is never sent
	// unencrypted to another machine and never after a redirect.
	Header http.Header
	// Sign adds credentials to an otherwise complete request; body is the request's body. A call returns its error unchanged.
	Sign func(r *http.Request, body []byte) error
	// Explain adds advice for the user to the error of a call. It must wrap the error.
	Explain func(error) error
	// Transport sends the requests; default: http.DefaultTransport.
	Transport http.RoundTripper
}

// Client calls one deployment. Its methods may be called concurrently. Each returns the error of its context when that
// ends first.
type Client struct {
	base string
	opt  Options
	http http.Client
}

// ErrInsecure means that credentials would be sent over plain HTTP to another machine.
var ErrInsecure = errors.New("credentials are sent over https or to loopback only")

// New returns a client of the server at base, such as http://127.0.0.1:8080 or https://api.example.com/stage. It makes no
// call. Errors, which never show a password in base: base is not the address of a server; [ErrInsecure].
func New(base string, opt Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || !portAllowed(u.Port()) {
		return nil, fmt.Errorf("%q is not the address of a server, such as http://127.0.0.1:8080", hidden(base))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: allowed are a scheme, a host and a path", u.Redacted())
	}
	c := &Client{base: strings.TrimRight(base, "/"), opt: opt, http: http.Client{Transport: opt.Transport}}
	if opt.Sign == nil && len(opt.Header) == 0 {
		return c, nil
	}
	if u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s: %w", u, ErrInsecure)
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Base returns the address of the server, without a trailing slash.
func (c *Client) Base() string { return c.base }

func portAllowed(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 1<<16
}

// hidden returns an address without parts that may contain a password.
func hidden(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "...@" + address[i+1:]
	}
	return address
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	repeatable   bool // without harm
	heavy        bool // if it took too long once, it will do so again
}

func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true}, into)
}

// do sends the call, with retries, and decodes the answer.
func (c *Client) do(ctx context.Context, k call, into any) error {
	for try := 1; ; try++ {
		wait, err := c.try(ctx, k, into)
		if err == nil {
			return nil
		}
		if !k.repeatable || wait == 0 || try == MaxTries || k.heavy && TookTooLong(err) {
			return c.failed(k, err)
		}
		if !sleep(ctx, wait) {
			return c.failed(k, ctx.Err())
		}
	}
}

// failed completes the error of a call.
func (c *Client) failed(k call, err error) error {
	var s *signError
	if errors.As(err, &s) {
		return s.error
	}
	if k.method != http.MethodGet && unknown(err) {
		err = &UnknownOutcomeError{err}
	}
	if c.opt.Explain != nil {
		err = c.opt.Explain(err)
	}
	return err
}

// try sends the call once. wait is the time after which another try makes sense; 0 if it does not.
func (c *Client) try(ctx context.Context, k call, into any) (wait time.Duration, err error) {
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
		return brokenWait, canceled(fmt.Errorf("the answer of %s%s: %w", c.base, k.path, err))
	}
	return 0, nil
}

// send returns a successful answer, whose body is open.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
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
	if err := c.authorize(r, k.body); err != nil {
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

func (c *Client) authorize(r *http.Request, body []byte) error {
	for name, values := range c.opt.Header {
		if r.Header.Get(name) == "" {
			r.Header[name] = values
		}
	}
	if c.opt.Sign == nil {
		return nil
	}
	if err := c.opt.Sign(r, body); err != nil {
		return &signError{canceled(err)}
	}
	return nil
}

// signError is an error of Options.Sign.
type signError struct{ error }

func (s *signError) Unwrap() error { return s.error }

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
