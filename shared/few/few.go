// Package few provides a map for what an execution waits for: packages asl and engine keep tasks and timers in it by their ids.
// Most executions have one or two at a time, so unlike in a Go map the first two need no allocation.
package few

import "iter"

// Map maps ids, which are not 0, to values. The zero value is an empty map. It is not safe for concurrent use, and must not be
// copied after its first use.
type Map[V any] struct {
	first [2]entry[V]
	more  map[int64]V // what first has no room for
}

type entry[V any] struct {
	id    int64 // 0 for a free entry
	value V
}

func (m *Map[V]) entry(id int64) *entry[V] {
	for i := range m.first {
		if m.first[i].id == id {
			return &m.first[i]
		}
	}
	return nil
}

// Get returns the value of id, or the zero value if it has none.
func (m *Map[V]) Get(id int64) V {
	if e := m.entry(id); e != nil && id != 0 {
		return e.value
	}
	return m.more[id]
}

// Set sets the value of id.
func (m *Map[V]) Set(id int64, v V) {
	if e := m.entry(id); e != nil {
		e.value = v
		return
	}
	if e := m.entry(0); e != nil {
		delete(m.more, id)
		*e = entry[V]{id, v}
		return
	}
	if m.more == nil {
		m.more = map[int64]V{}
	}
	m.more[id] = v
}

// Delete removes id.
func (m *Map[V]) Delete(id int64) {
	if e := m.entry(id); e != nil {
		*e = entry[V]{}
		return
	}
	delete(m.more, id)
}

// All ranges over the ids and values, in no particular order. The current id may be deleted meanwhile.
func (m *Map[V]) All() iter.Seq2[int64, V] {
	return func(yield func(int64, V) bool) {
		for _, e := range m.first {
			if e.id != 0 && !yield(e.id, e.value) {
				return
			}
		}
		for id, v := range m.more {
			if !yield(id, v) {
				return
			}
		}
	}
}
