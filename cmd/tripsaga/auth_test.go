package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var signingKeys = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/EXAMPLEKEY", SessionToken: "session-of-a-role"}

// withKeys makes the keys the only ones that the SDK finds.
func withKeys(t *testing.T, keys aws.Credentials) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// signedRight signs what arrived again, with the same keys, at the time that the request tells, and compares.
func signedRight(r *http.Request, body []byte, region string) error {
	got := r.Header.Get("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		return fmt.Errorf("X-Amz-Date %q: %v", r.Header.Get("X-Amz-Date"), err)
	}
	_, list, _ := strings.Cut(got, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.RequestURI, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(list, ";") {
		if values := r.Header.Values(name); name != "content-length" && len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), signingKeys, again, hex.EncodeToString(sum[:]), "execute-api", region, at)
	if want := again.Header.Get("Authorization"); err != nil || got != want {
		return fmt.Errorf("%s %s: Authorization\n%q, want\n%q (%v)", r.Method, r.RequestURI, got, want, err)
	}
	return nil
}

// stage is a deployment behind API Gateway: under a path of its own, for those only who sign.
func stage(t *testing.T, server string) *gateway {
	return &gateway{before: func(w http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		if err := signedRight(r, body, "eu-central-1"); err != nil {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"The request signature we calculated does not match"}`)
			t.Log(err)
			return true
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		http.StripPrefix("/prod", http.HandlerFunc(func(_ http.ResponseWriter, stripped *http.Request) { *r = *stripped })).ServeHTTP(w, r)
		return false
	}}
}

// TestBehindAStage runs whole checks, that is calls with and without bodies and queries, signed and under a prefix.
func TestBehindAStage(t *testing.T) {
	withKeys(t, signingKeys)
	server := serving(t, plenty)
	url := startGateway(t, server, stage(t, server)) + "/prod/"
	for _, args := range [][]string{happyArgs, {"compensation"}} {
		code, stdout, stderr := check(t, url, append(args, "--sigv4", "eu-central-1")...)
		if code != 0 {
			t.Errorf("%s: exit %d\n%s%s", args, code, stdout, stderr)
		}
	}
	code, _, stderr := command(t, url, "trips", "--sigv4", "us-east-1")
	if code != exitUsage || !strings.Contains(stderr, "403 Forbidden") || !strings.Contains(stderr, "--sigv4 REGION") {
		t.Errorf("signed for another region: exit %d, %s", code, stderr)
	}
	other := signingKeys
	other.SecretAccessKey = "another"
	withKeys(t, other)
	if code, _, _ := command(t, url, "trips", "--sigv4", "eu-central-1"); code != exitUsage {
		t.Errorf("signed with other keys: exit %d", code)
	}
}

func TestNoKeys(t *testing.T) {
	withKeys(t, aws.Credentials{})
	code, _, stderr := command(t, "http://127.0.0.1:1", "trips", "--sigv4", "eu-central-1")
	if code != exitUsage || !strings.Contains(stderr, "--sigv4 eu-central-1: no AWS credentials: ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

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

func TestCredentialsAreRefused(t *testing.T) {
	for _, c := range []struct {
		url  string
		args []string
		want string
	}{
		{"http://example.com", []string{"--sigv4", "us-east-1"}, "over https or to loopback only"},
		{"http://example.com", []string{"--header", "Authorization: " + secret}, "over https or to loopback only"},
		{"http://localhost.example.com", []string{"--header", "Authorization: " + secret}, "over https or to loopback only"},
		{"https://example.com", []string{"--sigv4", "Frankfurt"}, `--sigv4 "Frankfurt" is no region`},
		{"https://example.com", []string{"--sigv4", "us-east-1", "--header", "authorization: " + secret}, "exclude each other"},
		{"https://example.com", []string{"--header", "s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "Bad Name: s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "A: s3cr3t\r\nB: s3cr3t"}, "allowed is 'Name: value'"},
		{"https://example.com", []string{"--header", "host: s3cr3t"}, "--header host: the client sets this one"},
		{"https://ada:s3cr3t@example.com", nil, "allowed are a scheme, a host and a path"},
		{"https://example.com/?key=1", nil, "allowed are a scheme, a host and a path"},
	} {
		code, _, stderr := command(t, c.url, append([]string{"trips"}, c.args...)...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "s3cr3t") {
			t.Errorf("%s %q: exit %d, %s", c.url, c.args, code, stderr)
		}
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

// TestGatewayIsBusy tries again after what a gateway says, too, for calls that may be repeated.
func TestGatewayIsBusy(t *testing.T) {
	for status, wantTries := range map[int]int{429: maxTries, 502: maxTries, 503: maxTries, 504: maxTries, 500: 1, 403: 1} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := &client{base: "http://server", http: http.Client{Transport: wire(func(r *http.Request) (*http.Response, error) {
				tries++
				return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: r,
					Body: io.NopCloser(strings.NewReader(`{"message":"busy"}`))}, nil
			})}}
			start := time.Now()
			err := c.get(t.Context(), "/trips", url.Values{}, nil)
			took := time.Since(start)
			if err == nil || tries != wantTries || took != time.Duration(tries-1)*gatewayWait {
				t.Errorf("%d: %d tries in %s, %v", status, tries, took, err)
			}
		})
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
