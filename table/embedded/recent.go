package embedded

import "tripsaga/table"

// recentBytes bounds each of the two generations of [recent].
const recentBytes = 16 << 20

// recent holds what the committer wrote lately. Within a group it is the only place that knows the group's own earlier
// writes; beyond that it spares most reads of items that are rewritten soon, and of items that are new.
//
// It also knows which partitions were empty when it first saw them. All items of such a partition were written since,
// so they are in the same generation or a younger one, and what is in neither does not exist. Both hold only while
// every write is recorded, and the partition of each is asked for before.
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

// wasEmpty tells whether the partition was empty when it was first seen.
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

// age forgets the older generation when the younger is full. It must not be called while the group is not applied.
func (r *recent) age() {
	if r.size < recentBytes {
		return
	}
	clear(r.old.items)
	clear(r.old.empty)
	r.young, r.old = r.old, r.young
	r.size = 0
}
