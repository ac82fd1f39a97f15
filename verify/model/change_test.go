package model

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"tripsaga/table"
)

// tampered is a copy of a history with the means to falsify it. What it cannot find ends the test, so that no change
// changes nothing.
type tampered struct {
	testing.TB
	*history
}

func tamper(t testing.TB, h *history) tampered {
	copied := &history{base: maps.Clone(h.base), trips: slices.Clone(h.trips), acts: slices.Clone(h.acts)}
	for i := range copied.acts {
		copied.acts[i].ops = slices.Clone(copied.acts[i].ops)
	}
	return tampered{t, copied}
}

// find gives the place of the n-th write, from 1, of an item whose key contains key.
func (h tampered) find(key string, n int) (act, op int) {
	for i := range h.acts {
		for k, o := range h.acts[i].ops {
			if strings.Contains(o.Key.String(), key) {
				if n--; n == 0 {
					return i, k
				}
			}
		}
	}
	h.Fatalf("the history has no such write of %q", key)
	return 0, 0
}

func (h tampered) op(key string, n int) *table.Op {
	i, k := h.find(key, n)
	return &h.acts[i].ops[k]
}

// drop takes one write out of its transaction and gives it.
func (h tampered) drop(key string, n int) table.Op {
	i, k := h.find(key, n)
	op := h.acts[i].ops[k]
	h.acts[i].ops = slices.Delete(h.acts[i].ops, k, k+1)
	return op
}

// dropAll takes the whole transaction of a write out of the history and gives it.
func (h tampered) dropAll(key string, n int) act {
	i, _ := h.find(key, n)
	a := h.acts[i]
	h.acts = slices.Delete(h.acts, i, i+1)
	return a
}

// insert puts an act before the transaction of a write.
func (h tampered) insert(key string, n int, a act) {
	i, _ := h.find(key, n)
	h.acts = slices.Insert(h.acts, i, a)
}

// add appends a transaction.
func (h tampered) add(ops ...table.Op) { h.acts = append(h.acts, act{ops: ops}) }

// edit changes the data of one write.
func (h tampered) edit(key string, n int, old, new string) {
	op := h.op(key, n)
	op.Item.Data = h.replace(op.Item.Data, old, new)
}

// editAll changes the data of all writes of one item.
func (h tampered) editAll(key, old, new string) {
	h.replace(h.op(key, 1).Item.Data, old, new)
	for i := range h.acts {
		for k := range h.acts[i].ops {
			if op := &h.acts[i].ops[k]; strings.Contains(op.Key.String(), key) {
				op.Item.Data = bytes.ReplaceAll(op.Item.Data, []byte(old), []byte(new))
			}
		}
	}
}

func (h tampered) replace(data []byte, old, new string) []byte {
	if !bytes.Contains(data, []byte(old)) {
		h.Fatalf("no %q in %s", old, data)
	}
	return bytes.ReplaceAll(data, []byte(old), []byte(new))
}

// again is a later write of what was written, one version on.
func (h tampered) again(key string, n int, old, new string) table.Op {
	op := *h.op(key, n)
	op.Item.Data = h.replace(op.Item.Data, old, new)
	op.Item.Version++
	return op
}

// moved is a write once more, to another partition and sort key.
func (h tampered) moved(key string, n int, pk, sk string) table.Op {
	op := *h.op(key, n)
	op.Key = table.Key{PK: op.Key.PK + pk, SK: sk}
	op.Item.Key = op.Key
	return op
}

// atRest lets Final find an item with other data.
func (h tampered) atRest(key, old, new string) {
	h.rest = func(items Items) {
		k := h.key(items, key)
		item := items[k]
		item.Data = h.replace(item.Data, old, new)
		items[k] = item
	}
}

// goneAtRest lets Final miss an item.
func (h tampered) goneAtRest(key string) {
	h.rest = func(items Items) { delete(items, h.key(items, key)) }
}

// key is the first of the keys that end so.
func (h tampered) key(items Items, end string) (first table.Key) {
	for k := range items {
		if strings.HasSuffix(k.String(), end) && (first == table.Key{} || k.String() < first.String()) {
			first = k
		}
	}
	if (first == table.Key{}) {
		h.Fatalf("there is no item %q", end)
	}
	return first
}

// move changes a counter's move by n.
func (h tampered) move(key string, n int, by int64) { h.op(key, n).Delta += by }
