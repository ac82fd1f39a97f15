package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// run is one open execution. Events come in from any goroutine; one at a time is the worker, which alone touches what
// stands below inbox. There is no goroutine per execution: whoever delivers an event while nobody works is the worker,
// and a task is called on the worker's own goroutine when the execution has just that one to call.
type run struct {
	e    *Engine
	name string
	done chan struct{} // closed when the execution has ended, durably, or this engine has lost it
	end  Description   // set before done is closed
	lost error         // set before done is closed when the engine lost the execution

	mu     sync.Mutex
	inbox  []asl.Event
	active bool

	machine *asl.Machine
	x       *asl.Execution
	rec     *record
	version int64 // of the record's item
	input   json.RawMessage
	events  int64 // journalled so far, the start not counted
	pending *commit
	timers  map[int64]Timer
	calls   map[int64]context.CancelFunc
}

// newRun makes a run that is active: events queue until launch.
func (e *Engine) newRun(name string, m *asl.Machine, rec *record) *run {
	return &run{
		e: e, name: name, done: make(chan struct{}), machine: m, rec: rec, version: 1, active: true,
		timers: map[int64]Timer{}, calls: map[int64]context.CancelFunc{},
	}
}

// deliver takes an event in, and as long as it leads to a task to call, calls it and goes on with the reply.
func (r *run) deliver(ev asl.Event) {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.follow(r.accept(ev))
}

// tell is deliver for a caller that has a task of its own to go on with.
func (r *run) tell(ev asl.Event) {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.spawn(r.accept(ev))
}

// follow performs a call, takes the reply in and goes on with the call that it leads to.
func (r *run) follow(c *call) {
	for c != nil {
		reply, ok := c.perform()
		if !ok {
			return
		}
		c = r.accept(reply)
	}
}

// accept queues the event and, unless somebody works already, works until the inbox is empty.
func (r *run) accept(ev asl.Event) *call {
	r.mu.Lock()
	r.inbox = append(r.inbox, ev)
	if r.active {
		r.mu.Unlock()
		return nil
	}
	r.active = true
	r.mu.Unlock()
	return r.work()
}

// work returns the one call that the caller shall perform itself, if any. A commit that must be tried again keeps the
// run active, so that events only queue until a timer resumes the work; so does the loss of the execution, for ever.
func (r *run) work() *call {
	var own *call
	for r.lost == nil {
		if r.pending != nil && !r.commit(&own) {
			return own
		}
		ev, ok := r.take()
		if !ok {
			return own
		}
		if !r.x.Wants(ev) {
			continue
		}
		if err := r.step(ev); err != nil {
			r.lose(err)
		}
	}
	return own
}

func (r *run) take() (asl.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.inbox) == 0 {
		r.active = false
		return asl.Event{}, false
	}
	ev := r.inbox[0]
	r.inbox = r.inbox[1:]
	return ev, true
}

// perform does what a committed step asks for, in order. Of several tasks the last is the worker's own, since only it
// can be the last thing to do.
func (r *run) perform(c *commit, own **call) {
	for i := range c.effects {
		r.performOne(&c.effects[i], c.at, own)
	}
}

func (r *run) performOne(ef *asl.Effect, at time.Time, own **call) {
	switch {
	case ef.StartTask != nil:
		r.spawn(*own)
		*own = r.newCall(ef.StartTask)
	case ef.SetTimer != nil:
		r.setTimer(ef.SetTimer, at)
	case ef.CancelTask != 0:
		r.cancelCall(ef.CancelTask)
		if *own != nil && (*own).task.Task == ef.CancelTask {
			*own = nil
		}
	case ef.CancelTimer != 0:
		r.stopTimer(ef.CancelTimer)
	case ef.Ended != nil:
		r.finish()
	}
}

func (r *run) spawn(c *call) {
	if c == nil {
		return
	}
	r.e.opt.Scheduler.Go(func() {
		if !r.e.begin() {
			return
		}
		defer r.e.working.Done()
		r.follow(c)
	})
}

// setTimer waits no longer than was left at the time at which the timer was asked for: the clock may have been set back
// since, while this engine ran or before it was opened.
func (r *run) setTimer(t *asl.SetTimer, asked time.Time) {
	r.stopTimer(t.Timer)
	id := t.Timer
	wait := min(t.At.Sub(r.e.opt.Scheduler.Now()), t.At.Sub(asked))
	r.timers[id] = r.e.opt.Scheduler.AfterFunc(wait, func() {
		r.deliver(asl.Event{Fired: &asl.TimerFired{Timer: id}})
	})
}

func (r *run) stopTimer(id int64) {
	if t := r.timers[id]; t != nil {
		t.Stop()
		delete(r.timers, id)
	}
}

func (r *run) cancelCall(task int64) {
	if cancel := r.calls[task]; cancel != nil {
		cancel()
		delete(r.calls, task)
	}
}

// finish runs after the end is durable.
func (r *run) finish() {
	r.release()
	r.end = r.e.describe(r.name, r.rec, r.input)
	if r.rec.Status != asl.Succeeded {
		r.e.keep(r)
	}
	r.e.leave(r)
	r.e.notify(r.end)
	close(r.done)
}

// release stops whatever still ticks or runs for the execution.
func (r *run) release() {
	for id := range r.timers {
		r.stopTimer(id)
	}
	for id := range r.calls {
		r.cancelCall(id)
	}
}

// lose gives the execution up without ending it: its journal has another owner, or cannot be written any more.
func (r *run) lose(err error) {
	r.release()
	r.lost = err
	r.e.leave(r)
	close(r.done)
	if !r.e.isClosing() {
		r.e.opt.Log.Error("execution lost by this engine; the next Open resumes it", "execution", r.name, "error", err)
	}
}

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
