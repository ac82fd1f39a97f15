package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp sends spans by OTLP over HTTP in protobuf. The SDK's HTTP client (otlptracehttp) imports gRPC, which would take
// half of the size limit of a function's binary; hence this one.
type otlp struct {
	url    string
	header http.Header
	sign   Sign // may be nil
	client *http.Client
}

const otlpTimeout = 10 * time.Second

// reusable is for how long an idle connection is used again. The time counts while Lambda freezes the process: the other
// side may have closed the connection unnoticed, and the spans would wait for an answer until the time is over.
const reusable = 20 * time.Second

func newOTLP(opt TraceOptions) (*otlptrace.Exporter, error) {
	target := opt.OTLPTracesEndpoint
	if target == "" {
		target = strings.TrimSuffix(opt.OTLPEndpoint, "/") + "/v1/traces"
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("telemetry: the OTLP endpoint is %q, want a URL such as http://localhost:4318", target)
	}
	header, err := parseHeaders(opt.OTLPHeaders)
	if err != nil {
		return nil, err
	}
	timeout := opt.OTLPTimeout
	if timeout <= 0 {
		timeout = otlpTimeout
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = reusable
	client := &http.Client{Timeout: timeout, Transport: transport}
	return otlptrace.New(context.Background(), &otlp{url: target, header: header, sign: opt.OTLPSign, client: client})
}

// parseHeaders reads key=value pairs. The error does not quote the text, since it may hold secrets.
func parseHeaders(pairs string) (http.Header, error) {
	header := http.Header{}
	for i, pair := range strings.Split(pairs, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !ok || key == "" || err != nil {
			return nil, fmt.Errorf("telemetry: OTLP header %d is not key=value with a percent-encoded value", i+1)
		}
		header.Set(key, value)
	}
	header.Set("Content-Type", "application/x-protobuf")
	return header, nil
}

func (o *otlp) Start(context.Context) error { return nil }

func (o *otlp) Stop(context.Context) error {
	o.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. TracesData is, byte for byte, the request of the collector's service.
func (o *otlp) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = o.header.Clone()
	if o.sign != nil {
		if err := o.sign(ctx, r, body); err != nil {
			return fmt.Errorf("signing: %w", err)
		}
	}
	resp, err := o.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	const enough = 64 << 10 // read to the end, the connection is reused
	_, _ = io.CopyN(io.Discard, resp.Body, enough)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", resp.Status)
	}
	return nil
}

// maxQueued is the number of spans that may wait to be sent.
const maxQueued = 2048

// queue is the SDK's batch processor with one warning in the log, once, when spans are lost: because the queue is full or
// because sending fails. Tracing never blocks and never fails what it traces.
//
// The SDK alone drops as well, but counts what it drops where nobody can read it, and hands the error of an export to a
// handler that is global to the process. An operator would see an empty trace view and no reason for it.
type queue struct {
	sdktrace.SpanProcessor
	waiting atomic.Int64
	lost    func(why string, err error)
}

func newQueue(to sdktrace.SpanExporter, log *slog.Logger) *queue {
	q := &queue{}
	var once sync.Once
	q.lost = func(why string, err error) {
		once.Do(func() { log.Warn("spans are lost; this warning is logged once", "why", why, "error", err) })
	}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(&counting{to, q}, sdktrace.WithMaxQueueSize(maxQueued))
	return q
}

// OnEnd implements sdktrace.SpanProcessor. It checks the bound before the SDK does, to see the drop. The SDK's own queue
// has the same length and therefore never overflows.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > maxQueued {
		q.waiting.Add(-1)
		q.lost("too many are waiting to be sent", nil)
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// late takes the error of a flush. Of a silent collector the exporter has no error yet when the flush is over.
func (q *queue) late(err error) {
	if q.waiting.Load() > 0 {
		q.lost("they could not be sent in time", err)
	}
}

// counting is the queue's exporter: it subtracts what has been sent from the count, and keeps errors from the SDK.
type counting struct {
	sdktrace.SpanExporter
	q *queue
}

func (c *counting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer c.q.waiting.Add(-int64(len(spans)))
	if err := c.SpanExporter.ExportSpans(ctx, spans); err != nil {
		c.q.lost("they could not be sent", err)
	}
	return nil
}
