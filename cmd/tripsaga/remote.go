package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"tripsaga/trip/client"
)

// remote is the flags of the verbs that call a server.
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

// client returns a client of the server that the flags name. Errors never repeat a header's value.
func (r *remote) client() (*client.Client, error) {
	opt := client.Options{Explain: explain}
	var err error
	// The address is checked first: its errors are more to the point than those of credentials for it.
	if _, err = client.New(r.URL, opt); err != nil {
		return nil, usage(fmt.Errorf("--url %w", err))
	}
	if opt.Header, err = parseHeaders(r.Header); err != nil {
		return nil, usage(err)
	}
	for _, s := range r.Signing {
		if opt.Sign, err = s.(signing).signer(); err != nil {
			return nil, usage(err)
		}
	}
	if opt.Sign != nil && opt.Header.Get("Authorization") != "" {
		return nil, usage(errors.New("--sigv4 and --header Authorization exclude each other: both are that header"))
	}
	c, err := client.New(r.URL, opt)
	if errors.Is(err, client.ErrInsecure) {
		return nil, usage(fmt.Errorf("--url %s: credentials (--sigv4, --header) are sent over https or to loopback only", r.URL))
	}
	return c, err
}

// headerLine is a field name and a field value (RFC 9110, section 5).
var headerLine = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \\t]*([^\\x00-\\x08\\x0a-\\x1f\\x7f]+)$")

func parseHeaders(lines []string) (http.Header, error) {
	all := http.Header{}
	for _, line := range lines {
		m := headerLine.FindStringSubmatch(line)
		if m == nil {
			return nil, errors.New("--header: allowed is 'Name: value', such as 'Authorization: Bearer ...' (what was given is not shown)")
		}
		switch http.CanonicalHeaderKey(m[1]) {
		case "Host", "Content-Length", "Transfer-Encoding":
			return nil, fmt.Errorf("--header %s: the client sets this one", m[1])
		}
		all.Add(m[1], strings.TrimRight(m[2], " \t"))
	}
	return all, nil
}

// errInterrupted is a call that an interrupt has ended.
var errInterrupted = interruption{os.Interrupt}

// explain gives the error of a call its exit code, and says what can be done about it.
func explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err // fail reports the signal
	}
	code := callExitCode(err)
	var g *client.GatewayError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		err = fmt.Errorf("--url %w", err)
	case errors.Is(err, client.ErrNoServer):
		err = fmt.Errorf("%w: start one with `tripsaga serve`, or name another with --url", err)
	case errors.As(err, &g) && (g.Status == http.StatusUnauthorized || g.Status == http.StatusForbidden):
		err = fmt.Errorf("%w\nit may ask for credentials: --sigv4 REGION, or --header 'Authorization: Bearer ...'", err)
	}
	return &exitError{code: code, err: err}
}

func callExitCode(err error) int {
	var unknown *client.UnknownOutcomeError
	var p *client.Problem
	var g *client.GatewayError
	switch {
	case errors.As(err, &unknown):
		return exitUnknown
	case errors.As(err, &p):
		return statusExitCode(p.Status)
	case errors.As(err, &g):
		return statusExitCode(g.Status)
	case errors.Is(err, http.ErrSchemeMismatch):
		return exitUsage
	case client.NoAnswer(err), client.TookTooLong(err):
		return exitUnavailable
	}
	return exitFailure
}

// statusExitCode is the exit code of an answer that is no success.
func statusExitCode(status int) int {
	switch {
	case client.Unavailable(status):
		return exitUnavailable
	case status == http.StatusNotFound, status == http.StatusConflict, status < 400, status >= 500:
		return exitFailure
	}
	return exitUsage
}

// unsure adds to the error of a write whose outcome is unknown how to find it out.
func unsure(err error, how string) error {
	var unknown *client.UnknownOutcomeError
	if !errors.As(err, &unknown) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	return &exitError{code: exitUnknown, err: fmt.Errorf("%w\n%s", err, how)}
}
