package embedded

import (
	"bytes"
	"sync"
	"sync/atomic"

	"tripsaga/table"
)

// recentBytes bounds each of the two generations of [recent].
const recentBytes = 2 << 20

// recent holds the items that were written or read lately. The committer adds what it writes, readers add what they had to
// ask Pebble for. Within a group it is the only place that knows the group's own earlier writes. Beyond that it saves most
// reads: of items that are read or rewritten soon, and of items that are new.
//
// What a reader finds here is what Pebble would show at the same moment. An entry has the number of the group that wrote it,
// and counts for readers only once that group is applied: in between they ask Pebble, which shows the group or not. A reader
// adds only what nobody has written meanwhile: each write has an entry, so it adds an item only if there is none yet, and none
// can have been forgotten since it asked.
//
// It also knows gaps: ranges of keys in which Pebble had nothing when the committer looked. All items in a gap were written
// since then, so they are in the same generation or a younger one, and an item in neither generation does not exist. That is
// correct only while every write is recorded here.
type recent struct {
	mu         sync.RWMutex // guards all below
	young, old generation
	size       int    // bytes of young, its gaps included
	ages       uint64 // generations that were forgotten

	applied atomic.Uint64 // the last group that readers see in Pebble
}

type generation struct {
	items map[table.Key]entry
	gaps  map[string]gap  // of each kind the one that ends last, see kindOf
	empty map[string]bool // whether other partitions were empty
}

type entry struct {
	value []byte // never changed; nil is a deleted item
	group uint64 // that wrote it
}

// gap is a range of keys, from <= key < to.
type gap struct{ from, to []byte }

func (r *recent) init() {
	r.young, r.old = newGeneration(), newGeneration()
}

func newGeneration() generation {
	return generation{items: make(map[table.Key]entry), gaps: make(map[string]gap), empty: make(map[string]bool)}
}

func (r *recent) find(k table.Key) (e entry, known bool) {
	if e, known = r.young.items[k]; known {
		return e, true
	}
	e, known = r.old.items[k]
	return e, known
}

// get is for the committer, which sees the writes of its own group.
func (r *recent) get(k table.Key) (value []byte, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, known := r.find(k)
	return e.value, known
}

// read is for readers. Unless known, Pebble must be asked, and ages is for add. A nil value is a missing item.
func (r *recent) read(k table.Key) (value []byte, known bool, ages uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, written := r.find(k)
	if !written {
		var buf [128]byte
		empty, looked := r.empty(appendComponent(append(buf[:0], spaceItem), k.PK))
		return nil, looked && empty, r.ages
	}
	return e.value, e.group <= r.applied.Load(), r.ages
}

// add remembers an item that a reader found in Pebble after read, which returned ages.
func (r *recent) add(k table.Key, value []byte, ages uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, written := r.find(k); !written && r.ages == ages && r.size < recentBytes {
		r.set(k, entry{value: value})
	}
}

// remember notes what a group writes, before any of it is applied.
func (r *recent) remember(writes []write, group uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range writes {
		switch w := &writes[i]; w.kind {
		case table.OpCheck:
		case table.OpDelete:
			r.set(w.key, entry{group: group})
		default:
			r.set(w.key, entry{w.value, group})
		}
	}
}

// set needs the lock.
func (r *recent) set(k table.Key, e entry) {
	r.young.items[k] = e
	r.size += len(k.PK) + len(k.SK) + len(e.value) + 64
}

// wasEmpty reports whether the partition, a prefix of keys, was empty when the committer looked.
func (r *recent) wasEmpty(partition []byte) (empty, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.empty(partition)
}

func (r *recent) empty(partition []byte) (empty, known bool) {
	if empty, known = r.young.wasEmpty(partition); known {
		return empty, true
	}
	return r.old.wasEmpty(partition)
}

func (g *generation) wasEmpty(partition []byte) (empty, known bool) {
	of := g.gaps[string(kindOf(partition))]
	if bytes.Compare(partition, of.from) >= 0 && bytes.Compare(partition, of.to) < 0 {
		return !bytes.HasPrefix(of.to, partition), true
	}
	empty, known = g.empty[string(partition)]
	return empty, known
}

// looked remembers that Pebble has nothing from partition up to the key next.
func (r *recent) looked(partition, next []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := kindOf(partition)
	last, known := r.young.gaps[string(kind)]
	if bytes.Compare(next, last.to) >= 0 {
		r.young.gaps[string(kind)] = gap{bytes.Clone(partition), bytes.Clone(next)}
		r.size += len(partition) + len(next) - len(last.from) - len(last.to)
		if !known {
			r.size += len(kind) + 64
		}
		return
	}
	r.young.empty[string(partition)] = !bytes.HasPrefix(next, partition)
	r.size += len(partition) + 32
}

// kindOf returns the part of a partition's key that it shares with others of its kind: that before the last '#'.
func kindOf(partition []byte) []byte {
	return partition[:max(bytes.LastIndexByte(partition, '#'), 0)]
}

// age forgets the older generation when the younger one is full. It must not be called before the group is applied: it
// could forget the group's own writes.
func (r *recent) age() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size < recentBytes {
		return
	}
	clear(r.old.items)
	clear(r.old.gaps)
	clear(r.old.empty)
	r.young, r.old = r.old, r.young
	r.size = 0
	r.ages++
}
