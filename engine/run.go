package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tripsaga/asl"
	"tripsaga/shared/few"
	"tripsaga/table"
)

// run is one open execution in this engine.
//
// An execution has no goroutine that waits for events: there may be ten thousand open executions, most of which wait for a
// timer or a slow task. Instead, the goroutine that delivers an event while no other works on this run becomes the worker. It
// steps, commits and performs until the inbox is empty, and stops being the worker. A goroutine that delivers while there is a
// worker only appends to the inbox. The flag active is the role: it is set and cleared under mu in the same critical sections
// that read the inbox, so an event can neither be left behind without a worker nor meet two workers. Only the worker touches
// the fields below active, without a lock. mu orders the work of one worker before the work of the next.
//
// The role of the worker moves with the reply. If a step starts exactly one task, as most do, the worker calls it on its own
// goroutine and takes the reply in as the next event: a booking of four tasks runs on one goroutine from its start to its end,
// without a switch between goroutines for each task. While a task runs, its goroutine is not the worker, so another event (a
// timeout, a stop) finds the run free. If a step starts several tasks, the worker keeps the last and hands the others to new
// goroutines; it cannot keep an earlier one, because it has to perform the effects behind it first.
//
// Two states keep active set without a worker, so that events queue: a new run, until launch; and a commit that must be
// retried, until its timer calls resume. A lost run stays active for ever.
type run struct {
	e         *Engine
	name      string
	partition string        // of the execution's items
	done      chan struct{} // closed when the execution has ended, durably, or this engine has lost it
	end       Description   // set before done is closed
	lost      error         // set before done is closed if this engine lost the execution

	mu     sync.Mutex
	inbox  []letter
	room   [1]letter // the array of inbox while at most one event is queued
	active bool      // a goroutine is the worker
	gone   error     // why events are refused: the execution has ended, or this engine has lost it

	key []byte // of the task tokens; never changed

	machine *asl.Machine
	x       *asl.Execution
	rec     record
	version int64 // of the record's item
	input   json.RawMessage
	events  int64   // journalled so far, without the start
	pending *commit // computed and not yet written; the next event waits for it
	timers  few.Map[*alarm]
	calls   few.Map[*call]
	spare   *alarm // a stopped one, which the next timer reuses
}

// alarm is a pending timer of the execution.
type alarm struct {
	id    int64
	timer Timer
}

// letter is an event for the worker. answer, which may be nil, is called once with its outcome: nil when it is in the journal,
// ErrTaskTimedOut when it is not wanted.
type letter struct {
	asl.Event
	answer func(error)
}

func (l *letter) reply(err error) {
	if l.answer != nil {
		l.answer(err)
	}
}

// newRun returns a run that is active: events queue until launch.
func (e *Engine) newRun(name string, m *asl.Machine, rec *record) *run {
	r := &run{e: e, name: name, partition: e.partition(name), done: make(chan struct{}), machine: m, rec: *rec, version: 1, active: true}
	r.inbox = r.room[:0]
	return r
}

// deliver accepts an event. If that leads to a task, deliver calls it and continues with the reply.
func (r *run) deliver(ev asl.Event) {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.follow(r.accept(letter{Event: ev}))
}

// inform is deliver for a caller that may be a running task: a call that the event leads to gets its own goroutine.
func (r *run) inform(l letter) {
	if !r.e.begin() {
		l.reply(ErrClosed)
		return
	}
	defer r.e.working.Done()
	r.spawn(r.accept(l))
}

// follow performs a call, accepts its reply and continues with the call that the reply leads to. It ends when there is no
// reply, or when another goroutine is the worker and got the reply into its inbox.
func (r *run) follow(c *call) {
	for c != nil {
		reply, ok := c.perform()
		if !ok {
			return
		}
		c = r.accept(letter{Event: reply})
	}
}

// accept queues the event. If the run has no worker, the caller becomes it. The returned call is for the caller to perform.
func (r *run) accept(l letter) *call {
	r.mu.Lock()
	if r.gone != nil {
		r.mu.Unlock()
		l.reply(r.gone)
		return nil
	}
	r.inbox = append(r.inbox, l)
	if r.active {
		r.mu.Unlock()
		return nil
	}
	r.active = true
	r.mu.Unlock()
	return r.work()
}

// work is the worker: it commits the pending step, then takes the next event, until the inbox is empty. It returns the
// call that the worker performs itself, nil without one.
//
// One step at a time is pending, and the next event is stepped only after the commit. A step that ran ahead of a commit
// would have to be reverted if the commit fails, and asl.Step changes the execution in place.
//
// When commit reports false, work returns with active still set. Then events only queue: until resume continues with the
// same commit, or for ever, because this engine lost the execution. own may hold a call of an earlier commit, which is
// journalled, so it is performed in any case.
func (r *run) work() *call {
	var own *call
	for r.lost == nil {
		if r.pending != nil && !r.commit(&own) {
			return own
		}
		l, ok := r.take()
		if !ok {
			return own
		}
		if !r.x.Wants(l.Event) {
			r.refuse(l)
			continue
		}
		if err := r.step(l); err != nil {
			r.pending = nil
			l.reply(err)
			r.lose(err)
		}
	}
	return own
}

func (r *run) take() (letter, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.inbox) == 0 {
		r.active = false
		return letter{}, false
	}
	l := r.inbox[0]
	r.inbox[0] = letter{}
	if r.inbox = r.inbox[1:]; len(r.inbox) == 0 {
		r.inbox = r.room[:0]
	}
	return l, true
}

// refuse drops an event that comes too late.
func (r *run) refuse(l letter) {
	if l.answer == nil && l.Fired == nil { // a reply after the callback: its call has ended
		r.settle(l.Event)
	}
	l.reply(ErrTaskTimedOut)
}

// perform performs the effects of a committed step, in order. If a step starts several tasks, the worker runs the last
// one itself and hands the others to new goroutines.
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

// setTimer starts a timer. It waits at most as long as was left when the step requested the timer: if the clock was set back by
// hours since, the wait until t.At by the present clock would be hours too long.
func (r *run) setTimer(t *asl.SetTimer, asked time.Time) {
	r.stopTimer(t.Timer)
	id := t.Timer
	wait := min(t.At.Sub(r.e.opt.Scheduler.Now()), t.At.Sub(asked))
	if wait <= 0 && r.machine.Callbacks() {
		// It was due while no process ran. An answer that was sent to this one came later, and must not overtake it.
		r.mu.Lock()
		r.inbox = slices.Insert(r.inbox, 0, letter{Event: asl.Event{Fired: &asl.TimerFired{Timer: id}}})
		r.mu.Unlock()
		return
	}
	a := r.spare
	r.spare = nil
	if a != nil {
		a.id = id
		a.timer.(resetter).Reset(wait)
	} else {
		set := &alarm{id: id} // a would be moved to the heap if the function referred to it
		set.timer = r.e.opt.Scheduler.AfterFunc(wait, func() {
			r.deliver(asl.Event{Fired: &asl.TimerFired{Timer: set.id}})
		})
		a = set
	}
	r.timers.Set(id, a)
}

// resetter is a Timer that can be set again, as those of RealTime can.
type resetter interface{ Reset(time.Duration) bool }

func (r *run) stopTimer(id int64) {
	a := r.timers.Get(id)
	if a == nil {
		return
	}
	r.timers.Delete(id)
	stopped := a.timer.Stop()
	if _, ok := a.timer.(resetter); ok && stopped { // its function does not run any more, and nothing else refers to it
		r.spare = a
	}
}

func (r *run) cancelCall(task int64) {
	if c := r.calls.Get(task); c != nil {
		c.end()
		r.calls.Delete(task)
	}
}

// finish runs after the end is durable. OnEnd is called before done is closed, so a caller of Wait that returns finds what
// OnEnd did. The run leaves the open executions before OnEnd is called: OnEnd may redrive it.
//
// From here on the run refuses all events, including those that were queued while the end was written: a redrive continues with
// the run's execution, x, in another run.
func (r *run) finish() {
	r.release()
	r.refuseAll(ErrTaskTimedOut)
	r.end = r.e.describe(r.name, &r.rec, r.input)
	if r.rec.Status != asl.Succeeded {
		r.e.keep(r)
	}
	r.e.leave(r)
	r.e.notify(r.end)
	close(r.done)
}

// release stops the execution's timers and cancels its calls.
func (r *run) release() {
	for id := range r.timers.All() {
		r.stopTimer(id)
	}
	for id := range r.calls.All() {
		r.cancelCall(id)
	}
}

// lose abandons the execution in this engine without ending it: its journal has another owner, or cannot be written any
// more. What is stored is untouched, so another engine, or the next Open, continues from there.
func (r *run) lose(err error) {
	r.release()
	r.lost = err
	r.refuseAll(fmt.Errorf("%w: this engine has lost the execution, and what became of the task is unknown: %w", ErrClosed, err))
	r.e.leave(r)
	close(r.done)
	if !r.e.isClosing() {
		r.e.opt.Log.Error("execution lost by this engine; the next Open resumes it", "execution", r.name, "error", err)
	}
}

// refuseAll refuses all queued events and everything that comes later.
func (r *run) refuseAll(err error) {
	r.mu.Lock()
	left := r.inbox
	r.inbox, r.gone = nil, err
	r.mu.Unlock()
	if r.pending != nil {
		r.pending.letter.reply(err)
	}
	for i := range left {
		left[i].reply(err)
	}
}

// commit is a computed step whose effects wait until its event is in the journal.
//
// A commit without an end is one deferred write of the journal entry. A commit with an end writes four things in one
// durable transaction, or some of them: the entry, the record's last version, and the notice for OnEnd. They must be
// one transaction: an ended record without its notice would lose OnEnd if the process died in between, and an entry
// without the record would show an execution as running whose journal has ended.
//
// A commit whose effects issue a task token is also durable: a person may hold the token, and after a crash that lost its
// delivery, another delivery could get the same id.
type commit struct {
	letter  letter      // whose event was stepped
	ops     []table.Op  // nil when everything is written already
	first   [1]table.Op // where ops is while it has one operation, as most have
	entry   bool        // the first operation is a journal entry
	effects []asl.Effect
	at      time.Time // the time given to the step
	durable bool      // whether the write waits for the disk
	tries   int       // failed writes so far
}

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// step computes the event's step and leaves it pending. The effects are in memory of the execution and valid until its
// next step, which comes after the commit.
func (r *run) step(l letter) error {
	ev := l.Event
	if l.answer == nil {
		r.settle(ev)
	}
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
	key := journalKey(r.partition, r.events+1)
	c := &commit{letter: l, effects: effects, at: now, entry: true, durable: handsOut(effects)}
	c.first[0] = table.Put(table.Item{Key: key, Version: 1, Data: entry}, table.Absent)
	c.ops = c.first[:]
	r.pending = c
	if end := ended(effects); end != nil {
		return r.conclude(r.pending, end, now)
	}
	return nil
}

// settle releases the resources of a call or a timer whose event has arrived.
func (r *run) settle(ev asl.Event) {
	switch {
	case ev.Submitted != nil:
		r.cancelCall(ev.Submitted.Task)
	case ev.Succeeded != nil:
		r.cancelCall(ev.Succeeded.Task)
	case ev.Failed != nil:
		r.cancelCall(ev.Failed.Task)
	case ev.Fired != nil:
		r.timers.Delete(ev.Fired.Timer)
	}
}

// handsOut reports whether one of the effects issues a task token.
func handsOut(effects []asl.Effect) bool {
	return slices.ContainsFunc(effects, func(ef asl.Effect) bool { return ef.StartTask != nil && ef.StartTask.Callback })
}

func ended(effects []asl.Effect) *asl.Ended {
	if n := len(effects); n > 0 {
		return effects[n-1].Ended
	}
	return nil
}

// conclude adds the record's last version and the notice to the commit and makes it durable, since an end is acknowledged.
// The record comes before the notice, because explain looks at the first operation, and a commit that repeats an end
// (see reperform) has no journal entry.
func (r *run) conclude(c *commit, end *asl.Ended, now time.Time) error {
	r.rec.Status, r.rec.Stopped, r.rec.Output = end.Status, now.UnixMicro(), end.Output
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
	item, err := r.recordItem(r.version + 1)
	if err != nil {
		return err
	}
	c.ops = append(c.ops, table.Put(item, table.Version(r.version)))
	c.durable = true
	r.version++
	return nil
}

// commit writes the pending step and then performs its effects. It reports false when the worker must stop: a timer will
// retry the commit, or the execution is lost.
//
// A failed write has an unknown outcome unless it is a conflict, so the same operations are retried until the table
// answers. Nothing else of the execution may happen before: its next entry has the next number, and an effect without
// its entry is what the journal exists to prevent. Other executions are not held up; the retry is a timer.
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
		r.answer(c.letter, own)
		r.perform(c, own)
		return true
	case r.final(err):
		r.lose(err)
		return false
	}
	c.tries++
	r.e.opt.Log.Warn("journal write failed, retrying", "execution", r.name, "error", err, "tries", c.tries)
	r.e.opt.Scheduler.AfterFunc(min(firstRetry<<min(c.tries, 10), lastRetry), r.resume)
	return false
}

// answer notifies the sender of a callback that its event is in the journal, before anything that may end the sender's context:
// the sender may be the task's function. After a success that function may still have work to do; after a failure or a time-out
// it has no more work. If it has not begun, it need not begin.
func (r *run) answer(l letter, own **call) {
	if l.answer == nil {
		return
	}
	l.answer(nil)
	switch c := *own; {
	case l.Failed != nil:
		r.cancelCall(l.Failed.Task)
	case l.Succeeded != nil && c != nil && c.task.Task == l.Succeeded.Task:
		r.cancelCall(c.task.Task)
	}
}

// final reports whether retrying cannot help: the journal has another owner, or the table is closed or refuses the write.
func (r *run) final(err error) bool {
	var conflict *table.Conflict
	return errors.As(err, &conflict) || errors.Is(err, table.ErrClosed) || errors.Is(err, table.ErrInvalid) ||
		r.e.ctx.Err() != nil
}

func (r *run) write(c *commit) error {
	switch {
	case len(c.ops) == 0 && c.durable:
		return table.Sync(r.e.ctx, r.e.opt.Table)
	case len(c.ops) == 0:
		return nil
	case c.durable:
		return r.e.opt.Table.Transact(r.e.ctx, c.ops...)
	default:
		return r.e.opt.Table.Transact(r.e.deferred, c.ops...)
	}
}

// explain resolves a conflict of a retried commit. The earlier try may have been written although its reply was lost;
// then the conflict is with ourselves. If the item of the first operation holds the bytes that this commit would write,
// the commit is in the table and there is no error. Otherwise another engine wrote it. Bytes are enough to tell the two
// apart: a rival's entry of the same number would be equal only if it had the same event at the same microsecond, and
// then both engines are in the same state.
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

// resume retries the commit of a run that is active without a worker.
func (r *run) resume() {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.follow(r.work())
}
