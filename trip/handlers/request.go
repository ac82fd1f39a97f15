package handlers

import "context"

type requestKey struct{}

// WithRequestID notes the id of the HTTP request that ctx belongs to.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the id of the HTTP request that ctx belongs to, "" outside of one. The answer and each line of the log
// have the same.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
