package tabletest

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"tripsaga/table"
)

// Memory implements the port by a map. It is for tests that need very many tables and do not test the table itself.
type Memory struct {
	mu    sync.Mutex
	items map[table.Key]table.Item
}

var _ table.Table = (*Memory)(nil)

// NewMemory is an empty table.
func NewMemory() *Memory { return &Memory{items: map[table.Key]table.Item{}} }

// Get reads an item.
func (m *Memory) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	if err := cmp.Or(table.ValidateKey(key), ctx.Err()); err != nil {
		return table.Item{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[key]
	return clone(it), ok, nil
}

func clone(it table.Item) table.Item {
	it.Data, it.Ints = slices.Clone(it.Data), maps.Clone(it.Ints)
	return it
}

// Transact writes all or nothing.
func (m *Memory) Transact(ctx context.Context, ops ...table.Op) error {
	if err := cmp.Or(table.Validate(ops), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, op := range ops {
		if why := m.unmet(op); why != "" {
			return &table.Conflict{Op: i, Key: op.Key, Why: why}
		}
	}
	for _, op := range ops {
		switch op.Kind {
		case table.OpPut:
			m.items[op.Key] = clone(op.Item)
		case table.OpDelete:
			delete(m.items, op.Key)
		case table.OpAdd:
			it := clone(m.items[op.Key])
			it.Ints[op.Attr] += op.Delta
			m.items[op.Key] = it
		}
	}
	return nil
}

func (m *Memory) unmet(op table.Op) (why string) {
	it, ok := m.items[op.Key]
	if op.Kind == table.OpAdd {
		n, has := it.Ints[op.Attr]
		return table.UnmetAdd(ok, op.Attr, n, has, op.Delta, op.Floor)
	}
	return op.Cond.Unmet(ok, it.Version)
}

// place is the position of an item in a query. On the index, items of equal index keys are ordered by their own keys.
type place struct{ SK, ItemPK, ItemSK string }

func placeOf(q table.Query, it table.Item) (pk string, p place) {
	if q.Index {
		return it.Index.PK, place{it.Index.SK, it.PK, it.SK}
	}
	return it.PK, place{SK: it.SK}
}

func (p place) compare(o place) int {
	return cmp.Or(strings.Compare(p.SK, o.SK), strings.Compare(p.ItemPK, o.ItemPK), strings.Compare(p.ItemSK, o.ItemSK))
}

// Query reads a page.
func (m *Memory) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	if err := cmp.Or(table.ValidateQuery(q), ctx.Err()); err != nil {
		return page, err
	}
	var after *place
	if q.Cursor != "" {
		raw, err := table.ParseCursor(q)
		if err != nil || json.Unmarshal(raw, &after) != nil {
			return page, table.ErrCursor
		}
	}
	found := m.find(q, after)
	limit := cmp.Or(q.Limit, table.MaxPage)
	size := 0
	for i, it := range found {
		if i == limit || size >= table.MaxPageData {
			_, p := placeOf(q, found[i-1])
			raw, err := json.Marshal(p)
			page.Cursor = table.MakeCursor(q, raw)
			return page, err
		}
		page.Items = append(page.Items, it)
		size += len(it.Data)
	}
	return page, nil
}

// find returns what q selects after a place.
func (m *Memory) find(q table.Query, after *place) (found []table.Item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sign := 1
	if q.Descending {
		sign = -1
	}
	for _, it := range m.items {
		pk, p := placeOf(q, it)
		if pk == q.PK && strings.HasPrefix(p.SK, q.Prefix) && p.SK >= q.From && (q.To == "" || p.SK < q.To) &&
			(after == nil || p.compare(*after)*sign > 0) {
			found = append(found, clone(it))
		}
	}
	slices.SortFunc(found, func(a, b table.Item) int {
		_, p := placeOf(q, a)
		_, o := placeOf(q, b)
		return p.compare(o) * sign
	})
	return found
}
