package world

import (
	"tripsaga/table"
	"tripsaga/table/embedded"
)

// What the tests of the trip see of a world.
const (
	NoPanic   = noPanic
	RunEnds   = runEnds
	MaxFrames = maxFrames
)

// InMemory makes a world play over tables in memory only, InStore over embedded stores only.
func (w *World) InMemory() { w.store = w.memory }
func (w *World) InStore()  { w.memory = w.store }

// Stored reports whether the newest run was over an embedded store.
func (w *World) Stored() bool {
	_, ok := w.on.Table.(*embedded.Store)
	return ok
}

// Base is what a table has before a run.
func (t *Trace) Base(key table.Key) (table.Item, bool) {
	item, ok := t.base[key]
	return item, ok
}

// StateOf is the hash of records as a run notes it.
func (w *World) StateOf(records []Record) uint64 {
	b := w.books()
	for _, r := range records {
		if l := b.of(r.Key); r.Now == nil {
			l.set(r.Key, table.Item{}, false)
		} else {
			l.set(r.Key, *r.Now, true)
		}
	}
	return b.state()
}
