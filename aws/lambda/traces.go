package lambda

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"tripsaga/telemetry"
)

// traces opens tracing. A request is bounded by the time in which an invocation waits for its spans: one that was begun
// before a freeze must not keep the next invocation waiting.
func (c *config) traces(log *slog.Logger) (*telemetry.Traces, error) {
	opt := telemetry.TraceOptions{
		Service: "tripsaga-" + c.function, Version: c.version, XRayDaemon: c.xray, Log: log,
		OTLPEndpoint: c.otlp, OTLPTracesEndpoint: c.otlpTraces, OTLPHeaders: c.otlpHeaders, OTLPTimeout: flushTime,
	}
	if c.otlpSigned {
		opt.OTLPSign = c.signForXRay
	}
	return telemetry.OpenTraces(opt)
}

// signForXRay signs a request with the function's role.
func (c *config) signForXRay(ctx context.Context, r *http.Request, body []byte) error {
	keys, err := c.credentials().Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), "xray", c.region, time.Now())
}
