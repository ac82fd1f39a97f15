package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// outstanding is what an execution waits for: the effects that no event of the journal has answered. Whether an effect had
// been performed before a crash is unknown and makes no difference: it is performed again until an event answers it.
type outstanding struct {
	tasks  map[int64]asl.StartTask
	timers map[int64]timer
	end    *asl.Ended
	at     time.Time // of the last event
}

// timer is a timer that has not fired yet. wait is how long it was to wait when the step requested it.
type timer struct {
	asl.SetTimer
	wait time.Duration
}

func (o *outstanding) answer(ev asl.Event) {
	switch {
	case ev.Submitted != nil:
		delete(o.tasks, ev.Submitted.Task)
	case ev.Succeeded != nil:
		delete(o.tasks, ev.Succeeded.Task)
	case ev.Failed != nil:
		delete(o.tasks, ev.Failed.Task)
	case ev.Fired != nil:
		delete(o.timers, ev.Fired.Timer)
	case ev.Redriven != nil:
		o.end = nil
	}
}

func (o *outstanding) add(effects []asl.Effect) {
	for _, ef := range effects {
		switch {
		case ef.StartTask != nil:
			o.tasks[ef.StartTask.Task] = *ef.StartTask
		case ef.SetTimer != nil:
			o.timers[ef.SetTimer.Timer] = timer{*ef.SetTimer, ef.SetTimer.At.Sub(o.at)}
		case ef.CancelTask != 0:
			delete(o.tasks, ef.CancelTask)
		case ef.CancelTimer != 0:
			delete(o.timers, ef.CancelTimer)
		case ef.Ended != nil:
			end := *ef.Ended
			o.end = &end
		}
	}
}

// effects returns what is outstanding in the order of the requests: ids count up.
func (o *outstanding) effects() []asl.Effect {
	var all []asl.Effect
	for _, id := range slices.Sorted(maps.Keys(o.tasks)) {
		t := o.tasks[id]
		all = append(all, asl.Effect{StartTask: &t})
	}
	for _, id := range slices.Sorted(maps.Keys(o.timers)) {
		t := o.timers[id]
		// If the clock was set back, At lies in a future that may be hours away. The last event's time plus the wait is
		// never too early, since the timer was set before that event, and never later than the wait from then.
		if latest := o.at.Add(t.wait); latest.Before(t.At) {
			t.At = latest
		}
		all = append(all, asl.Effect{SetTimer: &t.SetTimer})
	}
	return all
}

// watcher receives what a replay passes. Each field may be nil.
type watcher struct {
	event func(asl.HistoryEvent)
	data  func(asl.DataStep)
}

// load reads an execution's record and replays its journal for a watcher. load only reads, so it may be used for an execution that runs in another engine; it then returns a recent state.
func (e *Engine) load(ctx context.Context, name string, w watcher) (*run, *outstanding, error) {
	rec, version, err := e.record(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	m, err := e.definition(ctx, rec.Definition)
	if err != nil {
		return nil, nil, err
	}
	r := e.newRun(name, m, rec)
	r.version = version
	out := &outstanding{tasks: map[int64]asl.StartTask{}, timers: map[int64]timer{}}
	return r, out, r.replay(ctx, out, w)
}

// replay rebuilds the execution from its journal. The result is the same as before the crash, because asl.Step depends on
// nothing but the definition, the events, their times and the seed, and the journal and the record hold all of these.
//
// A second call continues with the entries that were written since the first.
func (r *run) replay(ctx context.Context, out *outstanding, w watcher) error {
	q := table.Query{PK: r.partition, Prefix: journalSK}
	if r.x != nil {
		q.Prefix, q.From, q.To = "", journalKey(q.PK, r.events+1).SK, journalEnd
	}
	for {
		page, err := r.e.opt.Table.Query(ctx, q)
		if err != nil {
			return err
		}
		if err := r.replayPage(page, out, w); err != nil {
			return err
		}
		if page.Cursor == "" {
			return nil
		}
		q.Cursor = page.Cursor
	}
}

func (r *run) replayPage(page table.Page, out *outstanding, w watcher) error {
	for _, item := range page.Items {
		en, err := decodeEntry(item)
		if err != nil {
			return err
		}
		if en.Event.Started != nil {
			r.input, r.key = en.Event.Started.Input, en.Event.Started.TokenKey
			r.identify(en.Event.Started)
		} else {
			r.events++
		}
		if err := r.replayOne(en, out, w); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) replayOne(en entry, out *outstanding, w watcher) error {
	out.answer(en.Event)
	x, effects, err := asl.Watch(r.machine, r.x, en.Event, time.UnixMicro(en.At).UTC(), w.event, w.data)
	if err != nil {
		return fmt.Errorf("engine: replaying execution %s: %w", r.name, err)
	}
	r.x, out.at = x, time.UnixMicro(en.At).UTC()
	out.add(effects)
	return nil
}

// reperform performs again what is outstanding. An end can be outstanding, too: a machine that ends with its first step
// has its start in the journal, while its end is written by a second transaction.
func (r *run) reperform(out *outstanding) {
	c := &commit{effects: out.effects(), at: out.at}
	if out.end != nil {
		c.effects = []asl.Effect{{Ended: out.end}}
		if err := r.conclude(c, out.end, out.at); err != nil {
			r.lose(err)
			return
		}
	}
	r.launch(c)
}

func (e *Engine) resumeAll(ctx context.Context) error {
	q := table.Query{PK: e.statusPK[asl.Running], Index: true}
	for {
		page, err := e.opt.Table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("engine: listing open executions: %w", err)
		}
		for _, item := range page.Items {
			name := item.PK[len(e.partition("")):]
			if err := e.resumeOne(ctx, name); err != nil {
				// An execution that cannot be read must not hold up all others.
				e.resumeLater(name, err, 0)
			}
		}
		if page.Cursor == "" {
			return e.resumeNotices(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Cursor = page.Cursor
	}
}

// resumeLater retries an execution that could not be read, as long as the engine is open.
func (e *Engine) resumeLater(name string, err error, tries int) {
	const longest = 10 * time.Minute
	wait := min(lastRetry<<min(tries, 10), longest)
	e.opt.Log.Error("an open execution cannot be resumed, retrying", "execution", name, "error", err, "in", wait)
	e.opt.Scheduler.AfterFunc(wait, func() {
		if !e.begin() {
			return
		}
		defer e.working.Done()
		err := e.adopt(e.ctx, name)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, table.ErrClosed) && !errors.Is(err, ErrClosed) && e.ctx.Err() == nil {
			e.resumeLater(name, err, tries+1)
		}
	})
}

func (e *Engine) resumeOne(ctx context.Context, name string) error {
	r, out, err := e.load(ctx, name, watcher{})
	if err != nil {
		return err
	}
	if r.rec.Status != asl.Running { // the index may lag behind
		return nil
	}
	if err := e.enter(r, math.MaxInt); err != nil {
		return err
	}
	e.opt.Scheduler.Go(func() { r.reperform(out) })
	return nil
}
