package model

import (
	"maps"

	"tripsaga/table"
)

// history is a real run, recorded. It can be changed and judged again.
type history struct {
	base  Items
	trips []Trip
	acts  []act
	rest  func(Items) // changes what Final is given
}

// act is one call of the judge.
type act struct {
	ops     []table.Op  // a transaction, or else:
	acked   string      // the trip that was acknowledged
	stopped string      // the trip that stopped
	crash   func(Items) // takes writes back
	behind  func(Items) // writes what the judge is not told of
}

// judge plays the history to a new judge. It returns the violations on the way and those at rest.
func (h *history) judge() (found, atRest []Violation) {
	j, items := New(h.base, h.trips...), maps.Clone(h.base)
	for _, a := range h.acts {
		switch {
		case a.acked != "":
			j.Acknowledged(a.acked)
		case a.stopped != "":
			found = append(found, j.Stopped(maps.All(items), a.stopped)...)
		case a.crash != nil:
			a.crash(items)
			j.Reset(maps.All(items))
		case a.behind != nil:
			a.behind(items)
		default:
			before := some(items, a.ops)
			apply(items, a.ops)
			found = append(found, j.Commit(a.ops, before.Get, items.Get)...)
		}
	}
	if h.rest != nil {
		h.rest(items)
	}
	return found, j.Final(maps.All(items))
}

// of are the items that the operations name.
func some(items Items, ops []table.Op) Items {
	of := Items{}
	for _, op := range ops {
		if item, ok := items[op.Key]; ok {
			of[op.Key] = item
		}
	}
	return of
}

// apply does what a table does, whatever the conditions say.
func apply(items Items, ops []table.Op) {
	for _, op := range ops {
		switch op.Kind {
		case table.OpPut:
			items[op.Key] = op.Item
		case table.OpDelete:
			delete(items, op.Key)
		case table.OpAdd:
			item := items[op.Key]
			item.Ints = maps.Clone(item.Ints)
			item.Ints[op.Attr] += op.Delta
			items[op.Key] = item
		}
	}
}
