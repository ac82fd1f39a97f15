package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"tripsaga/trip/app"
	"tripsaga/trip/handlers"
)

const tripID = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"

// deliver delivers a task to a handler of the test's, with the arounds between.
func deliver(t testing.TB, ctx context.Context, step string, attempt int, do handlers.Handler, around ...handlers.Around) error {
	t.Helper()
	around = append(around, func(string, handlers.Handler) handlers.Handler { return do })
	payload, err := json.Marshal(map[string]any{
		"delivery": map[string]any{"execution": "arn:e", "trip_id": tripID, "attempt": attempt}, "input": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = handlers.New(&app.Service{}, around...)[step](ctx, payload)
	return err
}

// answer is a handler that ends with err.
func answer(err error) handlers.Handler {
	return func(context.Context, json.RawMessage) (json.RawMessage, error) {
		if err != nil {
			return nil, err
		}
		return json.RawMessage(`{}`), nil
	}
}

// output is written to from any goroutine.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// lines decodes what was written, and forgets it.
func (o *output) lines(t *testing.T) []map[string]any {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(o.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, m)
	}
	o.b.Reset()
	return all
}
