package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/asl"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// move is a change that a delivery has made, with or without a record of the barrier: of a counter by n, or of a whole item.
type move struct {
	position int // among the program's transactions, of which a crash may lose some; 0 for a provider's, which a crash never loses
	call     sim.Label
	at       counter // without a counter's name, the item was written
	n        int64
}

// moved records the changes that a transaction of a delivery has made: to numbers of items that existed before the run, to
// numbers that it adds to, and to items that it writes.
func (e *effects) moved(c *sagaCast, call sim.Label, ops []table.Op, before world.Lookup) {
	loaded := c.Base()
	for i := range ops {
		op, position := &ops[i], c.Committed()
		provider := strings.HasPrefix(op.Key.PK, outside)
		if provider {
			position = 0
		}
		add := func(attr string, n int64) {
			e.moves = append(e.moves, move{position, call, counter{op.Key, attr}, n})
		}
		switch op.Kind {
		case table.OpAdd:
			add(op.Attr, op.Delta)
		case table.OpPut, table.OpDelete:
			if _, ok := loaded.Get(op.Key); ok {
				item, _ := before(op.Key)
				for attr, n := range item.Ints {
					add(attr, -n)
				}
				for attr, n := range op.Item.Ints {
					add(attr, n)
				}
			}
			if !provider {
				add("", 0)
			}
		}
	}
}

// footprint is all changes that an execution has made.
type footprint struct {
	counters map[counter]int64
	items    map[table.Key]string // existing items that it has written, with the task that wrote each first
	optional map[counter]bool     // that a task has changed which a success may lack
}

func (e *effects) footprint(c *sagaCast, saga string) footprint {
	f := footprint{map[counter]int64{}, map[table.Key]string{}, map[counter]bool{}}
	for _, m := range e.moves {
		task := taskOf(m.call)
		switch _, known := f.items[m.at.key]; {
		case m.call.Saga != saga:
		case m.at.attr != "":
			f.counters[m.at] += m.n
			f.optional[m.at] = f.optional[m.at] || e.of.isOptional(task)
		case !known && !e.of.isOptional(task):
			f.items[m.at.key] = task
		}
	}
	maps.DeleteFunc(f.counters, func(at counter, n int64) bool { return n == 0 || slices.Contains(e.of.Statistics, at.attr) })
	maps.DeleteFunc(f.items, func(key table.Key, _ string) bool { _, ok := c.Item(key); return !ok })
	return f
}

// left judges the changes of an execution: if it succeeds, they are those of the run without a fault; if it fails, no counter
// has changed.
func (e *effects) left(c *sagaCast, i int, status asl.Status) (found []judge.Violation) {
	s, base := &c.sagas[i], e.of.base[c.scenario.Name]
	is, want := e.footprint(c, s.Name), footprint{}
	switch {
	case status == asl.Failed && !c.Halted(&s.Saga):
	case status == asl.Succeeded && base.succeeded(i):
		want = base.left[i]
	default:
		return nil
	}
	for _, at := range slices.SortedFunc(maps.Keys(union(is.counters, want.counters)), compareCounters) {
		if is.counters[at] == want.counters[at] || status == asl.Succeeded && (is.optional[at] || want.optional[at]) {
			continue
		}
		if status == asl.Succeeded && want.counters[at] == 0 && len(e.of.Optional) > 0 {
			continue // written by a task that ran instead of another one
		}
		found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and has changed %s of %s by %+d; expected: %+d",
			s.Name, status, at.attr, strings.TrimPrefix(at.key.String(), outside), is.counters[at], want.counters[at])})
	}
	if c.timed { // an item may be named after the time
		return found
	}
	for _, key := range slices.SortedFunc(maps.Keys(want.items), compareKeys) {
		if _, ok := c.Item(key); !ok && base.effects[key] == nil {
			found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and %s does not exist, which %s writes without a fault",
				s.Name, status, key, want.items[key])})
		}
	}
	return found
}

func union(a, b map[counter]int64) map[counter]int64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func compareCounters(a, b counter) int {
	if n := compareKeys(a.key, b.key); n != 0 {
		return n
	}
	return strings.Compare(a.attr, b.attr)
}

func taskOf(call sim.Label) string { return strings.TrimSuffix(call.Actor, "+") }
