package engine

import (
	"context"
	"encoding/json"
	"testing"

	"tripsaga/table"
	"tripsaga/table/memory"
)

// A call's context makes its channel when it is asked for it, before or after the call has ended.
func TestContextOfACall(t *testing.T) {
	for name, end := range map[string]func(*call){
		"the call":   (*call).end,
		"the engine": func(c *call) { c.run.e.stop() },
	} {
		for _, asked := range []bool{false, true} {
			c := newTestCall()
			var child context.Context = c
			if asked {
				var stop context.CancelFunc
				child, stop = context.WithCancel(c)
				defer stop()
				select {
				case <-c.Done():
					t.Fatalf("%s, asked: %v: done too early", name, asked)
				default:
				}
			}
			if c.Err() != nil || context.Cause(c) != nil {
				t.Fatalf("%s, asked: %v: %v before the end", name, asked, c.Err())
			}
			end(c)
			<-c.Done()
			<-child.Done()
			if c.Err() != context.Canceled || child.Err() != context.Canceled || context.Cause(c) != context.Canceled {
				t.Errorf("%s, asked: %v: %v, child %v, cause %v", name, asked, c.Err(), child.Err(), context.Cause(c))
			}
			c.end()
			c.run.e.stop()
			if n := len(c.run.e.waited); n > 0 {
				t.Errorf("%s, asked: %v: %d calls are left", name, asked, n)
			}
		}
	}
}

func newTestCall() *call {
	e := &Engine{waited: map[*call]bool{}}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.tasks = e.ctx
	return &call{run: &run{e: e, name: "e"}}
}

func TestInfoOfAChildContext(t *testing.T) {
	c := newTestCall()
	child, cancel := context.WithCancel(c)
	defer cancel()
	if info, ok := InfoOf(child); !ok || info.Execution != "e" {
		t.Errorf("%+v, %v", info, ok)
	}
}

func TestDeferTasks(t *testing.T) {
	for _, want := range []bool{false, true} {
		var got bool
		task := func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			got = table.IsDeferred(ctx) && table.IsDeferred(child)
			return nil, nil
		}
		ctx := t.Context()
		e, err := Open(ctx, Options{
			Name: "m", Definition: []byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","End":true}}}`),
			Table: memory.New(), Tasks: map[string]Task{"f": task}, DeferTasks: want,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Start(ctx, "e", json.RawMessage(`1`)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Wait(ctx, "e"); err != nil || got != want {
			t.Errorf("deferred: %v, want %v, %v", got, want, err)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
