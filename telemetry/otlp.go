package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp sends spans by OTLP over HTTP in protobuf. It is an own client since the library's brings gRPC along, which
// would take half of what a function's binary may weigh.
type otlp struct {
	url    string
	header http.Header
	client *http.Client
}

const otlpTimeout = 10 * time.Second

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
	client := &http.Client{Timeout: timeout}
	return otlptrace.New(context.Background(), &otlp{url: target, header: header, client: client})
}

// parseHeaders reads key=value pairs; the error repeats none of it, since there are secrets in it.
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
	resp, err := o.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	const enough = 64 << 10 // for the connection to be used again
	_, _ = io.CopyN(io.Discard, resp.Body, enough)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", resp.Status)
	}
	return nil
}
