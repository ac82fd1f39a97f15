// Package memory implements the table with sorted lists in memory. All data is lost when the process ends. It is for code that
// needs very many tables and does not test the table itself: the tests of other packages, and package verify/world.
package memory

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"tripsaga/table"
)

// Table is a table in memory; make it with [New].
type Table struct {
	mu    sync.RWMutex
	items space
	index space
}

// space is the items by partition, each list sorted by place. A stored item never changes: a write replaces it.
type space struct {
	lists map[string][]*table.Item
	saved map[string][]*table.Item // the lists that have changed since Mark, as they were then; nil without a mark
}

var _ table.Table = (*Table)(nil)

// New returns an empty table.
func New() *Table { return &Table{items: newSpace(), index: newSpace()} }

func newSpace() space { return space{lists: map[string][]*table.Item{}} }

// Mark makes the present items those to which Rewind returns.
func (t *Table) Mark() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items.saved, t.index.saved = map[string][]*table.Item{}, map[string][]*table.Item{}
}

// Rewind removes every change since Mark. Its time depends on the changes alone.
func (t *Table) Rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items.rewind()
	t.index.rewind()
}

// Get reads an item.
func (t *Table) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	if err := cmp.Or(table.ValidateKey(key), ctx.Err()); err != nil {
		return table.Item{}, false, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	item := t.get(key)
	if item == nil {
		return table.Item{}, false, nil
	}
	return clone(item), true, nil
}

func (t *Table) get(key table.Key) *table.Item {
	list := t.items.lists[key.PK]
	if i, ok := search(list, false, place{sk: key.SK}); ok {
		return list[i]
	}
	return nil
}

func clone(item *table.Item) table.Item {
	c := *item
	c.Data, c.Ints = slices.Clone(c.Data), maps.Clone(c.Ints)
	return c
}

// Transact writes all or nothing.
func (t *Table) Transact(ctx context.Context, ops ...table.Op) error {
	if err := cmp.Or(table.Validate(ops), ctx.Err()); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range ops {
		if why := t.unmet(&ops[i]); why != "" {
			return &table.Conflict{Op: i, Key: ops[i].Key, Why: why}
		}
	}
	for i := range ops {
		t.apply(&ops[i])
	}
	return nil
}

func (t *Table) unmet(op *table.Op) (why string) {
	item := t.get(op.Key)
	switch {
	case op.Kind != table.OpAdd && item == nil:
		return op.Cond.Unmet(false, 0)
	case op.Kind != table.OpAdd:
		return op.Cond.Unmet(true, item.Version)
	case item == nil:
		return table.UnmetAdd(false, op.Attr, 0, false, op.Delta, op.Floor)
	}
	n, has := item.Ints[op.Attr]
	return table.UnmetAdd(true, op.Attr, n, has, op.Delta, op.Floor)
}

func (t *Table) apply(op *table.Op) {
	switch op.Kind {
	case table.OpPut:
		item := clone(&op.Item)
		t.set(op.Key, &item)
	case table.OpDelete:
		t.set(op.Key, nil)
	case table.OpAdd:
		item := clone(t.get(op.Key))
		item.Ints[op.Attr] += op.Delta
		t.set(op.Key, &item)
	}
}

// set replaces the item of the key; nil removes it.
func (t *Table) set(key table.Key, item *table.Item) {
	if old := t.get(key); old != nil && old.Index != (table.Key{}) {
		t.index.remove(old.Index.PK, true, placeOf(old, true))
	}
	if item == nil {
		t.items.remove(key.PK, false, place{sk: key.SK})
		return
	}
	t.items.put(key.PK, false, item)
	if item.Index != (table.Key{}) {
		t.index.put(item.Index.PK, true, item)
	}
}

// save keeps a list that is about to change.
func (s *space) save(pk string) {
	if s.saved == nil {
		return
	}
	if _, ok := s.saved[pk]; !ok {
		s.saved[pk] = slices.Clone(s.lists[pk])
	}
}

func (s *space) rewind() {
	for pk, list := range s.saved {
		if list == nil {
			delete(s.lists, pk)
		} else {
			s.lists[pk] = list
		}
	}
	clear(s.saved)
}

func (s *space) put(pk string, index bool, item *table.Item) {
	s.save(pk)
	list := s.lists[pk]
	i, ok := search(list, index, placeOf(item, index))
	if ok {
		list[i] = item
		return
	}
	s.lists[pk] = slices.Insert(list, i, item)
}

func (s *space) remove(pk string, index bool, p place) {
	s.save(pk)
	list := s.lists[pk]
	i, ok := search(list, index, p)
	switch {
	case !ok:
	case len(list) == 1:
		delete(s.lists, pk)
	default:
		s.lists[pk] = slices.Delete(list, i, i+1)
	}
}

// place is the position of an item in its partition. On the index, items of equal index keys are ordered by their own keys.
type place struct{ sk, itemPK, itemSK string }

func placeOf(item *table.Item, index bool) place {
	if index {
		return place{item.Index.SK, item.PK, item.SK}
	}
	return place{sk: item.SK}
}

func (p place) compare(o place) int {
	return cmp.Or(strings.Compare(p.sk, o.sk), strings.Compare(p.itemPK, o.itemPK), strings.Compare(p.itemSK, o.itemSK))
}

func search(list []*table.Item, index bool, p place) (i int, found bool) {
	return slices.BinarySearchFunc(list, p, func(item *table.Item, p place) int { return placeOf(item, index).compare(p) })
}

// Query reads a page.
func (t *Table) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	if err := cmp.Or(table.ValidateQuery(q), ctx.Err()); err != nil {
		return page, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	list, err := t.selected(q)
	if err != nil {
		return page, err
	}
	limit, size := cmp.Or(q.Limit, table.MaxPage), 0
	for n := range list {
		if n == limit || size >= table.MaxPageData {
			page.Cursor = table.MakeCursor(q, placeOf(nth(list, n-1, q), q.Index).encode())
			break
		}
		page.Items = append(page.Items, clone(nth(list, n, q)))
		size += len(page.Items[n].Data)
	}
	return page, nil
}

// nth returns the item of that index in the order of the query.
func nth(list []*table.Item, n int, q table.Query) *table.Item {
	if q.Descending {
		n = len(list) - 1 - n
	}
	return list[n]
}

// selected returns what q selects after its cursor, in ascending order.
func (t *Table) selected(q table.Query) ([]*table.Item, error) {
	list := t.items.lists[q.PK]
	if q.Index {
		list = t.index.lists[q.PK]
	}
	from, _ := search(list, q.Index, place{sk: q.From + q.Prefix}) // one of them is empty
	to := len(list)
	switch {
	case q.Prefix != "":
		to = from
		for to < len(list) && strings.HasPrefix(placeOf(list[to], q.Index).sk, q.Prefix) {
			to++
		}
	case q.To != "":
		to, _ = search(list, q.Index, place{sk: q.To})
	}
	if q.Cursor != "" {
		last, err := parsePlace(q)
		if err != nil {
			return nil, err
		}
		i, found := search(list, q.Index, last)
		switch {
		case q.Descending:
			to = min(to, i)
		case found:
			from = max(from, i+1)
		default:
			from = max(from, i)
		}
	}
	return list[from:max(from, to)], nil
}

func (p place) encode() []byte {
	raw := binary.AppendUvarint(nil, uint64(len(p.sk)))
	raw = binary.AppendUvarint(append(raw, p.sk...), uint64(len(p.itemPK)))
	return append(append(raw, p.itemPK...), p.itemSK...)
}

func parsePlace(q table.Query) (p place, err error) {
	raw, err := table.ParseCursor(q)
	if err != nil {
		return p, err
	}
	for _, part := range []*string{&p.sk, &p.itemPK} {
		n, size := binary.Uvarint(raw)
		if size <= 0 || n > uint64(len(raw)-size) {
			return p, table.ErrCursor
		}
		*part, raw = string(raw[size:][:n]), raw[size:][n:]
	}
	p.itemSK = string(raw)
	return p, nil
}
