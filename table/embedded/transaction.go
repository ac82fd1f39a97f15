package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"tripsaga/table"
)

// transact checks all conditions and then writes, so that a transaction that fails leaves nothing in the batch.
func (c *committer) transact(r *request) error {
	for i := range r.writes {
		w := &r.writes[i]
		why, err := c.check(w)
		if err != nil {
			return err
		}
		if why != "" {
			return &table.Conflict{Op: i, Key: w.key, Why: why}
		}
	}
	c.recent.remember(r.writes, c.number+1)
	for i := range r.writes {
		if err := c.put(&r.writes[i]); err != nil {
			return err
		}
	}
	if len(r.writes) > 0 {
		c.store.counters.transactions.Add(1)
	}
	return nil
}

// check returns why the condition does not hold, or "". It also prepares w for put: the old index key, the new value of
// an Add.
func (c *committer) check(w *write) (why string, err error) {
	value, found, done, err := c.find(w.key)
	if err != nil {
		return "", err
	}
	defer done()
	var h header
	if found {
		if h, err = parseHeader(value); err != nil {
			return "", err
		}
	}
	if w.kind == table.OpAdd {
		return w.add(value, found, &h), nil
	}
	if w.oldIndex, err = h.index(w.key.PK, w.index); err != nil {
		return "", malformed(err)
	}
	return w.cond.Unmet(found, h.version), nil
}

func nothing() {}

// find reads the newest state of an item, unapplied writes of the group included. The value is valid until done is
// called.
func (c *committer) find(k table.Key) (value []byte, found bool, done func(), err error) {
	if value, known := c.recent.get(k); known {
		return value, value != nil, nothing, nil
	}
	c.key = appendItemKey(c.key[:0], k)
	if empty, err := c.wasEmpty(c.key[:len(c.key)-len(k.SK)]); empty || err != nil {
		return nil, false, nothing, err
	}
	value, closer, err := c.store.db.Get(c.key)
	if err == pebble.ErrNotFound {
		return nil, false, nothing, nil
	}
	if err != nil {
		return nil, false, nothing, err
	}
	return value, true, func() { _ = closer.Close() }, nil
}

// wasEmpty reports whether the partition, a prefix of keys, contains only what recent knows. Most new items are in new
// partitions, so one lookup of the partition saves a lookup of each item. The lookup also finds the next item, whose key ends
// the gap that contains the partition; most new partitions of a kind are in the gap of the previous one, since their ids are in
// the order of time. BenchmarkTransact measures it.
func (c *committer) wasEmpty(partition []byte) (bool, error) {
	if empty, known := c.recent.wasEmpty(partition); known {
		return empty, nil
	}
	it, err := c.store.db.NewIter(&pebble.IterOptions{LowerBound: partition, UpperBound: endOfItems})
	if err != nil {
		return false, err
	}
	next := endOfItems
	if it.First() {
		next = it.Key()
	}
	if err := it.Error(); err != nil {
		return false, errors.Join(err, it.Close())
	}
	c.recent.looked(partition, next)
	return !bytes.HasPrefix(next, partition), it.Close()
}

// add computes the new value of an Add, or returns why it is refused.
func (w *write) add(old []byte, found bool, h *header) (why string) {
	at, has := h.intAt(w.attr)
	var n int64
	if has {
		n = int64(binary.BigEndian.Uint64(h.ints[at:]))
	}
	if why := table.UnmetAdd(found, w.attr, n, has, w.delta, w.floor); why != "" {
		return why
	}
	w.value = slices.Clone(old)
	at += len(old) - len(h.data) - len(h.ints)
	binary.BigEndian.PutUint64(w.value[at:], uint64(n+w.delta))
	return ""
}

// put adds the checked operation to the batch.
func (c *committer) put(w *write) error {
	switch w.kind {
	case table.OpCheck:
		return nil
	case table.OpDelete:
		return c.delete(w)
	}
	c.key = appendItemKey(c.key[:0], w.key)
	if err := c.batch.Set(c.key, w.value, nil); err != nil {
		return err
	}
	if err := c.reindex(w); err != nil {
		return err
	}
	if w.kind == table.OpPut && c.streams(w.key) {
		return c.publish(w)
	}
	return nil
}

func (c *committer) delete(w *write) error {
	c.key = appendItemKey(c.key[:0], w.key)
	if err := c.batch.Delete(c.key, nil); err != nil {
		return err
	}
	return c.reindex(w)
}

// reindex moves the item's entry in the secondary index.
func (c *committer) reindex(w *write) error {
	if w.index == w.oldIndex {
		return nil
	}
	if w.oldIndex != (table.Key{}) {
		c.key = appendIndexKey(c.key[:0], w.oldIndex, w.key)
		if err := c.batch.Delete(c.key, nil); err != nil {
			return err
		}
	}
	if w.index == (table.Key{}) {
		return nil
	}
	c.key = appendIndexKey(c.key[:0], w.index, w.key)
	return c.batch.Set(c.key, nil, nil)
}

func (c *committer) streams(k table.Key) bool {
	prefix := c.store.opts.StreamPrefix
	return prefix != "" && strings.HasPrefix(k.SK, prefix)
}

// publish appends the item, as written now, to the stream.
func (c *committer) publish(w *write) error {
	c.change++
	if err := c.beginEpoch(); err != nil {
		return err
	}
	c.key = appendStreamKey(c.key[:0], c.change)
	c.value = appendChange(c.value[:0], w.key, w.value)
	return c.batch.Set(c.key, c.value, nil)
}
