package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/embedded"
)

// seats is the result of the step under test: it takes seats from a counter.
type seats struct {
	Taken int64 `json:"taken"`
}

// ledger is one counter of seats, one step that takes some of them, and one outbox item that its undo writes.
type ledger struct {
	table table.Table
	id    string
}

const capacity = 5

func newLedger(t testing.TB, store table.Table, id string) ledger {
	t.Helper()
	l := ledger{store, id}
	item := table.Item{Key: l.counter(), Version: 1, Ints: map[string]int64{"available": capacity}, Data: []byte("{}")}
	if err := store.Transact(t.Context(), table.Put(item, table.None)); err != nil {
		t.Fatal(err)
	}
	return l
}

func openStore(t testing.TB) table.Table {
	t.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func (l ledger) counter() table.Key { return table.Key{PK: "SEATS#" + l.id, SK: "AVAILABLE"} }
func (l ledger) record() table.Key  { return table.Key{PK: "STEP#" + l.id, SK: "SEATS"} }
func (l ledger) event() table.Key   { return table.Key{PK: "STEP#" + l.id, SK: "OUTBOX"} }

func (l ledger) step(input string) barrier.Step {
	return barrier.Step{Key: l.record(), Fingerprint: input}
}

func (l ledger) take(n int64) func(context.Context) (barrier.Effect[seats], error) {
	return func(context.Context) (barrier.Effect[seats], error) {
		return barrier.Effect[seats]{
			Result: seats{n},
			Ops:    []table.Op{table.Add(l.counter(), "available", -n, 0)},
			Refuse: func(op int) error {
				if op != 0 {
					return fmt.Errorf("operation %d is none of the effect's", op)
				}
				return fault.New(fault.Refused, fault.NameFlightUnavailable, "sold out")
			},
		}, nil
	}
}

func (l ledger) do(ctx context.Context, input string, n int64) (seats, error) {
	return barrier.Do(ctx, l.table, l.step(input), l.take(n))
}

func (l ledger) undo(ctx context.Context) (bool, error) {
	return barrier.Undo(ctx, l.table, l.record(), func(_ context.Context, r seats) (seats, []table.Op, bool, error) {
		event := table.Item{Key: l.event(), Version: 1, Data: []byte("{}")}
		return r, []table.Op{table.Add(l.counter(), "available", r.Taken, 0), table.Put(event, table.None)}, true, nil
	})
}

// state is everything that the steps under test can change.
type state struct {
	available int64
	record    barrier.State
	version   int64
	announced bool
}

func (l ledger) state(t testing.TB) state {
	t.Helper()
	ctx := context.Background()
	counter, ok, err := l.table.Get(ctx, l.counter())
	if err != nil || !ok {
		t.Fatalf("counter: %v, %v", ok, err)
	}
	s := state{available: counter.Ints["available"]}
	item, ok, err := l.table.Get(ctx, l.record())
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		rec, err := barrier.Decode[seats](item)
		if err != nil {
			t.Fatal(err)
		}
		s.record, s.version = rec.State, item.Version
		result, done, err := barrier.Result[seats](ctx, l.table, l.record())
		if err != nil || result != rec.Result || done != (rec.State == barrier.Done) {
			t.Fatalf("the result is %v, done %v, %v; the record has %v, %s", result, done, err, rec.Result, rec.State)
		}
	}
	_, s.announced, err = l.table.Get(ctx, l.event())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// delivery is one arrival of the step or of its undo, and what it must lead to.
type delivery struct {
	undo  bool
	input string
	seats int64
	err   string // the stable name, "" for success
	taken bool   // of an undo
	want  state
}

func TestEveryRowOfTheTable(t *testing.T) {
	first := delivery{input: "a", seats: 2, want: state{3, barrier.Done, 1, false}}
	tests := map[string][]delivery{
		"do, first time": {first},
		"do, refused by a business rule": {
			{input: "a", seats: 6, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}},
			{input: "a", seats: 6, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}}},
		"a refusal stands although it would now succeed": {
			{input: "a", seats: 6, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}},
			{input: "a", seats: 1, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}}},
		"do again, same input": {first,
			{input: "a", seats: 2, want: state{3, barrier.Done, 1, false}}},
		"do again, same input, although it would now be refused": {
			{input: "a", seats: 4, want: state{1, barrier.Done, 1, false}},
			{input: "a", seats: 4, want: state{1, barrier.Done, 1, false}}},
		"do again, other input": {first,
			{input: "b", seats: 1, err: fault.NameIdempotencyMismatch, want: state{3, barrier.Done, 1, false}}},
		"do after a refusal, other input": {
			{input: "a", seats: 6, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}},
			{input: "b", seats: 1, err: fault.NameIdempotencyMismatch, want: state{5, barrier.Refused, 1, false}}},
		"undo after do": {first,
			{undo: true, taken: true, want: state{5, barrier.Undone, 2, true}}},
		"undo after a refusal": {
			{input: "a", seats: 6, err: fault.NameFlightUnavailable, want: state{5, barrier.Refused, 1, false}},
			{undo: true, want: state{5, barrier.Refused, 1, false}}},
		"undo again": {first,
			{undo: true, taken: true, want: state{5, barrier.Undone, 2, true}},
			{undo: true, want: state{5, barrier.Undone, 2, true}}},
		"undo with no do": {
			{undo: true, want: state{5, barrier.Undone, 1, false}},
			{undo: true, want: state{5, barrier.Undone, 1, false}}},
		"do after undo": {first,
			{undo: true, taken: true, want: state{5, barrier.Undone, 2, true}},
			{input: "a", seats: 2, err: fault.NameStepCancelled, want: state{5, barrier.Undone, 2, true}}},
		"do after an undo with no do": {
			{undo: true, want: state{5, barrier.Undone, 1, false}},
			{input: "a", seats: 2, err: fault.NameStepCancelled, want: state{5, barrier.Undone, 1, false}}},
		"a do after undo that would be refused is cancelled all the same": {
			{undo: true, want: state{5, barrier.Undone, 1, false}},
			{input: "a", seats: 6, err: fault.NameStepCancelled, want: state{5, barrier.Undone, 1, false}}},
	}
	store := openStore(t)
	for name, deliveries := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t, store, name)
			for i, d := range deliveries {
				l.deliver(t, i, d)
			}
		})
	}
}

func (l ledger) deliver(t *testing.T, i int, d delivery) {
	t.Helper()
	var err error
	var taken bool
	if d.undo {
		taken, err = l.undo(t.Context())
	} else {
		var got seats
		got, err = l.do(t.Context(), d.input, d.seats)
		if err == nil && got.Taken != d.seats {
			t.Errorf("delivery %d: result %+v, want %d seats", i, got, d.seats)
		}
	}
	if (err == nil) != (d.err == "") || err != nil && fault.NameOf(err) != d.err {
		t.Errorf("delivery %d: error %v, want %q", i, err, d.err)
	}
	if taken != d.taken {
		t.Errorf("delivery %d: taken back %v, want %v", i, taken, d.taken)
	}
	if got := l.state(t); got != d.want {
		t.Errorf("delivery %d: state %+v, want %+v", i, got, d.want)
	}
}

func TestAnEffectThatFailsLeavesNoRecord(t *testing.T) {
	l := newLedger(t, openStore(t), "x")
	for name, failure := range map[string]error{
		fault.NameInvalid:     fault.Invalidf("seats", "0 is out of range"),
		fault.NameUnavailable: errors.New("connection reset"),
	} {
		_, err := barrier.Do(t.Context(), l.table, l.step("a"),
			func(context.Context) (barrier.Effect[seats], error) { return barrier.Effect[seats]{}, failure })
		if fault.NameOf(err) != name {
			t.Errorf("%v: error %v, want %s", failure, err, name)
		}
		if got := l.state(t); got != (state{available: capacity}) {
			t.Errorf("%v: state %+v, want it untouched", failure, got)
		}
	}
}

func TestARefusalFoundBeforeWritingIsRecorded(t *testing.T) {
	l := newLedger(t, openStore(t), "x")
	_, err := barrier.Do(t.Context(), l.table, l.step("a"), func(context.Context) (barrier.Effect[seats], error) {
		return barrier.Effect[seats]{}, fault.New(fault.Refused, fault.NameFlightUnavailable, "no such flight")
	})
	if !fault.Is(err, fault.NameFlightUnavailable) {
		t.Fatalf("error %v", err)
	}
	_, again := l.do(t.Context(), "a", 1)
	if again == nil || again.Error() != err.Error() || fault.KindOf(again) != fault.Refused {
		t.Errorf("the second answer is %v, want the first: %v", again, err)
	}
}

func TestAReverseThatCannotBeWrittenIsAFault(t *testing.T) {
	l := newLedger(t, openStore(t), "x")
	if _, err := l.do(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	_, err := barrier.Undo(t.Context(), l.table, l.record(),
		func(_ context.Context, r seats) (seats, []table.Op, bool, error) {
			missing := table.Key{PK: "SEATS#gone", SK: "AVAILABLE"}
			return r, []table.Op{table.Add(missing, "available", r.Taken, 0)}, true, nil
		})
	if err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("error %v of kind %v, want an internal one", err, fault.KindOf(err))
	}
	if got := l.state(t); got.record != barrier.Done {
		t.Errorf("the record is %s, want it still done", got.record)
	}
}
