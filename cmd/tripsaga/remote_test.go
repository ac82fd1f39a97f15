package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const secret = "Bearer s3cr3t"

// TestHeaders sees the header arrive, from the command line and the environment, and nowhere else.
func TestHeaders(t *testing.T) {
	var got []string
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"message":"Unauthorized"}`)
	}))
	defer ts.Close()
	code, stdout, stderr := command(t, ts.URL, "trips", "--header", "Authorization: "+secret, "--header", "x-api-key:k,1")
	if code != exitUsage || !strings.Contains(stderr, "401 Unauthorized") || strings.Contains(stdout+stderr, "s3cr3t") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	t.Setenv("TRIPSAGA_HEADER", "Authorization: "+secret)
	if _, stdout, _ := command(t, ts.URL, "trips", "--help"); strings.Contains(stdout, "s3cr3t") {
		t.Errorf("the help tells the header:\n%s", stdout)
	}
	command(t, ts.URL, "trips")
	if want := []string{secret + " k,1", secret + " "}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCredentialsStay does not let a redirect carry them away.
func TestCredentialsStay(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere++
		io.WriteString(w, `{"trips":[]}`)
	}))
	defer other.Close()
	ts := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer ts.Close()
	code, _, stderr := command(t, ts.URL, "trips", "--header", "X-Api-Key: k")
	if code != exitFailure || elsewhere != 0 || !strings.Contains(stderr, "307 Temporary Redirect") {
		t.Errorf("exit %d, %d calls elsewhere, %s", code, elsewhere, stderr)
	}
	if code, _, _ := command(t, ts.URL, "trips"); code != 0 || elsewhere != 1 {
		t.Errorf("without credentials: exit %d, %d calls elsewhere", code, elsewhere)
	}
}

// refusedCredentials is a command line that names credentials which must not be sent.
type refusedCredentials struct {
	url  string
	args []string
	want string
}

func (c refusedCredentials) check(t *testing.T) {
	t.Helper()
	code, _, stderr := command(t, c.url, append([]string{"trips"}, c.args...)...)
	if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "s3cr3t") {
		t.Errorf("%s %q: exit %d, %s", c.url, c.args, code, stderr)
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	for _, c := range []refusedCredentials{
		{"http://example.com", []string{"--header", "Authorization: " + secret}, "over https or to loopback only"},
		{"http://localhost.example.com", []string{"--header", "Authorization: " + secret}, "over https or to loopback only"},
		{"https://example.com", []string{"--header", "s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "Bad Name: s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "A: s3cr3t\r\nB: s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "host: s3cr3t"}, "--header host: the client sets this one"},
		{"https://ada:s3cr3t@example.com", nil, "allowed are a scheme, a host and a path"},
		{"https://example.com/?key=1", nil, "allowed are a scheme, a host and a path"},
	} {
		c.check(t)
	}
}

func TestCredentialsAreAllowed(t *testing.T) {
	for _, target := range []string{"https://example.com/prod", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:80"} {
		r := remote{URL: target, Header: []string{"Authorization: " + secret}}
		if _, err := r.client(); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestNoEventFeed(t *testing.T) {
	for _, answer := range []http.HandlerFunc{
		says(404, `{"message":"Not Found"}`), says(404, history404), says(501, ""),
		says(501, `{"title":"Not Implemented","status":501,"name":"NotImplemented","detail":"no feed"}`),
	} {
		s := &scripted{answers: map[string][]http.HandlerFunc{"GET /events": {answer}}}
		code, _, stderr := try(t, t.Context(), s, "events", "--follow")
		if code != exitFailure || !strings.Contains(stderr, "the events of this deployment are on its event bus") {
			t.Errorf("exit %d, %s", code, stderr)
		}
	}
}
