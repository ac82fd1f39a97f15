package engine

import (
	"context"
	"strings"
)

// maxTrace is the longest trace header in bytes, as Step Functions has it.
const maxTrace = 256

type traceKey struct{}

// WithTrace gives the execution that is started under the returned context a trace header, of whatever form the tasks'
// tracing has. It is stored with the execution, and every delivery finds it in its [Info], also after a restart and a
// redrive. What is longer than 256 bytes, or not printable ASCII without "\<>&, is not kept: a trace never fails a start.
func WithTrace(ctx context.Context, header string) context.Context {
	if !traceable(header) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, header)
}

func traceOf(ctx context.Context) string {
	header, _ := ctx.Value(traceKey{}).(string)
	return header
}

func traceable(header string) bool {
	if len(header) == 0 || len(header) > maxTrace {
		return false
	}
	for _, c := range []byte(header) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return !strings.ContainsAny(header, `"\<>&`) // which JSON would escape
}
