package embedded

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
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

// feed notifies readers of new durable changes.
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

// Changed returns a channel that is closed when the next change has become durable. Call it before Stream: then no change
// is missed between the two.
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

// Latest reads up to limit durable changes with sequence numbers less than before, the newest first. Before 0 there is no
// bound.
func (s *Store) Latest(ctx context.Context, before uint64, limit int) ([]Change, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: stream: limit %d, allowed is 1 or more", table.ErrInvalid, limit)
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	to := s.feed.durable() + 1
	if before != 0 {
		to = min(to, before)
	}
	return s.walk(0, to, limit, (*pebble.Iterator).Last, (*pebble.Iterator).Prev)
}

// changes reads changes from <= Seq < to.
func (s *Store) changes(from, to uint64, limit int) ([]Change, error) {
	return s.walk(from, to, limit, (*pebble.Iterator).First, (*pebble.Iterator).Next)
}

func (s *Store) walk(from, to uint64, limit int, first, next func(*pebble.Iterator) bool) (found []Change, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendStreamKey(nil, from),
		UpperBound: appendStreamKey(nil, to),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := first(it); ok && len(found) < limit; ok = next(it) {
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
	item, err := decodeItem(k, r.buf)
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

// A change's number is not unique: a restored copy of the store assigns the same numbers to other changes. So a place in the
// stream is "<epoch>-<number>". Each opening of the store begins an epoch with the first change that it writes, in the same
// batch. The epochs before it end there. A place beyond the end of its epoch belongs to a change that the copy does not
// have.

// keyEpoch is followed by the number of the epoch's first change, 8 bytes big endian; the value is the epoch's name.
var keyEpoch = []byte{spaceMeta, 'e'}

// epoch is a part of the stream that one opening of the store wrote.
type epoch struct {
	first uint64
	name  string
}

// ErrPlace is the error of [Store.ParsePlace].
var ErrPlace = errors.New("table/embedded: the place is not one of this stream: it is of another store, or of changes that were lost or swept")

// openEpochs reads the epochs and adds the one of this opening, whose first change is the next one. In a store without
// epochs it includes all earlier changes.
func (s *Store) openEpochs(last uint64) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: keyEpoch, UpperBound: []byte{spaceMeta, 'e' + 1}})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		first := it.Key()[len(keyEpoch):]
		if len(first) != 8 {
			return fmt.Errorf("table/embedded: the epoch %q is malformed", it.Key())
		}
		s.epochs = append(s.epochs, epoch{binary.BigEndian.Uint64(first), string(it.Value())})
	}
	now := epoch{first: last + 1, name: strings.ToLower(rand.Text()[:10])}
	if len(s.epochs) == 0 {
		now.first = 1
	}
	s.epochs = append(s.epochs, now)
	return it.Error()
}

// beginEpoch records the epoch of this opening with its first change.
func (c *committer) beginEpoch() error {
	if c.begun {
		return nil
	}
	now := c.store.epochs[len(c.store.epochs)-1]
	c.begun = true
	return c.batch.Set(binary.BigEndian.AppendUint64(append([]byte(nil), keyEpoch...), now.first), []byte(now.name), nil)
}

// Place returns the name of the change with this number. A client can return with it, even to a restored copy of the store.
func (s *Store) Place(seq uint64) string {
	i := sort.Search(len(s.epochs), func(i int) bool { return s.epochs[i].first > seq })
	return s.epochs[max(i-1, 0)].name + "-" + strconv.FormatUint(seq, 10)
}

// ParsePlace returns the number of the change that [Store.Place] named. Errors: [ErrPlace].
func (s *Store) ParsePlace(place string) (seq uint64, err error) {
	_, number, _ := strings.Cut(place, "-")
	seq, err = strconv.ParseUint(number, 10, 64)
	last := s.feed.durable()
	if err != nil || seq == 0 || seq > last || s.Place(seq) != place {
		return 0, ErrPlace
	}
	next, err := s.changes(seq+1, last+1, 1)
	if err != nil {
		return 0, err
	}
	if seq < last && (len(next) == 0 || next[0].Seq != seq+1) { // swept
		return 0, ErrPlace
	}
	return seq, nil
}

// sweepChanges is the maximum number of changes that one Sweep reads.
const sweepChanges = 1000

// expired is a change whose item has expired.
type expired struct {
	seq uint64
	key table.Key
}

// Sweep removes expired changes from the old end of the stream. It also removes their items, unless those were rewritten
// with a later expiry or none. One call reads up to 1,000 changes, skips those that never expire, and stops at the first
// that expires later: the items of a stream are expected to live about equally long. It returns the number of changes
// removed. If that is 1,000, another call may find more.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	old, next, err := s.expiredChanges()
	if err != nil {
		return 0, err
	}
	if len(old) > 0 {
		r := s.newRequest(true)
		r.expired = old
		if removed, err = s.submit(ctx, r); err != nil {
			return removed, err
		}
	}
	s.sweepFrom = next
	return removed, nil
}

// expiredChanges returns the changes that have expired, and the first change that the next sweep must read.
func (s *Store) expiredChanges() (old []expired, next uint64, err error) {
	from, to := s.sweepFrom, s.feed.durable()+1
	changes, err := s.changes(from, to, sweepChanges)
	if err != nil {
		return nil, from, err
	}
	now := s.opts.Now().Unix()
	next = from
	for i := range changes {
		it := &changes[i].Item
		if it.Expires > now {
			break
		}
		if it.Expires != 0 {
			old = append(old, expired{seq: changes[i].Seq, key: it.Key})
		}
		next = changes[i].Seq + 1
	}
	return old, next, nil
}

// remove deletes expired changes, and their items if those are still expired.
func (c *committer) remove(old []expired) (removed int, err error) {
	for _, e := range old {
		c.key = appendStreamKey(c.key[:0], e.seq)
		if err := c.batch.Delete(c.key, nil); err != nil {
			return 0, err
		}
		if err := c.removeItem(e.key); err != nil {
			return 0, err
		}
	}
	return len(old), c.batch.Set(keyLastChange, binary.BigEndian.AppendUint64(nil, c.change), nil)
}

func (c *committer) removeItem(k table.Key) error {
	value, found, done, err := c.find(k)
	if err != nil || !found {
		return err
	}
	defer done()
	h, err := parseHeader(value)
	if err != nil {
		return err
	}
	if h.expires == 0 || h.expires > c.store.opts.Now().Unix() {
		return nil
	}
	index, err := h.index(k.PK, table.Key{})
	if err != nil {
		return malformed(err)
	}
	gone := []write{{kind: table.OpDelete, key: k, oldIndex: index}}
	c.recent.remember(gone, c.number+1)
	return c.delete(&gone[0])
}
