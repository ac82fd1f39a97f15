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
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// remote is what the commands share that talk to a server.
type remote struct {
	URL     string       `help:"Address of the server; it may have a path, such as a stage of API Gateway." default:"http://127.0.0.1:8080" env:"TRIPSAGA_URL" name:"url"`
	Signing kong.Plugins `embed:""` // each a signing
	Header  []string     `help:"Send this header with each request; may be repeated. It is never printed." env:"TRIPSAGA_HEADER" sep:"none" placeholder:"'NAME: VALUE'"`
	JSON    bool         `help:"Print JSON, and nothing else, on the standard output." name:"json"`
}

// signing signs requests, when its flag asks for it.
type signing interface {
	// signer returns nil when requests are not to be signed. Errors: a value that is not allowed.
	signer() (func(r *http.Request, body []byte) error, error)
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
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || !portAllowed(u.Port()) {
		return nil, usage(fmt.Errorf("--url %q is no address of a server, such as http://127.0.0.1:8080", hidden(r.URL)))
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

func portAllowed(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 1<<16
}

// hidden is an address without what may be a password in it.
func hidden(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "...@" + address[i+1:]
	}
	return address
}

// call is one request. Only what may be repeated without harm is tried again when the server is busy or the connection
// breaks: reading, and a booking under its key.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	repeatable   bool
	heavy        bool   // when it took too long once, it will again
	unsure       string // of a write: what to say when its outcome is unknown
}

func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true}, into)
}

// do sends the call and decodes the answer. Errors, with their exit codes: *serverProblem, errNoServer, errInterrupted,
// those of the connection.
func (c *client) do(ctx context.Context, k call, into any) error {
	for try := 1; ; try++ {
		wait, err := c.try(ctx, k, into)
		if err == nil || !k.repeatable || wait == 0 || try == maxTries || k.heavy && tookTooLong(err) {
			return k.failed(err)
		}
		if !sleep(ctx, wait) {
			return k.failed(errInterrupted)
		}
	}
}

// failed gives the error of a call its exit code, and says what may have happened when nobody knows.
func (k call) failed(err error) error {
	var own *exitError
	if err == nil || errors.As(err, &own) {
		return err
	}
	code := k.exitCode(err)
	interrupted := errors.Is(err, context.Canceled)
	switch {
	case k.unsure != "" && (code == exitUnknown || interrupted):
		return &exitError{code: code, err: fmt.Errorf("%w\n%s", err, k.unsure)}
	case interrupted:
		return errInterrupted
	}
	return &exitError{code: code, err: err}
}

func (k call) exitCode(err error) int {
	var p *serverProblem
	var g *gatewayError
	switch {
	case errors.As(err, &p):
		return statusExitCode(p.Status)
	case errors.As(err, &g):
		if code := statusExitCode(g.status); code != exitUnavailable || k.method == http.MethodGet || g.status == http.StatusTooManyRequests {
			return code
		}
		return exitUnknown
	case errors.Is(err, http.ErrSchemeMismatch):
		return exitUsage
	case errors.Is(err, errNoServer):
		return exitUnavailable
	case !lost(err) && !tookTooLong(err):
		return exitFailure
	case k.method == http.MethodGet:
		return exitUnavailable
	}
	return exitUnknown
}

// statusExitCode is the exit code of an answer that is no success.
func statusExitCode(status int) int {
	switch status {
	case http.StatusNotFound, http.StatusConflict, http.StatusInternalServerError, http.StatusNotImplemented:
		return exitFailure
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnavailable
	}
	if status >= 400 && status < 500 {
		return exitUsage
	}
	return exitFailure
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
	errInterrupted = interruption{os.Interrupt}
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
		why := ""
		if !errors.Is(err, syscall.ECONNREFUSED) {
			why = " (" + op.Err.Error() + ")"
		}
		return fmt.Errorf("%w at %s%s: start one with `tripsaga serve`, or name another with --url", errNoServer, c.base, why)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("--url %s: %w", c.base, err)
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
