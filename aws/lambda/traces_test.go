package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tripsaga/telemetry"
)

var keys = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "the-secret", SessionToken: "the-token"}

// receiver takes traces as X-Ray's OTLP endpoint does: it refuses what is not signed for X-Ray, or is no protobuf.
type receiver struct {
	t     *testing.T
	mu    sync.Mutex
	spans []*tracepb.Span
	asked int
}

func (x *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked++
	body, _ := io.ReadAll(r.Body)
	var data tracepb.TracesData
	switch {
	case !signed(x.t, r, body):
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &data) != nil:
		w.WriteHeader(http.StatusBadRequest)
	}
	for _, resource := range data.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			x.spans = append(x.spans, scope.Spans...)
		}
	}
}

// signed reports whether the signature is the one that the keys make of this body, for X-Ray and at the request's time.
func signed(t *testing.T, r *http.Request, body []byte) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, again, hex.EncodeToString(sum[:]), "xray", "eu-west-1", at); err != nil {
		t.Error(err)
	}
	return r.Header.Get("Authorization") == again.Header.Get("Authorization") && r.Header.Get("X-Amz-Security-Token") == keys.SessionToken
}

// booked books through the API's function, with traces to the endpoint.
func booked(t *testing.T, ctx context.Context, endpoint string, change func(*config)) (response gatewayResponse, log string) {
	t.Helper()
	w := newWorld(t)
	c := config{
		function: "Api", version: "7", otlpTraces: endpoint + "/v1/traces", otlpSigned: true, xray: "127.0.0.1:1", region: "eu-west-1",
		accessKeyID: keys.AccessKeyID, secretAccessKey: keys.SecretAccessKey, sessionKey: keys.SessionToken,
	}
	change(&c)
	var lost lostSpans // written by the exporter's goroutine
	traces, err := c.traces(telemetry.NewLogger(&lost, nil, telemetry.FormatJSON))
	if err != nil {
		t.Fatal(err)
	}
	w.observer.Traces = traces
	w.app.Starter = tracedStarter{w.sagas, traces}
	payload, err := json.Marshal(event(t, func(g *gatewayRequest) {
		g.RawPath, g.RawQueryString, g.Body, g.Headers["idempotency-key"] = "/trips", "", booking, "k1"
	}))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := w.invocation(newAPI(w.system))(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply, &response); err != nil {
		t.Fatal(err)
	}
	return response, lost.String()
}

// lostSpans is the log of an exporter.
type lostSpans struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lostSpans) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lostSpans) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Traces are at X-Ray before the invocation ends, since Lambda freezes the process after it.
func TestTracesAreSignedForXRay(t *testing.T) {
	x := &receiver{t: t}
	server := httptest.NewServer(x)
	defer server.Close()
	const root, parent = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
	//lint:ignore SA1029 it is the runtime's key
	ctx := context.WithValue(t.Context(), traceHeaderKey, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent="+parent+";Sampled=1")
	if r, log := booked(t, ctx, server.URL, func(*config) {}); r.StatusCode != 202 || log != "" {
		t.Errorf("%+v: %s", r, log)
	}
	var names []string
	for _, s := range x.spans {
		names = append(names, s.Name)
		if hex.EncodeToString(s.TraceId) != root || s.Name == "POST /trips" && hex.EncodeToString(s.ParentSpanId) != parent {
			t.Errorf("%s is of %x below %x", s.Name, s.TraceId, s.ParentSpanId)
		}
	}
	if got := strings.Join(names, ", "); got != "StartExecution, POST /trips" {
		t.Errorf("X-Ray has %q", got)
	}
}

// A booking never fails for its traces, and an invocation waits for them within its own time.
func TestTracesThatXRayDoesNotTake(t *testing.T) {
	x := &receiver{t: t}
	honest := httptest.NewServer(x)
	defer honest.Close()
	stop := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(stop)
	for name, c := range map[string]struct {
		endpoint string
		change   func(*config)
		log      string
	}{
		"another key": {honest.URL, func(c *config) { c.secretAccessKey = "another" }, "403 Forbidden"},
		"no token":    {honest.URL, func(c *config) { c.sessionKey = "" }, "403 Forbidden"},
		"unsigned":    {honest.URL, func(c *config) { c.otlpSigned = false }, "403 Forbidden"},
		"no answer":   {silent.URL, func(*config) {}, "spans are lost"},
		"no network":  {"http://127.0.0.1:1", func(*config) {}, "connection refused"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if name == "no answer" {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 3*flushTime) // what is left of the invocation
		}
		if r, log := booked(t, ctx, c.endpoint, c.change); r.StatusCode != 202 || !strings.Contains(log, c.log) {
			t.Errorf("%s: %+v: %s", name, r, log)
		}
		if name == "no answer" && ctx.Err() != nil {
			t.Errorf("%s: the invocation has no time left for its answer", name)
		}
		cancel()
	}
	if x.asked != 3 || len(x.spans) > 0 {
		t.Errorf("X-Ray was asked %d times, and has %d spans", x.asked, len(x.spans))
	}
}

// A process reports lost spans once, whatever has lost them: the function's log is that of the exporter.
func TestSilenceIsReportedOnce(t *testing.T) {
	var log lostSpans
	w := newWorld(t)
	w.system.log = telemetry.NewLogger(&log, nil, telemetry.FormatJSON)
	traces, err := (&config{function: "Api", otlpTraces: "http://127.0.0.1:1/v1/traces"}).traces(w.system.log)
	if err != nil {
		t.Fatal(err)
	}
	w.observer.Traces = traces
	over, cancel := context.WithTimeout(t.Context(), 0) // no time is left for the spans
	defer cancel()
	for range 5 {
		_, end := traces.Start(t.Context(), "span")
		end(nil)
		w.flush(over)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "spans are lost") {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

func TestSigningNeedsAnEndpoint(t *testing.T) {
	env := environment("ReserveFlight")
	env["OTLP_SIGNED"] = "true"
	if _, err := readConfig(get(env)); err == nil || !strings.Contains(err.Error(), "OTLP_SIGNED=true needs OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
		t.Errorf("got %v", err)
	}
	if traces, err := (&config{}).traces(slog.New(slog.DiscardHandler)); traces != (*telemetry.Traces)(nil) || err != nil {
		t.Errorf("without a destination: %v, %v", traces, err)
	}
}
