package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"tripsaga/table"
)

const (
	groupRequests = 512     // requests of one group
	groupBytes    = 4 << 20 // bytes of items after which a group is closed
	flushAfter    = 50 * time.Millisecond

	slowYield = 10 * time.Millisecond // far more than a crowd takes for one turn each
)

// committer is the goroutine through which every write goes.
//
// # Why a single goroutine
//
// Pebble has no transactions with conditions. Something must check a condition and write under it, with no other write in
// between. Locks per key would do that, too, but each transaction would then be a Pebble batch and, if it must be
// durable, wait for an fsync by itself. One goroutine that takes all waiting transactions as a group needs no locks,
// checks each transaction against the ones before it, and writes one batch with one fsync for all. The more callers
// wait, the larger the group: throughput rises with the load, and a single caller waits for nobody.
//
// # The order of a commit
//
// The order below is what durability rests on. Each step says what breaks if it comes elsewhere.
//
//  1. The mark is the first operation of the batch (mark). checkLogs reads it after a crash. It reports how far the log
//     was on disk before this batch, so it must not count the batch itself.
//  2. Conditions are checked against the group's earlier writes, too (recent), since Pebble does not show an unapplied
//     batch. A transaction writes to the batch only after all its conditions held, so a conflict leaves nothing behind.
//  3. written is raised before Pebble applies the batch. A reader loads written after it has read. If written were raised
//     after the batch became visible, a reader could see a new item, load the old number, find it durable, and return
//     what a crash can still take back.
//  4. The batch is applied to the log and the memtable. From here on readers see it. Only then applied is raised, by which
//     recent answers reads of it: earlier, a reader could be shown what Pebble does not have yet; and what recent knew of
//     these items before must not count any more once Pebble shows the batch.
//  5. Deferred callers are answered. They asked for no durability.
//  6. Durable callers are passed to the syncer with the batch. After the fsync it raises durable, and then answers them.
//     The committer is meanwhile busy with the next group, so disk and CPU work at the same time.
//
// A conflict is a read: it reveals what another transaction wrote. So a durable caller gets its conflict, too, only
// after the fsync that covers what was compared.
//
// If Pebble returns an error in step 4, nobody knows what is in the log. The store fails: it answers this group and all
// later ones with the failure. Continuing could acknowledge a write behind a hole in the log.
type committer struct {
	store  *Store
	life   uint64 // random number of this opening of the store, see record
	syncs  chan<- syncJob
	recent *recent // the store's
	batch  *pebble.Batch
	group  []*request
	size   int   // bytes of the group's items
	full   error // the disk has no room for the group; nil if it has

	number uint64 // of the last group applied
	asked  uint64 // of the last group whose fsync was asked for
	change uint64 // the last sequence number of the stream
	begun  bool   // the epoch of this opening is recorded

	noYieldUntil time.Time

	flush *time.Timer // runs while something is applied for which no fsync was requested
	armed bool

	key, value []byte // scratch
}

func newCommitter(s *Store, syncs chan<- syncJob, change uint64) *committer {
	c := &committer{store: s, life: s.record.life(), syncs: syncs, recent: &s.recent, change: change, flush: time.NewTimer(flushAfter)}
	c.flush.Stop()
	return c
}

func (c *committer) run() {
	defer close(c.syncs)
	defer c.flush.Stop()
	defer c.refuse()
	for {
		select {
		case r := <-c.store.queue:
			c.collect(r)
			c.commit()
		case <-c.flush.C:
			c.armed = false
			c.commit()
		case <-c.store.stop:
			c.drain()
			return
		}
		c.group = c.group[:0]
	}
}

// refuse takes over when Pebble has ended the goroutine, see pebbleLog.Fatalf. It answers all requests until the store is
// closed.
func (c *committer) refuse() {
	for c.store.Failed() != nil {
		select {
		case r := <-c.store.queue:
			r.err = c.store.failure
			r.answer()
		case <-c.store.stop:
			return
		}
	}
}

// drain commits the requests whose callers have gone, and makes everything durable.
func (c *committer) drain() {
	for len(c.store.queue) > 0 {
		c.collect(<-c.store.queue)
		c.commit()
		c.group = c.group[:0]
	}
	c.commit()
}

// collect makes a group of r and the requests that are waiting.
func (c *committer) collect(r *request) {
	if c.store.waiting.Load() >= crowd {
		c.yield()
	}
	c.group = append(c.group, r)
	for c.size = r.size; len(c.group) < groupRequests && c.size < groupBytes; {
		select {
		case r := <-c.store.queue:
			c.group = append(c.group, r)
			c.size += r.size
		default:
			return
		}
	}
}

// yield lets the goroutines that are ready run first. In a crowd most of them are about to write, and the runtime would otherwise
// run the committer after each of them: a group would have two requests instead of twelve. A group is never held up for requests
// that may come later, and a single caller waits for nobody.
//
// Goroutines that are busy for long are ready, too, and each keeps a processor for 10 ms. When a turn of the others has taken so
// long, the committer does not yield for fifty times as long, so that yielding costs no more than a fiftieth of the time.
// BenchmarkTransact measures it with many clients, BenchmarkTransactBesideWork with such goroutines.
func (c *committer) yield() {
	began := time.Now()
	if began.Before(c.noYieldUntil) {
		return
	}
	runtime.Gosched()
	if took := time.Since(began); took >= slowYield {
		c.noYieldUntil = began.Add(50 * took)
	}
}

// commit writes the group. Without a group it requests the fsync of what is pending.
func (c *committer) commit() {
	if err := c.store.Failed(); err != nil {
		c.refuseGroup(err)
		return
	}
	c.full = nil
	if len(c.group) > 0 {
		c.full = c.store.room.admit(c.size)
	}
	c.batch = c.store.db.NewBatch()
	c.mark()
	waiters := c.execute()
	syncing, err := c.write(len(waiters) > 0 || len(c.group) == 0)
	if err != nil {
		c.store.fail(err)
		c.refuseGroup(c.store.failure)
		return
	}
	c.recent.age()
	c.answer(waiters, syncing)
}

func (c *committer) refuseGroup(err error) {
	for _, r := range c.group {
		r.err = err
		r.answer()
	}
}

// execute fills the batch and returns the requests that wait for an fsync.
func (c *committer) execute() (waiters []*request) {
	for _, r := range c.group {
		if c.full != nil && r.changes() {
			r.err = c.full
		} else if r.expired != nil {
			r.removed, r.err = c.remove(r.expired)
		} else {
			r.err = c.store.met(c.transact(r))
		}
		if r.durable {
			waiters = append(waiters, r)
		}
	}
	return waiters
}

// mark writes into the log how far the log is on disk, and which opening of the store wrote it, for checkLogs. It must be
// the first operation of the batch. It does not change the store's content.
func (c *committer) mark() {
	c.value = binary.LittleEndian.AppendUint64(c.value[:0], c.store.onDisk.Load())
	c.value = binary.LittleEndian.AppendUint64(c.value, c.life)
	_ = c.batch.LogData(c.value, nil) // cannot fail: it appends to memory
}

// write applies the batch. With sync it also requests the fsync of all that is applied, unless that was requested before.
// syncing is then the batch to wait for.
func (c *committer) write(sync bool) (syncing *pebble.Batch, err error) {
	if c.batch.Count() > 0 {
		c.number++
		c.store.written.Store(c.number)
	} else if !sync || c.number == c.asked {
		return nil, c.batch.Close()
	}
	if sync {
		c.asked = c.number
		return c.batch, c.apply(pebble.Sync, c.store.db.ApplyNoSyncWait)
	}
	c.flushLater()
	return nil, errors.Join(c.apply(pebble.NoSync, c.store.db.Apply), c.batch.Close())
}

// apply turns a panic into an error: Pebble panics when it cannot write its log.
func (c *committer) apply(o *pebble.WriteOptions, how func(*pebble.Batch, *pebble.WriteOptions) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	if err = how(c.batch, o); err == nil {
		c.recent.applied.Store(c.number)
		c.store.nextSeq.Store(uint64(c.batch.SeqNum()) + uint64(c.batch.Count()))
	}
	return err
}

func (c *committer) flushLater() {
	if !c.armed {
		c.flush.Reset(flushAfter)
		c.armed = true
	}
}

// answer answers the deferred callers. The syncer answers the waiters, unless everything is durable already.
func (c *committer) answer(waiters []*request, syncing *pebble.Batch) {
	for _, r := range c.group {
		if !r.durable {
			r.answer()
		}
	}
	if syncing == nil && c.store.durable.Load() >= c.number {
		for _, r := range waiters {
			r.answer()
		}
		return
	}
	if syncing != nil || len(waiters) > 0 {
		c.syncs <- syncJob{batch: syncing, number: c.number, change: c.change, waiters: waiters}
	}
}

// syncJob is an fsync that was requested. Without a batch it waits for one that was requested before.
type syncJob struct {
	batch   *pebble.Batch
	number  uint64 // of the last group that it makes durable
	change  uint64 // the last change of the stream that it makes durable
	waiters []*request
}

// syncer waits for the fsyncs in the order in which they were requested, and answers the requests that wait for them. It
// is a separate goroutine, so that the committer never waits for the disk.
func (s *Store) syncer(jobs <-chan syncJob) {
	defer close(s.ended)
	for job := range jobs {
		err := s.await(job)
		for _, r := range job.waiters {
			if err != nil {
				r.err = err
			}
			r.answer()
		}
	}
}

func (s *Store) await(job syncJob) error {
	s.counters.waits.Add(uint64(len(job.waiters)))
	if job.batch != nil {
		if err := job.batch.SyncWait(); err != nil {
			s.fail(err)
		}
	}
	if err := s.Failed(); err != nil {
		return err
	}
	if job.batch != nil && s.water.file != nil {
		end := uint64(job.batch.SeqNum()) + uint64(job.batch.Count())
		if err := s.water.rise(s.record.lastLog(), end); err != nil {
			s.fail(err)
			return s.failure
		}
	}
	s.durable.Store(job.number)
	s.feed.advance(job.change)
	if job.batch == nil {
		return nil
	}
	s.onDisk.Store(uint64(job.batch.SeqNum()) + uint64(job.batch.Count()))
	s.counters.syncs.Add(1)
	return job.batch.Close()
}

// request is one call on its way through the committer. It owns everything that it refers to: a caller whose context ends
// returns while the committer still works on the request.
type request struct {
	writes  []write
	expired []expired // found by Sweep; a request has either these or writes
	size    int       // bytes of the encoded items
	durable bool      // answer after the fsync
	removed int       // number of expired changes that were removed
	err     error     // the answer, set before done is sent
	done    chan struct{}
}

// write is an operation with its item encoded.
type write struct {
	kind  table.OpKind
	key   table.Key
	cond  table.Cond
	value []byte // of Put, and of Add after the check
	index table.Key
	attr  string
	delta int64
	floor int64

	oldIndex table.Key // of the item that exists now, if it differs from index, else index; set by the check
}

// newRequest reuses a request of an earlier call, or makes one. Reuse saves a tenth of the CPU, see BenchmarkTransact.
func (s *Store) newRequest(durable bool) *request {
	r, ok := s.requests.Get().(*request)
	if !ok {
		r = &request{done: make(chan struct{}, 1)}
	}
	r.durable = durable
	return r
}

// encode copies ops into the request. All items share one allocation.
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

// changes reports whether the request may write anything.
func (r *request) changes() bool {
	return r.expired != nil || slices.ContainsFunc(r.writes, func(w write) bool { return w.kind != table.OpCheck })
}

// release makes the request available to other calls. Only the caller that received from done may call it: after a
// cancelled context the committer may still write to the request.
func (s *Store) release(r *request) {
	clear(r.writes)
	*r = request{writes: r.writes[:0], done: r.done}
	s.requests.Put(r)
}

func (r *request) answer() { r.done <- struct{}{} }

// Transact implements [table.Table]. If ctx ends first, the outcome is unknown.
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

// Sync returns once everything written so far is durable. It is free when nothing is pending.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.settle(ctx)
}

// settle waits until everything that the caller can have read is durable. A read calls it after reading, see committer.
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
