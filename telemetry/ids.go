package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// ids makes trace ids as X-Ray wants them: the first four bytes are the time in Unix seconds.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator. A trace that a header without a parent named goes on under its id.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if h, ok := rootOf(ctx); ok {
		return h.root, newSpanID()
	}
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:4], uint32(time.Now().Unix()))
	binary.BigEndian.PutUint32(id[4:8], rand.Uint32())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id, newSpanID()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
