package engine

import (
	"errors"
	"slices"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// commit is a step that has been computed and whose effects wait for its event to be in the journal.
type commit struct {
	ops     []table.Op // none when everything is written already
	entry   bool       // the first operation is a journal entry
	effects []asl.Effect
	at      time.Time // when the step was computed, by the clock of then
	durable bool
	tries   int
}

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// step computes what the event leads to and leaves it to commit. The effects belong to the execution until its next
// step, which comes after the commit only.
func (r *run) step(ev asl.Event) error {
	r.settle(ev)
	now := r.e.now()
	entry, err := encodeEntry(now, ev)
	if err != nil {
		return err
	}
	x, effects, err := asl.Step(r.machine, r.x, ev, now, nil)
	if err != nil {
		return err
	}
	r.x = x
	key := journalKey(r.e.partition(r.name), r.events+1)
	put := table.Put(table.Item{Key: key, Version: 1, Data: entry}, table.Absent)
	r.pending = &commit{effects: effects, at: now, ops: []table.Op{put}, entry: true}
	if end := ended(effects); end != nil {
		return r.conclude(r.pending, end, now)
	}
	return nil
}

// settle frees what a call held once its reply is here.
func (r *run) settle(ev asl.Event) {
	switch {
	case ev.Succeeded != nil:
		r.cancelCall(ev.Succeeded.Task)
	case ev.Failed != nil:
		r.cancelCall(ev.Failed.Task)
	case ev.Fired != nil:
		delete(r.timers, ev.Fired.Timer)
	}
}

func ended(effects []asl.Effect) *asl.Ended {
	if n := len(effects); n > 0 {
		return effects[n-1].Ended
	}
	return nil
}

// conclude adds the record's last version to the commit, which is acknowledged and so made durable. The record comes before
// the notice: without a journal entry it is the operation that explain looks at.
func (r *run) conclude(c *commit, end *asl.Ended, now time.Time) error {
	r.rec.Status, r.rec.Stopped, r.rec.Output = end.Status, now.UnixMicro(), slices.Clone(end.Output)
	r.rec.Error, r.rec.Cause, r.rec.State = end.Error, end.Cause, end.State
	if err := r.addRecord(c); err != nil {
		return err
	}
	if end.Status != asl.Succeeded && r.e.opt.OnEnd != nil {
		notice := table.Item{Key: r.e.noticeKey(r.name), Version: noticeVersion(r.rec.Redrives), Data: []byte(`{}`)}
		c.ops = append(c.ops, table.Put(notice, table.None))
	}
	return nil
}

// addRecord adds the record's next version to the commit.
func (r *run) addRecord(c *commit) error {
	item, err := r.e.recordItem(r.name, r.version+1, r.rec)
	if err != nil {
		return err
	}
	c.ops = append(c.ops, table.Put(item, table.Version(r.version)))
	c.durable = true
	r.version++
	return nil
}

// commit writes the pending step and performs its effects. It reports false when the work must stop: the commit will
// be tried again later, or the execution is lost.
func (r *run) commit(own **call) bool {
	c := r.pending
	err := r.write(c)
	if err != nil && c.tries > 0 {
		err = r.explain(c, err)
	}
	switch {
	case err == nil:
		r.pending = nil
		if c.entry {
			r.events++
		}
		r.perform(c, own)
		return true
	case r.final(err):
		r.lose(err)
		return false
	}
	c.tries++
	r.e.opt.Log.Warn("journal write failed, trying again", "execution", r.name, "error", err, "tries", c.tries)
	r.e.opt.Scheduler.AfterFunc(min(firstRetry<<min(c.tries, 10), lastRetry), r.resume)
	return false
}

// final tells that trying again cannot help: the journal has another owner, or there is no table any more.
func (r *run) final(err error) bool {
	var conflict *table.Conflict
	return errors.As(err, &conflict) || errors.Is(err, table.ErrClosed) || errors.Is(err, table.ErrInvalid) ||
		r.e.ctx.Err() != nil
}

func (r *run) write(c *commit) error {
	switch {
	case len(c.ops) == 0:
		return nil
	case c.durable:
		return r.e.opt.Table.Transact(r.e.ctx, c.ops...)
	default:
		return r.e.opt.Table.Transact(r.e.deferred, c.ops...)
	}
}

// explain looks into a conflict of a commit that was tried before: it may come from that try, whose outcome was unknown.
// Then the commit holds, and there is no error.
func (r *run) explain(c *commit, err error) error {
	var conflict *table.Conflict
	if !errors.As(err, &conflict) || conflict.Op != 0 {
		return err
	}
	item, ok, readErr := r.e.opt.Table.Get(r.e.ctx, c.ops[0].Key)
	if readErr != nil {
		return readErr
	}
	if ok && slices.Equal(item.Data, c.ops[0].Item.Data) {
		return nil
	}
	return err
}

// resume goes on with a run whose commit has to be tried again; it is active already.
func (r *run) resume() {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.follow(r.work())
}
