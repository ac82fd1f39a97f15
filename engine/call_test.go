package engine

import (
	"context"
	"testing"
)

// A call's context makes its channel when it is asked for it, before or after the call has ended.
func TestContextOfACall(t *testing.T) {
	for name, end := range map[string]func(*call, context.CancelFunc){
		"the call":   func(c *call, _ context.CancelFunc) { c.end() },
		"the engine": func(_ *call, closeEngine context.CancelFunc) { closeEngine() },
	} {
		for _, asked := range []bool{false, true} {
			ctx, cancel := context.WithCancel(context.Background())
			c := &call{ctx: ctx}
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
			end(c, cancel)
			<-c.Done()
			<-child.Done()
			if c.Err() != context.Canceled || child.Err() != context.Canceled || context.Cause(c) != context.Canceled {
				t.Errorf("%s, asked: %v: %v, child %v, cause %v", name, asked, c.Err(), child.Err(), context.Cause(c))
			}
			cancel()
		}
	}
}

func TestInfoOfAChildContext(t *testing.T) {
	c := &call{ctx: t.Context(), run: &run{e: &Engine{}, name: "e"}}
	child, cancel := context.WithCancel(c)
	defer cancel()
	if info, ok := InfoOf(child); !ok || info.Execution != "e" {
		t.Errorf("%+v, %v", info, ok)
	}
}
