package barrier_test

import (
	"context"
	"fmt"
	"testing"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
)

// retry delivers again for as long as the outcome is unknown, as the state machine does.
func retry(deliver func() error) (err error) {
	const attempts = 10
	for range attempts {
		if err = deliver(); err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
	}
	return err
}

func TestDoAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var did, undid error
		var got seats
		return []func(context.Context){
				func(ctx context.Context) {
					did = retry(func() (err error) { got, err = l.do(ctx, "a", 2); return err })
				},
				func(ctx context.Context) { undid = retry(func() error { _, err := l.undo(ctx); return err }) },
			}, func() error {
				if undid != nil {
					return fmt.Errorf("undo: %w", undid)
				}
				if did == nil && got.Taken != 2 {
					return fmt.Errorf("the do says %+v", got)
				}
				if did != nil && !fault.Is(did, fault.NameStepCancelled) {
					return fmt.Errorf("do: %w", did)
				}
				got := l.state(t)
				if got.available != capacity || got.record != barrier.Undone {
					return fmt.Errorf("state %+v, want all seats back and the record undone", got)
				}
				if happened := got.version == 2; happened != got.announced {
					return fmt.Errorf("state %+v: the event must follow exactly what was taken back", got)
				}
				return nil
			}
	})
}

func TestRefusedDoAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var did, undid error
		return []func(context.Context){
				func(ctx context.Context) {
					did = retry(func() error { _, err := l.do(ctx, "a", capacity+1); return err })
				},
				func(ctx context.Context) { undid = retry(func() error { _, err := l.undo(ctx); return err }) },
			}, func() error {
				got := l.state(t)
				if undid != nil || got.available != capacity || got.announced || !fault.Is(did, refusals[got.record]) {
					return fmt.Errorf("do %v, undo %v, state %+v", did, undid, got)
				}
				return nil
			}
	})
}

// refusals is what the do of a step hears that ends in the state: whoever lost the race hears the record, not its own mind.
var refusals = map[barrier.State]string{
	barrier.Refused: fault.NameFlightUnavailable, barrier.Undone: fault.NameStepCancelled,
}

// TestTwoDosOfWhichOneWouldBeRefused delivers a step twice, and the one delivery finds nothing on offer any more, be it when
// it looks or when it writes: both hear the same.
func TestTwoDosOfWhichOneWouldBeRefused(t *testing.T) {
	for name, refused := range map[string]func(ledger) func(context.Context) (barrier.Effect[seats], error){
		"when it looks": func(ledger) func(context.Context) (barrier.Effect[seats], error) {
			return func(context.Context) (barrier.Effect[seats], error) {
				return barrier.Effect[seats]{}, fault.New(fault.Refused, fault.NameFlightUnavailable, "not offered")
			}
		},
		"when it writes": func(l ledger) func(context.Context) (barrier.Effect[seats], error) { return l.take(capacity + 1) },
	} {
		t.Run(name, func(t *testing.T) {
			store := scheduledTable{openStore(t)}
			exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
				l := newLedger(t, store, id)
				var errs [2]error
				deliver := func(i int, effect func(context.Context) (barrier.Effect[seats], error)) func(context.Context) {
					return func(ctx context.Context) {
						errs[i] = retry(func() error {
							got, err := barrier.Do(ctx, l.table, l.step("a"), effect)
							if err == nil && got.Taken != 2 {
								return fmt.Errorf("the answer is %+v", got)
							}
							return err
						})
					}
				}
				return []func(context.Context){deliver(0, l.take(2)), deliver(1, refused(l))}, func() error {
					got := l.state(t)
					for _, err := range errs {
						if name := refusals[got.record]; name == "" && err != nil || name != "" && !fault.Is(err, name) {
							return fmt.Errorf("answers %v, state %+v", errs, got)
						}
					}
					return nil
				}
			})
		})
	}
}

func TestTwoDosInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var errs [2]error
		do := func(i int) func(context.Context) {
			return func(ctx context.Context) {
				errs[i] = retry(func() error { _, err := l.do(ctx, "a", 2); return err })
			}
		}
		return []func(context.Context){do(0), do(1)}, func() error {
			if got := l.state(t); errs != [2]error{} || got != (state{capacity - 2, barrier.Done, 1, false}) {
				return fmt.Errorf("errors %v, state %+v: want the seats taken once", errs, got)
			}
			return nil
		}
	})
}

// TestAnUndoThatLosesARaceLooksAgain has no calls lost: then an undo has no reason to say that it knows no outcome.
func TestAnUndoThatLosesARaceLooksAgain(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 0, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var undid error
		return []func(context.Context){
			func(ctx context.Context) { l.do(ctx, "a", 2) },
			func(ctx context.Context) { _, undid = l.undo(ctx) },
		}, func() error { return undid }
	})
}
