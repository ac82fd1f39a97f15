package tabletest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"tripsaga/table"
)

var models = []testCase{
	{"model/random operations against a map", againstMap},
}

// model is the port in its simplest form. All keys begin with the run's own name, so that runs share a table.
type model struct {
	f     *fixture
	name  string
	items map[table.Key]table.Item
}

func againstMap(f *fixture) {
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		run++
		m := &model{f: f, name: fmt.Sprint(run, "/"), items: make(map[table.Key]table.Item)}
		t.Repeat(map[string]func(*rapid.T){"transact": m.transact, "get": m.get, "query": m.query})
	})
}

func (m *model) draw(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"a", "a\x00", "a#", "ab", "b", "b\uffff"}).Draw(t, label)
}

func (m *model) key(t *rapid.T, label string) table.Key {
	return key(m.name+m.draw(t, label+" pk"), m.draw(t, label+" sk"))
}

func (m *model) cond(t *rapid.T, kind table.OpKind) table.Cond {
	least := table.CondNone
	if kind == table.OpCheck {
		least = table.CondAbsent
	}
	c := table.Cond{Kind: table.CondKind(rapid.IntRange(int(least), int(table.CondVersion)).Draw(t, "condition"))}
	if c.Kind == table.CondVersion {
		c.Version = rapid.Int64Range(0, 2).Draw(t, "version")
	}
	return c
}

func (m *model) op(t *rapid.T) table.Op {
	k := m.key(t, "key")
	switch kind := rapid.SampledFrom([]table.OpKind{table.OpPut, table.OpPut, table.OpDelete, table.OpCheck, table.OpAdd}).Draw(t, "kind"); kind {
	case table.OpPut:
		return table.Put(m.item(t, k), m.cond(t, kind))
	case table.OpDelete:
		return table.Delete(k, m.cond(t, kind))
	case table.OpCheck:
		return table.Check(k, m.cond(t, kind))
	default:
		delta, floor := rapid.Int64Range(-3, 3).Draw(t, "delta"), rapid.Int64Range(-2, 2).Draw(t, "floor")
		return table.Add(k, "n", delta, floor)
	}
}

func (m *model) item(t *rapid.T, k table.Key) table.Item {
	it := table.Item{Key: k, Version: rapid.Int64Range(0, 2).Draw(t, "new version")}
	if rapid.Bool().Draw(t, "indexed") {
		it.Index = m.key(t, "index")
	}
	if rapid.Bool().Draw(t, "counting") {
		it.Ints = map[string]int64{"n": rapid.SampledFrom([]int64{-1, 0, 1, 2, math.MaxInt64}).Draw(t, "n"), "other": 5}
	}
	it.Data = []byte(fmt.Sprintf("%d", rapid.IntRange(0, 99).Draw(t, "data")))
	return it
}

func (m *model) transact(t *rapid.T) {
	ops := rapid.SliceOfNDistinct(rapid.Custom(m.op), 1, 5, func(op table.Op) table.Key { return op.Key }).Draw(t, "ops")
	ctx := m.f.ctx
	if rapid.Bool().Draw(t, "deferred") {
		ctx = table.Deferred(ctx)
	}
	want := m.apply(ops)
	err := m.f.Transact(ctx, ops...)
	if want < 0 && err != nil {
		t.Fatalf("Transact: %v", err)
	}
	var c *table.Conflict
	if want >= 0 && (!errors.As(err, &c) || c.Op != want) {
		t.Fatalf("Transact: %v, want a conflict of operation %d", err, want)
	}
}

// apply returns the index of the first operation that conflicts, or -1.
func (m *model) apply(ops []table.Op) int {
	next := maps.Clone(m.items)
	for i, op := range ops {
		it, ok := m.items[op.Key]
		if !holds(op, it, ok) {
			return i
		}
		switch op.Kind {
		case table.OpPut:
			next[op.Key] = op.Item
		case table.OpDelete:
			delete(next, op.Key)
		case table.OpAdd:
			it.Ints = maps.Clone(it.Ints)
			it.Ints[op.Attr] += op.Delta
			next[op.Key] = it
		}
	}
	m.items = next
	return -1
}

func holds(op table.Op, it table.Item, ok bool) bool {
	if op.Kind == table.OpAdd {
		n, has := it.Ints[op.Attr]
		sum := n + op.Delta
		overflows := (op.Delta > 0) != (sum > n) && op.Delta != 0
		return ok && has && !overflows && sum >= op.Floor
	}
	switch op.Cond.Kind {
	case table.CondAbsent:
		return !ok
	case table.CondPresent:
		return ok
	case table.CondVersion:
		return ok && it.Version == op.Cond.Version
	default:
		return true
	}
}

func (m *model) get(t *rapid.T) {
	k := m.key(t, "key")
	want, exists := m.items[k]
	got, ok, err := m.f.Get(m.f.ctx, k)
	if err != nil || ok != exists || ok && !same(got, want) {
		t.Fatalf("Get %q: %+v, ok %v, error %v, want %+v, ok %v", k, got, ok, err, want, exists)
	}
}

func (m *model) query(t *rapid.T) {
	q := table.Query{
		PK:         m.name + m.draw(t, "pk"),
		Index:      rapid.Bool().Draw(t, "index"),
		Descending: rapid.Bool().Draw(t, "descending"),
		Limit:      rapid.IntRange(0, 3).Draw(t, "limit"),
	}
	switch rapid.IntRange(0, 2).Draw(t, "bounds") {
	case 1:
		q.Prefix = m.draw(t, "prefix")
	case 2:
		q.From, q.To = m.draw(t, "from"), m.draw(t, "to")
	}
	if q.Index && m.f.suite.IndexLags {
		return
	}
	got, want := m.f.all(q), m.answer(q)
	if q.Index {
		sortTies(got)
		sortTies(want)
	}
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("Query %+v: %+v, want %+v", q, got, want)
	}
}

// sortTies brings items of equal index keys, whose order is the backend's choice, into the model's order.
func sortTies(items []table.Item) {
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].Index == items[0].Index {
			n++
		}
		slices.SortFunc(items[:n], func(a, b table.Item) int { return compareKeys(a.Key, b.Key) })
		items = items[n:]
	}
}

func compareKeys(a, b table.Key) int { return cmp.Or(cmp.Compare(a.PK, b.PK), cmp.Compare(a.SK, b.SK)) }

func (m *model) answer(q table.Query) (found []table.Item) {
	at := func(it table.Item) table.Key {
		if q.Index {
			return it.Index
		}
		return it.Key
	}
	for _, it := range m.items {
		k := at(it)
		if k.PK == q.PK && strings.HasPrefix(k.SK, q.Prefix) && k.SK >= q.From && (q.To == "" || k.SK < q.To) {
			found = append(found, it)
		}
	}
	slices.SortFunc(found, func(a, b table.Item) int {
		return cmp.Or(cmp.Compare(at(a).SK, at(b).SK), compareKeys(a.Key, b.Key))
	})
	if q.Descending {
		slices.Reverse(found)
	}
	return found
}
