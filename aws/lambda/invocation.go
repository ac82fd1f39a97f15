package lambda

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"tripsaga/telemetry"
)

const (
	reportTime = 300 * time.Millisecond // of a call's time, for the answer and what is logged of it
	flushTime  = time.Second            // for the traces of one invocation
	answerTime = 100 * time.Millisecond // of reportTime, which traces must leave to the answer
)

// invocation says in the context what is known of each invocation, and sends its traces when it has ended, since the
// process may be frozen right after.
func (s *system) invocation(next handler) handler {
	var warm atomic.Bool
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx = s.describe(ctx, !warm.Swap(true))
		defer s.flush(ctx)
		within, cancel := early(ctx)
		defer cancel()
		return next(within, payload)
	}
}

func (s *system) describe(ctx context.Context, cold bool) context.Context {
	attrs := []slog.Attr{slog.String("function_version", s.config.version), slog.Bool("cold_start", cold)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("invocation_id", lc.AwsRequestID))
	}
	if header, ok := ctx.Value(traceHeaderKey).(string); ok && header != "" {
		ctx = telemetry.WithTraceHeader(ctx, header)
	}
	return telemetry.With(ctx, attrs...)
}

// traceHeaderKey is aws-lambda-go's own.
const traceHeaderKey = "x-amzn-trace-id"

// early ends a little before the call's time does: an answer that is too late is none, and the process ends with it.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reportTime))
}

func (s *system) flush(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, flushBy(ctx, time.Now()))
	defer cancel()
	if err := s.observer.Traces.Flush(ctx); err != nil {
		s.log.WarnContext(ctx, "sending the traces failed", "error", err)
	}
}

// flushBy is when the traces must be sent, or be left: the answer goes out after them, and needs time too.
func flushBy(ctx context.Context, now time.Time) time.Time {
	end := now.Add(flushTime)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-answerTime).Before(end) {
		return deadline.Add(-answerTime)
	}
	return end
}
