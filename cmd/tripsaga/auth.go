package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// credentials are what a server asks of its clients; the zero value is for a server that asks nothing.
type credentials struct {
	header http.Header
	sign   func(r *http.Request, body []byte) error // nil: not signed
}

// credentials reads the flags. Its errors never repeat a header's value.
func (r *remote) credentials(u *url.URL) (c credentials, err error) {
	if c.header, err = parseHeaders(r.Header); err != nil {
		return c, err
	}
	for _, s := range r.Signing {
		if c.sign, err = s.(signing).signer(); err != nil {
			return c, err
		}
	}
	if c.sign != nil && c.header.Get("Authorization") != "" {
		return c, fmt.Errorf("--sigv4 and --header Authorization exclude each other: both are that header")
	}
	if !c.none() && u.Scheme != "https" && !loopbackName(u.Hostname()) {
		return c, fmt.Errorf("--url %s: credentials (--sigv4, --header) are sent over https or to loopback only", u)
	}
	return c, nil
}

func (c credentials) none() bool { return c.sign == nil && len(c.header) == 0 }

func loopbackName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// headerLine is a field name and a field value (RFC 9110, section 5).
var headerLine = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \\t]*([^\\x00-\\x08\\x0a-\\x1f\\x7f]+)$")

func parseHeaders(lines []string) (http.Header, error) {
	all := http.Header{}
	for _, line := range lines {
		m := headerLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("--header: allowed is 'Name: value', such as 'Authorization: Bearer ...' (what was given is not shown)")
		}
		switch http.CanonicalHeaderKey(m[1]) {
		case "Host", "Content-Length", "Transfer-Encoding":
			return nil, fmt.Errorf("--header %s: the client sets this one", m[1])
		}
		all.Add(m[1], strings.TrimRight(m[2], " \t"))
	}
	return all, nil
}

// add puts the credentials on a request that is otherwise complete.
func (c credentials) add(r *http.Request, body []byte) error {
	for name, values := range c.header {
		if r.Header.Get(name) == "" {
			r.Header[name] = values
		}
	}
	if c.sign == nil {
		return nil
	}
	return c.sign(r, body)
}

// redirect keeps credentials from following a redirect to another host.
func (c credentials) redirect() func(*http.Request, []*http.Request) error {
	if c.none() {
		return nil
	}
	return func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}
