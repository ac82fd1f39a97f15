package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"tripsaga/table"
)

// Change is one Put of an item that Options.StreamPrefix selects, with the item as that Put wrote it. Seq grows with
// the order of the commits, from 1, and survives reopening; swept changes leave gaps.
type Change struct {
	Seq  uint64
	Item table.Item
}

// keyLastChange holds the last sequence number at the time of the last sweep, which may have removed that change.
var keyLastChange = []byte{spaceMeta, 'c'}

// feed tells of new durable changes.
type feed struct {
	mu   sync.Mutex
	last uint64
	more chan struct{} // closed when last grows
}

func (f *feed) advance(last uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last <= f.last {
		return
	}
	f.last = last
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

func (f *feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return f.more
}

func (f *feed) durable() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Changed gives a channel that is closed when the next change has become durable. Take it before calling Stream: then
// nothing that Stream does not return is missed.
func (s *Store) Changed() <-chan struct{} { return s.feed.changed() }

// Stream reads up to limit durable changes with sequence numbers greater than after, in their order.
func (s *Store) Stream(ctx context.Context, after uint64, limit int) ([]Change, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: stream: limit %d, allowed is 1 or more", table.ErrInvalid, limit)
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	last := s.feed.durable()
	if after >= last {
		return nil, nil
	}
	return s.changes(after+1, last+1, limit)
}

// changes reads changes from <= Seq < to.
func (s *Store) changes(from, to uint64, limit int) (found []Change, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendStreamKey(nil, from),
		UpperBound: appendStreamKey(nil, to),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && len(found) < limit; ok = it.Next() {
		change, err := parseChange(it.Key(), it.Value())
		if err != nil {
			return nil, err
		}
		found = append(found, change)
	}
	return found, nil
}

// appendChange writes the length of the item's key, that key, and the stored item.
func appendChange(dst []byte, k table.Key, item []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(itemKeySize(k)))
	dst = appendItemKey(dst, k)
	return append(dst, item...)
}

func parseChange(key, value []byte) (Change, error) {
	seq, err := parseStreamKey(key)
	if err != nil {
		return Change{}, err
	}
	r := reader{buf: value}
	itemKey := r.bytes()
	if r.err != nil {
		return Change{}, fmt.Errorf("table/embedded: change %d is malformed: %w", seq, r.err)
	}
	k, err := parseItemKey(itemKey)
	if err != nil {
		return Change{}, err
	}
	item, err := decodeItem(k, slices.Clone(r.buf))
	return Change{Seq: seq, Item: item}, err
}

// lastChange recovers the last sequence number.
func (s *Store) lastChange() (last uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{spaceStream},
		UpperBound: []byte{spaceStream + 1},
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		seq, err := parseStreamKey(it.Key())
		if err != nil {
			return 0, err
		}
		swept, err := s.sweptChange()
		return max(seq, swept), err
	}
	if err := it.Error(); err != nil {
		return 0, err
	}
	return s.sweptChange()
}

func (s *Store) sweptChange() (uint64, error) {
	value, closer, err := s.db.Get(keyLastChange)
	if err == pebble.ErrNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = closer.Close() }()
	if len(value) != 8 {
		return 0, fmt.Errorf("table/embedded: the stored end of the stream is malformed: % x", value)
	}
	return binary.BigEndian.Uint64(value), nil
}
