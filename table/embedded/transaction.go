package embedded

import (
	"encoding/binary"
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
		w.oldIndex = h.index()
	}
	if w.kind == table.OpAdd {
		return w.add(value, found, &h), nil
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
	if empty, err := c.wasEmpty(k.PK); empty || err != nil {
		return nil, false, nothing, err
	}
	c.key = appendItemKey(c.key[:0], k)
	value, closer, err := c.store.db.Get(c.key)
	if err == pebble.ErrNotFound {
		return nil, false, nothing, nil
	}
	if err != nil {
		return nil, false, nothing, err
	}
	return value, true, func() { _ = closer.Close() }, nil
}

// wasEmpty reports whether the partition holds nothing but what recent knows. Most new items are in new partitions, so one
// look at the partition saves a look for each item. BenchmarkTransact measures it: without it the writes of a booking need
// a fifth more CPU.
func (c *committer) wasEmpty(pk string) (bool, error) {
	if empty, known := c.recent.wasEmpty(pk); known {
		return empty, nil
	}
	c.key = appendComponent(append(c.key[:0], spaceItem), pk)
	it, err := c.store.db.NewIter(&pebble.IterOptions{LowerBound: c.key, UpperBound: successor(c.key)})
	if err != nil {
		return false, err
	}
	empty := !it.First()
	if err := it.Close(); err != nil {
		return false, err
	}
	c.recent.setEmpty(pk, empty)
	return empty, nil
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
	w.index = w.oldIndex
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
	c.recent.set(w.key, w.value)
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
	c.recent.set(w.key, nil)
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

// recentBytes bounds each of the two generations of [recent].
const recentBytes = 16 << 20

// recent holds the committer's latest writes. Within a group it is the only place that knows the group's own earlier
// writes. Beyond that it saves most reads of items that are rewritten soon, and of items that are new.
//
// It also knows which partitions were empty when it first looked. All items of such a partition were written since then,
// so they are in the same generation or a younger one, and an item in neither generation does not exist. That is correct
// only while every write is recorded here, and the partition of each item is looked up before the item is written.
type recent struct {
	young, old generation
	size       int // bytes of young
}

type generation struct {
	items map[table.Key][]byte // nil is a deleted item
	empty map[string]bool      // whether a partition was empty
}

func newRecent() recent {
	return recent{young: newGeneration(), old: newGeneration()}
}

func newGeneration() generation {
	return generation{items: make(map[table.Key][]byte), empty: make(map[string]bool)}
}

func (r *recent) get(k table.Key) (value []byte, known bool) {
	if value, known = r.young.items[k]; known {
		return value, true
	}
	value, known = r.old.items[k]
	return value, known
}

func (r *recent) set(k table.Key, value []byte) {
	r.young.items[k] = value
	r.size += len(k.PK) + len(k.SK) + len(value) + 64
}

// wasEmpty reports whether the partition was empty when the committer first looked.
func (r *recent) wasEmpty(pk string) (empty, known bool) {
	if empty, known = r.young.empty[pk]; known {
		return empty, true
	}
	empty, known = r.old.empty[pk]
	return empty, known
}

func (r *recent) setEmpty(pk string, empty bool) {
	r.young.empty[pk] = empty
	r.size += len(pk) + 32
}

// age forgets the older generation when the younger one is full. It must not be called before the group is applied: it
// could forget the group's own writes.
func (r *recent) age() {
	if r.size < recentBytes {
		return
	}
	clear(r.old.items)
	clear(r.old.empty)
	r.young, r.old = r.old, r.young
	r.size = 0
}
