package embedded

import (
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
	item, ok, err = load(s.db, key)
	if err == nil && !table.IsDeferred(ctx) {
		err = s.settle(ctx)
	}
	if err != nil {
		return table.Item{}, false, s.met(err)
	}
	return item, ok, nil
}

func load(from pebble.Reader, key table.Key) (item table.Item, ok bool, err error) {
	value, closer, err := from.Get(appendItemKey(make([]byte, 0, 128), key))
	if err == pebble.ErrNotFound {
		return table.Item{}, false, nil
	}
	if err != nil {
		return table.Item{}, false, err
	}
	item, err = decodeItem(key, slices.Clone(value))
	return item, err == nil, errors.Join(err, closer.Close())
}

// Items gives all items in the order of their keys, beginning with the first whose partition key is at least from, as
// they were at the call. It is meant for inspection: partitions are not ordered elsewhere.
func (s *Store) Items(ctx context.Context, from string) iter.Seq2[table.Item, error] {
	return func(yield func(table.Item, error) bool) {
		if err := s.items(ctx, from, yield); err != nil {
			yield(table.Item{}, err)
		}
	}
}

// errStopped tells that yield wants no more.
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
	item, err := decodeItem(k, slices.Clone(it.Value()))
	if err != nil {
		return err
	}
	if !yield(item, nil) {
		return errStopped
	}
	return nil
}
