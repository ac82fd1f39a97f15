package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"

	"tripsaga/table"
)

// at is one operation of a history written by hand.
func at(called, returned int64, in call, out answer) porcupine.Operation {
	return porcupine.Operation{Input: in, Output: out, Call: called, Return: returned}
}

func writes(ops ...table.Op) call {
	in := call{ops: ops}
	for _, op := range ops {
		for key, p := range places {
			if (table.Key{PK: p.pk, SK: p.sk}) == op.Key {
				in.over = append(in.over, key)
			}
		}
	}
	return in
}

func put(key int, version int64, cond table.Cond) table.Op {
	item := table.Item{Key: table.Key{PK: places[key].pk, SK: places[key].sk}, Version: version, Ints: map[string]int64{counter: version}}
	return table.Put(item, cond)
}

func add(key int, delta int64) table.Op {
	return table.Add(table.Key{PK: places[key].pk, SK: places[key].sk}, counter, delta, 0)
}

func reads(key int, c cell) (call, answer) {
	return call{over: []int{key}}, answer{cells: []found{{key, c}}}
}

func pages(limit int, more bool, cells ...found) (call, answer) {
	return call{query: true, over: []int{0, 1, 2}, limit: limit}, answer{cells: cells, more: more}
}

func v(version int64) cell { return cell{version: version, n: version, counts: true} }

func TestJudgement(t *testing.T) {
	const open = 100 // the end of a history
	type ops = []porcupine.Operation
	op := func(called, returned int64) func(call, answer) porcupine.Operation {
		return func(in call, out answer) porcupine.Operation { return at(called, returned, in, out) }
	}
	wrote, lost := answer{outcome: done}, answer{outcome: unknown}
	failed := func(op int) answer { return answer{outcome: conflict, failed: op} }
	for name, c := range map[string]struct {
		history ops
		want    bool
	}{
		"read what was written": {ops{at(1, 2, writes(put(0, 1, table.Absent)), wrote), op(3, 4)(reads(0, v(1)))}, true},
		"read what was not":     {ops{at(1, 2, writes(put(0, 1, table.Absent)), wrote), op(3, 4)(reads(0, cell{}))}, false},
		"read beside a write":   {ops{at(1, 4, writes(put(0, 1, table.Absent)), wrote), op(2, 3)(reads(0, cell{}))}, true},
		"new, then old": {ops{
			at(1, 6, writes(put(0, 1, table.Absent)), wrote), op(2, 3)(reads(0, v(1))), op(4, 5)(reads(0, cell{})),
		}, false},
		"lost, never seen": {ops{at(1, open, writes(put(0, 1, table.Absent)), lost), op(3, 4)(reads(0, cell{}))}, true},
		"lost, seen late": {ops{
			at(1, open, writes(put(0, 1, table.Absent)), lost), op(3, 4)(reads(0, cell{})), op(5, 6)(reads(0, v(1))),
		}, true},
		"lost, seen too early": {ops{op(1, 2)(reads(0, v(1))), at(3, open, writes(put(0, 1, table.Absent)), lost)}, false},
		"lost, landing in a conflict": {ops{
			at(1, 2, writes(put(0, 1, table.Absent)), wrote), at(3, open, writes(put(0, 2, table.Absent)), lost), op(5, 6)(reads(0, v(1))),
		}, true},
		"lost, applied twice": {ops{
			at(1, 2, writes(put(0, 1, table.Absent)), wrote), at(3, open, writes(add(0, 1)), lost),
			op(5, 6)(reads(0, cell{1, 3, true})),
		}, false},
		"half a transaction": {ops{
			at(1, 4, writes(put(0, 1, table.Absent), put(3, 2, table.Absent)), wrote), op(2, 3)(reads(0, v(1))), op(5, 6)(reads(3, cell{})),
		}, false},
		"the first that conflicts": {ops{at(1, 2, writes(put(0, 1, table.None), put(3, 2, table.Present), add(1, 1)), failed(1))}, true},
		"another that conflicts":   {ops{at(1, 2, writes(put(0, 1, table.None), put(3, 2, table.Present), add(1, 1)), failed(2))}, false},
		"conflict without reason":  {ops{at(1, 2, writes(put(0, 1, table.Absent)), failed(0))}, false},
		"conflict that wrote": {ops{
			at(1, 2, writes(put(0, 1, table.None), add(1, 1)), failed(1)), op(3, 4)(reads(0, v(1))),
		}, false},
		"below the floor": {ops{
			at(1, 2, writes(put(0, 1, table.None)), wrote), at(3, 4, writes(add(0, -2)), wrote),
		}, false},
		"page": {ops{
			at(1, 2, writes(put(0, 1, table.None), put(2, 2, table.None)), wrote), op(3, 4)(pages(1, true, found{0, v(1)})),
			op(5, 6)(pages(2, false, found{0, v(1)}, found{2, v(2)})),
		}, true},
		"page that claims more": {ops{at(1, 2, writes(put(0, 1, table.None)), wrote), op(3, 4)(pages(1, true, found{0, v(1)}))}, false},
		"page that misses one":  {ops{at(1, 2, writes(put(0, 1, table.None)), wrote), op(3, 4)(pages(1, false))}, false},
		"two partitions, one broken": {ops{
			at(1, 2, writes(put(0, 1, table.None)), wrote), op(3, 4)(reads(0, v(1))),
			at(1, 2, writes(put(3, 2, table.None)), wrote), op(3, 4)(reads(3, cell{})),
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := porcupine.CheckOperations(model, c.history); got != c.want {
				t.Errorf("judged %v, want %v", got, c.want)
			}
		})
	}
}

func TestPartition(t *testing.T) {
	get := func(key int) porcupine.Operation { in, out := reads(key, cell{}); return at(1, 2, in, out) }
	both := at(1, 2, writes(put(1, 1, table.None), put(3, 1, table.None)), answer{})
	for name, c := range map[string]struct {
		history []porcupine.Operation
		want    int
	}{
		"apart": {[]porcupine.Operation{get(0), get(1), get(3), get(0)}, 3},
		"tied":  {[]porcupine.Operation{get(0), get(1), get(3), both}, 2},
	} {
		parts, n := partition(c.history), 0
		for _, part := range parts {
			n += len(part)
		}
		if len(parts) != c.want || n != len(c.history) {
			t.Errorf("%s: %d parts with %d operations, want %d with %d", name, len(parts), n, c.want, len(c.history))
		}
	}
}

// TestEverythingIsMet holds that the default options meet every kind of answer, in a number that finds something.
func TestEverythingIsMet(t *testing.T) {
	met, err := explore(t.Context(), memory(t), Options{Seed: 1}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"read", "done", "conflict", "unknown", "no answer"} {
		if met[kind] < 200 {
			t.Errorf("%d times %s in %v", met[kind], kind, met)
		}
	}
}

// TestAnswersThatThePortDoesNotKnow are refuted whatever the table holds.
func TestAnswersThatThePortDoesNotKnow(t *testing.T) {
	odd := errors.New("odd")
	for name, breaks := range map[string]func(*broken){
		"transact": func(b *broken) { b.transact = func(context.Context, []table.Op) error { return odd } },
		"get": func(b *broken) {
			b.get = func(context.Context, table.Key) (table.Item, bool, error) { return table.Item{}, false, odd }
		},
		"query": func(b *broken) {
			b.query = func(context.Context, table.Query) (table.Page, error) { return table.Page{}, odd }
		},
		"conflict": func(b *broken) {
			b.transact = func(_ context.Context, ops []table.Op) error { return &table.Conflict{Op: len(ops), Why: "why"} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &broken{Table: memory(t)}
			breaks(b)
			h := newHistory(t.Context(), b, Options{Seed: rand.Uint64()}.withDefaults(), 0)
			c := h.newClient(0)
			for range 50 {
				c.call()
			}
			if err := h.judge(); len(h.strange) == 0 || err == nil {
				t.Errorf("judged %v", err)
			}
		})
	}
}
