package linear

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"tripsaga/table"
)

// The keys of a history, by their numbers.
var places = [...]struct{ pk, sk string }{{"p", "a"}, {"p", "ab"}, {"p", "b"}, {"q", "a"}}

// counter is the one integer attribute.
const counter = "n"

// cell is the model's view of an item. The zero cell is a missing item.
type cell struct {
	version int64 // above 0; each Put has a different one
	n       int64 // of the counter
	counts  bool  // the item has the counter
}

func (c cell) there() bool { return c.version != 0 }

// state is the table of the model, a cell for each key.
type state [len(places)]cell

// call is the input of an operation: get, query or transact.
type call struct {
	over  []int      // the keys that it reads or writes, in the order of the query or of the transaction
	limit int        // of a query; 0 means no limit
	ops   []table.Op // of a transaction
	query bool
}

// outcome is the outcome of a transaction.
type outcome uint8

const (
	done outcome = iota
	conflict
	unknown
)

// answer is the output of an operation.
type answer struct {
	cells   []found // of a get or a query, in order
	more    bool    // of a query: another page follows
	outcome outcome // of a transaction
	failed  int     // the operation named by the conflict
}

// found is an item that was read.
type found struct {
	key  int
	cell cell
}

var hashSeed = maphash.MakeSeed()

// model is the port in its simplest form.
var model = porcupine.Model{
	Partition: partition,
	Init:      func() any { return state{} },
	Step:      func(s, in, out any) (bool, any) { return step(s.(state), in.(call), out.(answer)) },
	Hash:      func(s any) uint64 { return maphash.Comparable(hashSeed, s.(state)) },

	DescribeOperation: func(in, out any) string { return describe(in.(call), out.(answer)) },
	DescribeState:     func(s any) string { return s.(state).String() },
}

func step(s state, in call, out answer) (bool, state) {
	if in.ops == nil {
		cells, more := s.read(in)
		return more == out.more && slices.Equal(cells, out.cells), s
	}
	next, failed := s.transact(in)
	switch {
	case failed >= 0:
		return out.outcome == unknown || out.outcome == conflict && out.failed == failed, s
	default:
		return out.outcome != conflict, next
	}
}

// read returns the cells of a page, and whether more follow.
func (s state) read(in call) (cells []found, more bool) {
	for _, key := range in.over {
		if !s[key].there() && in.query {
			continue
		}
		if in.limit > 0 && len(cells) == in.limit {
			return cells, true
		}
		cells = append(cells, found{key, s[key]})
	}
	return cells, false
}

// transact returns the state after the transaction, or the index of the first operation that conflicts, else -1.
func (s state) transact(in call) (next state, failed int) {
	next = s
	for i, op := range in.ops {
		at := in.over[i]
		if !holds(op, s[at]) {
			return s, i
		}
		switch op.Kind {
		case table.OpPut:
			n, counts := op.Item.Ints[counter]
			next[at] = cell{version: op.Item.Version, n: n, counts: counts}
		case table.OpDelete:
			next[at] = cell{}
		case table.OpAdd:
			next[at].n += op.Delta
		}
	}
	return next, -1
}

func holds(op table.Op, c cell) bool {
	switch {
	case op.Kind == table.OpAdd:
		return c.counts && c.n+op.Delta >= op.Floor // which never overflows: what clients draw is small
	case op.Cond.Kind == table.CondAbsent:
		return !c.there()
	case op.Cond.Kind == table.CondPresent:
		return c.there()
	case op.Cond.Kind == table.CondVersion:
		return c.there() && c.version == op.Cond.Version
	}
	return true
}

// partition splits a history into sets of keys that no operation connects: the history is linearizable if each part is.
func partition(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	var tied []uint // disjoint sets of keys, as bits
	for _, op := range history {
		tied = tie(tied, op.Input.(call).keys())
	}
	for _, set := range tied {
		var part []porcupine.Operation
		for _, op := range history {
			if op.Input.(call).keys()&set != 0 {
				part = append(part, op)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

func tie(tied []uint, keys uint) []uint {
	apart := tied[:0]
	for _, set := range tied {
		if set&keys != 0 {
			keys |= set
		} else {
			apart = append(apart, set)
		}
	}
	return append(apart, keys)
}

func (c call) keys() (set uint) {
	for _, key := range c.over {
		set |= 1 << key
	}
	return set
}

func name(key int) string { return places[key].pk + "/" + places[key].sk }

func (c cell) String() string {
	switch {
	case !c.there():
		return "none"
	case c.counts:
		return fmt.Sprintf("v%d n=%d", c.version, c.n)
	}
	return fmt.Sprintf("v%d", c.version)
}

func (f found) String() string { return name(f.key) + " " + f.cell.String() }

func (s state) String() string {
	var cells []string
	for key, c := range s {
		cells = append(cells, found{key, c}.String())
	}
	return strings.Join(cells, ", ")
}

func (c call) String() string {
	var parts []string
	for i, key := range c.over {
		if c.ops == nil {
			parts = append(parts, name(key))
		} else {
			parts = append(parts, describeOp(c.ops[i], name(key)))
		}
	}
	list := strings.Join(parts, ", ")
	switch {
	case c.ops != nil:
		return "Transact " + list
	case c.query && c.limit > 0:
		return fmt.Sprintf("Query %s, at most %d", list, c.limit)
	case c.query:
		return "Query " + list
	}
	return "Get " + list
}

func describeOp(op table.Op, key string) string {
	switch op.Kind {
	case table.OpPut:
		n, counts := op.Item.Ints[counter]
		return fmt.Sprintf("put %s %s%s", key, cell{op.Item.Version, n, counts}, describeCond(op.Cond))
	case table.OpDelete:
		return "delete " + key + describeCond(op.Cond)
	case table.OpAdd:
		return fmt.Sprintf("add %+d to %s if >= %d", op.Delta, key, op.Floor)
	}
	return "check " + key + describeCond(op.Cond)
}

func describeCond(c table.Cond) string {
	switch c.Kind {
	case table.CondAbsent:
		return " if absent"
	case table.CondPresent:
		return " if present"
	case table.CondVersion:
		return fmt.Sprintf(" if v%d", c.Version)
	}
	return ""
}

func (o outcome) String() string { return [...]string{"done", "conflict", "unknown"}[o] }

func describe(in call, out answer) string {
	switch {
	case in.ops == nil && out.more:
		return fmt.Sprintf("%s: %v and more", in, out.cells)
	case in.ops == nil:
		return fmt.Sprintf("%s: %v", in, out.cells)
	case out.outcome == conflict:
		return fmt.Sprintf("%s: conflict of operation %d", in, out.failed)
	}
	return fmt.Sprintf("%s: %s", in, out.outcome)
}
