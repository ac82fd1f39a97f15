package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tripsaga/telemetry"
)

// TestTracesLeaveTimeForTheAnswer lets a call take all of its time while the collector does not answer.
func TestTracesLeaveTimeForTheAnswer(t *testing.T) {
	hold := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer collector.Close()
	defer close(hold)
	traces, err := telemetry.OpenTraces(telemetry.TraceOptions{Service: "test", OTLPEndpoint: collector.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.observer.Traces = traces
	given := time.Now().Add(time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), given)
	defer cancel()
	_, err = w.invocation(func(ctx context.Context, _ []byte) ([]byte, error) {
		_, end := traces.Start(ctx, "step")
		end(nil)
		<-ctx.Done()
		return nil, nil
	})(ctx, nil)
	if ctx.Err() != nil || err != nil {
		t.Errorf("answered %s after the deadline, error %v", time.Since(given), err)
	}
}
