package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

// credentials are what a server asks of its clients; the zero value is for a server that asks nothing.
type credentials struct {
	header http.Header
	sigv4  *sigv4
}

var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)

// credentials reads the flags. Its errors never repeat a header's value.
func (r *remote) credentials(u *url.URL) (c credentials, err error) {
	if c.header, err = parseHeaders(r.Header); err != nil {
		return c, err
	}
	if r.SigV4 != "" {
		if !awsRegion.MatchString(r.SigV4) {
			return c, fmt.Errorf("--sigv4 %q is no region of AWS, such as us-east-1", r.SigV4)
		}
		if c.header.Get("Authorization") != "" {
			return c, fmt.Errorf("--sigv4 and --header Authorization exclude each other: both are that header")
		}
		c.sigv4 = newSigV4(r.SigV4)
	}
	if !c.none() && u.Scheme != "https" && !loopbackName(u.Hostname()) {
		return c, fmt.Errorf("--url %s: credentials (--sigv4, --header) are sent over https or to loopback only", u)
	}
	return c, nil
}

func (c credentials) none() bool { return c.sigv4 == nil && len(c.header) == 0 }

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
	if c.sigv4 == nil {
		return nil
	}
	return c.sigv4.sign(r, body, time.Now())
}

// redirect keeps credentials from following a redirect to another host.
func (c credentials) redirect() func(*http.Request, []*http.Request) error {
	if c.none() {
		return nil
	}
	return func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// sigv4 signs requests to API Gateway with the credentials that the AWS CLI would use. They are looked up with the
// first request, since that reads files and may call a metadata service.
type sigv4 struct {
	region   string
	provider func() (aws.CredentialsProvider, error)
}

func newSigV4(region string) *sigv4 {
	return &sigv4{region: region, provider: sync.OnceValues(func() (aws.CredentialsProvider, error) {
		cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(region))
		return cfg.Credentials, err
	})}
}

func (s *sigv4) sign(r *http.Request, body []byte, now time.Time) error {
	provider, err := s.provider()
	if err != nil {
		return usage(fmt.Errorf("--sigv4 %s: the AWS configuration: %w", s.region, err))
	}
	keys, err := provider.Retrieve(r.Context())
	if err != nil {
		return usage(fmt.Errorf("--sigv4 %s: no AWS credentials: %w", s.region, err))
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), "execute-api", s.region, now)
}
