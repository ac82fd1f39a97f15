package embedded

import (
	"context"
	"encoding/binary"

	"tripsaga/table"
)

// sweepChanges bounds the changes that one Sweep looks at.
const sweepChanges = 1000

// expired is a change whose item was to expire by now.
type expired struct {
	seq uint64
	key table.Key
}

// Sweep removes expired changes from the old end of the stream, and their items unless those were written anew to
// expire later, or never. It looks at up to 1,000 changes a call, passes over those that never expire, and stops at the
// first that expires later: the items of a stream are expected to live about equally long. It returns the number of
// changes removed; at 1,000 a further call may find more.
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

// expiredChanges gives what has expired, and the first change that the next sweep must look at.
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

// remove deletes expired changes and those of their items that are still expired.
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
	return c.delete(&write{key: k, oldIndex: h.index()})
}
