package embedded

import (
	"context"
	"slices"

	"tripsaga/table"
)

// request is one call on its way through the committer. It owns everything that it refers to, because a caller whose
// context ends goes away and leaves the request behind.
type request struct {
	writes  []write
	expired []expired // what Sweep found; excludes writes
	size    int       // bytes of the encoded items
	durable bool      // answer only what is durable
	removed int       // of expired
	err     error     // the answer, set before done is sent
	done    chan struct{}
}

// write is an operation with its item encoded.
type write struct {
	kind  table.OpKind
	key   table.Key
	cond  table.Cond
	value []byte // Put, and Add once it was checked
	index table.Key
	attr  string
	delta int64
	floor int64

	oldIndex table.Key // of the item that stands there; set by the check
}

// newRequest takes a request that an earlier call of this store is done with, or makes one.
func (s *Store) newRequest(durable bool) *request {
	r, ok := s.requests.Get().(*request)
	if !ok {
		r = &request{done: make(chan struct{}, 1)}
	}
	r.durable = durable
	return r
}

// encode copies ops into the request; all items share one allocation.
func (r *request) encode(ops []table.Op) {
	size := 0
	for i := range ops {
		if ops[i].Kind == table.OpPut {
			size += itemSize(&ops[i].Item)
		}
	}
	buf := make([]byte, 0, size)
	for i := range ops {
		op := &ops[i]
		w := write{kind: op.Kind, key: op.Key, cond: op.Cond, attr: op.Attr, delta: op.Delta, floor: op.Floor}
		if op.Kind == table.OpPut {
			start := len(buf)
			buf = appendItem(buf, &op.Item)
			w.value, w.index = buf[start:len(buf):len(buf)], op.Item.Index
		}
		r.writes = append(r.writes, w)
	}
	r.size = len(buf)
}

// changes tells whether the request may write anything.
func (r *request) changes() bool {
	return r.expired != nil || slices.ContainsFunc(r.writes, func(w write) bool { return w.kind != table.OpCheck })
}

// release makes the request available to other calls. Only who received from done may call it.
func (s *Store) release(r *request) {
	clear(r.writes)
	*r = request{writes: r.writes[:0], done: r.done}
	s.requests.Put(r)
}

func (r *request) answer() { r.done <- struct{}{} }

// Transact applies the operations as one group member. When ctx ends first, the outcome is unknown.
func (s *Store) Transact(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	r := s.newRequest(!table.IsDeferred(ctx))
	r.encode(ops)
	_, err := s.submit(ctx, r)
	return err
}

// Sync returns once everything written so far is durable. When nothing is pending it costs nothing.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.settle(ctx)
}

// settle waits until all that a reader could have seen before the call is durable.
func (s *Store) settle(ctx context.Context) error {
	if written := s.written.Load(); s.durable.Load() >= written {
		return nil
	}
	_, err := s.submit(ctx, s.newRequest(true))
	return err
}

// submit passes the request to the committer and waits for the answer.
func (s *Store) submit(ctx context.Context, r *request) (removed int, err error) {
	if r.durable {
		s.waiting.Add(1)
		defer s.waiting.Add(-1)
	}
	if err := s.enqueue(ctx, r); err != nil {
		return 0, err
	}
	if err := s.answered(ctx, r); err != nil {
		return 0, err
	}
	removed, err = r.removed, r.err
	s.release(r)
	return removed, err
}

// answered waits for the answer. After an error the outcome is unknown.
func (s *Store) answered(ctx context.Context, r *request) error {
	for {
		select {
		case <-r.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-s.failed:
			return s.failure
		case <-s.room.full(): // the committer may be waiting for room
			if err := s.room.check(); err != nil {
				return err
			}
		}
	}
}

func (s *Store) enqueue(ctx context.Context, r *request) error {
	select {
	case s.queue <- r:
		return nil
	default: // full, which costs a slower look
	}
	select {
	case s.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.failed:
		return s.failure
	}
}
