package embedded

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"tripsaga/table"
)

// Get reads one item.
func (s *Store) Get(ctx context.Context, key table.Key) (item table.Item, ok bool, err error) {
	if err := table.ValidateKey(key); err != nil {
		return table.Item{}, false, err
	}
	if err := s.enter(ctx); err != nil {
		return table.Item{}, false, err
	}
	defer s.leave()
	item, ok, err = s.get(key)
	if err == nil && !table.IsDeferred(ctx) {
		err = s.settle(ctx)
	}
	if err != nil {
		return table.Item{}, false, s.met(err)
	}
	return item, ok, nil
}

// get reads the item's newest state, from recent if that has it.
func (s *Store) get(key table.Key) (item table.Item, ok bool, err error) {
	value, known, ages := s.recent.read(key)
	if !known {
		if value, err = find(s.db, key); err != nil {
			return table.Item{}, false, err
		}
		if value != nil {
			s.recent.add(key, value, ages)
		}
	}
	if value == nil {
		return table.Item{}, false, nil
	}
	item, err = decodeItem(key, value)
	return item, err == nil, err
}

// find returns a copy of the item's value; nil if the item does not exist.
func find(from pebble.Reader, key table.Key) (value []byte, err error) {
	value, closer, err := from.Get(appendItemKey(make([]byte, 0, 128), key))
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value = bytes.Clone(value)
	return value, closer.Close()
}

func load(from pebble.Reader, key table.Key) (item table.Item, ok bool, err error) {
	value, err := find(from, key)
	if value == nil || err != nil {
		return table.Item{}, false, err
	}
	item, err = decodeItem(key, value)
	return item, err == nil, err
}

// Items returns a snapshot of all items in the order of their keys, beginning with the first whose partition key is at
// least from. It is for inspection and audits: other backends do not order partitions.
func (s *Store) Items(ctx context.Context, from string) iter.Seq2[table.Item, error] {
	return func(yield func(table.Item, error) bool) {
		if err := s.items(ctx, from, yield); err != nil {
			yield(table.Item{}, err)
		}
	}
}

// errStopped means that yield returned false.
var errStopped = errors.New("stopped")

func (s *Store) items(ctx context.Context, from string, yield func(table.Item, error) bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendEscaped([]byte{spaceItem}, from),
		UpperBound: []byte{spaceItem + 1},
	})
	if err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return errors.Join(err, it.Close())
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		err = yieldItem(ctx, it, yield)
	}
	if err == errStopped {
		err = nil
	}
	return s.met(errors.Join(err, it.Close()))
}

func yieldItem(ctx context.Context, it *pebble.Iterator, yield func(table.Item, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k, err := parseItemKey(it.Key())
	if err != nil {
		return err
	}
	item, err := decodeItem(k, it.Value())
	if err != nil {
		return err
	}
	if !yield(item, nil) {
		return errStopped
	}
	return nil
}

// Query reads a page.
func (s *Store) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	run, err := newRun(q)
	if err != nil {
		return table.Page{}, err
	}
	if err := s.enter(ctx); err != nil {
		return table.Page{}, err
	}
	defer s.leave()
	page, err := s.read(run)
	if err == nil && !table.IsDeferred(ctx) {
		err = s.settle(ctx)
	}
	if err != nil {
		return table.Page{}, s.met(err)
	}
	return page, nil
}

// run is a query as a range of keys, lower <= key < upper, all of which begin with partition.
type run struct {
	query                   table.Query
	partition, lower, upper []byte
}

func newRun(q table.Query) (run, error) {
	r := run{query: q}
	if r.query.Limit == 0 {
		r.query.Limit = table.MaxPage
	}
	space := byte(spaceItem)
	if q.Index {
		space = spaceIndex
	}
	r.partition = appendComponent([]byte{space}, q.PK)
	r.lower = r.bound(q.From + q.Prefix) // one of them is empty
	switch {
	case q.To != "":
		r.upper = r.bound(q.To)
	default:
		r.upper = successor(r.bound(q.Prefix))
	}
	return r, r.resume()
}

// bound returns the least key whose sort key is at least sk.
func (r *run) bound(sk string) []byte {
	b := slices.Clip(r.partition)
	if r.query.Index {
		return appendEscaped(b, sk)
	}
	return append(b, sk...)
}

// resume narrows the range to the keys after the cursor.
func (r *run) resume() error {
	if r.query.Cursor == "" {
		return nil
	}
	rest, err := table.ParseCursor(r.query)
	if err != nil {
		return err
	}
	last := append(slices.Clip(r.partition), rest...)
	if bytes.Compare(last, r.lower) < 0 || bytes.Compare(last, r.upper) >= 0 {
		return table.ErrCursor
	}
	if r.query.Descending {
		r.upper = last
	} else {
		r.lower = append(last, 0)
	}
	return nil
}

func (s *Store) read(r run) (page table.Page, err error) {
	if bytes.Compare(r.lower, r.upper) >= 0 {
		return table.Page{}, nil
	}
	from, done := s.reader(r.query.Index)
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: r.lower, UpperBound: r.upper})
	if err != nil {
		return table.Page{}, errors.Join(err, done())
	}
	page, err = r.page(it, from)
	return page, errors.Join(err, it.Close(), done())
}

// reader returns a snapshot for the index: entries and items are read one by one, and must be of the same moment.
func (s *Store) reader(index bool) (from pebble.Reader, done func() error) {
	if !index {
		return s.db, func() error { return nil }
	}
	snapshot := s.db.NewSnapshot()
	return snapshot, snapshot.Close
}

func (r *run) page(it *pebble.Iterator, from pebble.Reader) (page table.Page, err error) {
	first, next := it.First, it.Next
	if r.query.Descending {
		first, next = it.Last, it.Prev
	}
	var last []byte
	for ok, size := first(), 0; ok; ok = next() {
		if len(page.Items) == r.query.Limit || size >= table.MaxPageData {
			page.Cursor = table.MakeCursor(r.query, last[len(r.partition):])
			return page, nil
		}
		item, err := r.item(it, from)
		if err != nil {
			return table.Page{}, err
		}
		page.Items = append(page.Items, item)
		last = append(last[:0], it.Key()...)
		size += len(item.Data)
	}
	return page, it.Error()
}

func (r *run) item(it *pebble.Iterator, from pebble.Reader) (table.Item, error) {
	rest := it.Key()[len(r.partition):]
	if !r.query.Index {
		return decodeItem(table.Key{PK: r.query.PK, SK: string(rest)}, it.Value())
	}
	key, err := parseIndexRest(rest)
	if err != nil {
		return table.Item{}, err
	}
	item, ok, err := load(from, key)
	if err == nil && !ok {
		err = errDangling(key)
	}
	return item, err
}
