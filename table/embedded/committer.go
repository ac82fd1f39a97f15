package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	groupRequests = 512     // requests of one group
	groupBytes    = 4 << 20 // bytes of items after which a group is closed
	flushAfter    = 50 * time.Millisecond
)

// committer is the one goroutine that writes.
type committer struct {
	store  *Store
	life   uint64 // of the store, see record
	syncs  chan<- syncJob
	recent recent
	batch  *pebble.Batch
	group  []*request
	full   error // why the group may write nothing, nil when it may

	number uint64 // of the last group applied
	asked  uint64 // of the last group whose fsync was asked for
	change uint64 // the last sequence number of the stream
	begun  bool   // the epoch of this opening is recorded

	flush *time.Timer // runs while something is applied that no fsync was asked for
	armed bool

	key, value []byte // scratch
}

func newCommitter(s *Store, syncs chan<- syncJob, change uint64) *committer {
	c := &committer{store: s, life: s.record.life(), syncs: syncs, recent: newRecent(), change: change, flush: time.NewTimer(flushAfter)}
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

// refuse goes on for a goroutine that Pebble ended: it keeps the queue empty until the store is closed.
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

// drain commits what callers left behind whose contexts ended, and makes everything durable.
func (c *committer) drain() {
	for len(c.store.queue) > 0 {
		c.collect(<-c.store.queue)
		c.commit()
		c.group = c.group[:0]
	}
	c.commit()
}

// collect makes a group of r and what else is waiting.
func (c *committer) collect(r *request) {
	c.group = append(c.group, r)
	for size := r.size; len(c.group) < groupRequests && size < groupBytes; {
		select {
		case r := <-c.store.queue:
			c.group = append(c.group, r)
			size += r.size
		default:
			return
		}
	}
}

// commit writes the group. Without a group it asks for the fsync of what is pending.
func (c *committer) commit() {
	if err := c.store.Failed(); err != nil {
		c.refuseGroup(err)
		return
	}
	c.full = nil
	if len(c.group) > 0 {
		c.full = c.store.room.check()
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

// execute fills the batch and gives back who waits for an fsync.
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

// mark writes into the log how far it is on disk, and who wrote it, for checkLogs. It must be the first operation of the batch; the store's
// content does not change.
func (c *committer) mark() {
	c.value = binary.LittleEndian.AppendUint64(c.value[:0], c.store.onDisk.Load())
	c.value = binary.LittleEndian.AppendUint64(c.value, c.life)
	_ = c.batch.LogData(c.value, nil) // cannot fail: it appends to memory
}

// write applies the batch. With sync it also asks for the fsync of all that is applied, unless that was asked for
// already; syncing is then the batch to wait on.
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

// apply turns a panic, by which Pebble tells that it could not write its log, into an error.
func (c *committer) apply(o *pebble.WriteOptions, how func(*pebble.Batch, *pebble.WriteOptions) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	if err = how(c.batch, o); err == nil {
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

// answer tells the deferred callers at once; waiters are told by the syncer, unless all is durable already.
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
