package store

import (
	"context"
	"sync"
	"sync/atomic"
)

// readers is how many reads of one call are under way at once at most: a table in the network answers many as fast as
// one.
const readers = 16

// parallel calls read for 0 to n-1, each once and in no order, and returns one of their errors, after which no more are
// begun.
func parallel(ctx context.Context, n int, read func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, readers) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := read(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
