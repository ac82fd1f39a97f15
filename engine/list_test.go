package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	tablefaulty "tripsaga/table/faulty"
)

// TestAListWhileExecutionsEnd ends all executions between two calls of List to the table. Each is listed once, with its new
// status if both are seen.
func TestAListWhileExecutionsEnd(t *testing.T) {
	for n := int64(1); ; n++ {
		b := newBench(t, twoSteps, steps())
		var want []string
		for i := range 3 {
			b.start(fmt.Sprint("x", i), "{}")
			want = append(want, fmt.Sprint("x", i))
		}
		calls := int64(-1 << 40)
		b.opt.Table = tablefaulty.Wrap(b.opt.Table, func(tablefaulty.Op) tablefaulty.Fault {
			if calls++; calls == n {
				return tablefaulty.CrashBefore(b.virtual.Run)
			}
			return tablefaulty.Fault{}
		})
		b.reopen()
		virtual := b.virtual
		calls = 0
		var got []string
		stale := 0
		for q := (engine.ListQuery{Limit: 2}); ; {
			page, cursor, err := b.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				got = append(got, d.Name)
				if d.Status == asl.Running && d.Stopped.IsZero() {
					stale++
				}
			}
			if q.Cursor = cursor; cursor == "" {
				break
			}
		}
		reached := calls >= n
		calls = -1 << 40
		slices.Sort(got)
		if !slices.Equal(got, want) || n <= 5 && stale > 0 { // the fifth call is the first for those that have ended
			t.Errorf("ended at call %d: %q, want %q; %d as running", n, got, want, stale)
		}
		virtual.Run()
		if !reached {
			break
		}
	}
}

func TestAListHasAHundredUnlessMoreAreAskedFor(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	for i := range 101 {
		b.start(fmt.Sprint("x", i), "{}")
	}
	b.virtual.Run()
	for limit, want := range map[int]int{0: 100, 1: 1, 101: 101, 999: 101} {
		page, cursor, err := b.List(t.Context(), engine.ListQuery{Limit: limit})
		if err != nil || len(page) != want || (cursor == "") != (want == 101) {
			t.Errorf("limit %d: %d executions, cursor %q, %v", limit, len(page), cursor, err)
		}
	}
}
