package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// A notice ensures that OnEnd is called. The transaction that records an end without success also writes a notice, and the
// notice is removed when OnEnd has returned without an error. If the process dies between the two, the next Open finds the
// notice and calls OnEnd again: at least once. A success has no notice, since a write for each would cost every booking; its
// OnEnd is called at most once. A notice that OnEnd refuses for good becomes a dead notice, which an operator sees.

const noticeRetry = time.Second

func (e *Engine) noticeKey(name string) table.Key {
	return table.Key{PK: noticePK + e.opt.Name, SK: name}
}

// notify calls OnEnd, and again later if that fails.
func (e *Engine) notify(d Description) {
	if e.opt.OnEnd == nil {
		return
	}
	err := e.callOnEnd(d)
	if errors.Is(err, ErrFinal) {
		e.opt.Log.Error("OnEnd failed for good, it is not called again", "execution", d.Name, "status", d.Status, "error", err)
		err = e.bury(d, err)
	}
	switch {
	case errors.Is(err, table.ErrClosed):
		e.opt.Log.Error("OnEnd failed, the next Open calls it again", "execution", d.Name, "error", err)
	case err != nil:
		e.opt.Log.Warn("OnEnd failed, it is called again", "execution", d.Name, "error", err)
		name := d.Name // without it, the closure would move every d to the heap
		e.opt.Scheduler.AfterFunc(noticeRetry, func() { e.renotify(name) })
	}
}

func (e *Engine) callOnEnd(d Description) error {
	if err := e.opt.OnEnd(e.ctx, d); err != nil || d.Status == asl.Succeeded {
		return err
	}
	return e.removeNotice(d)
}

// DeadNotice is an end that OnEnd refused for good: its error wrapped ErrFinal.
type DeadNotice struct {
	Execution string     `json:"-"`
	Status    asl.Status `json:"status"`
	Reason    string     `json:"reason"` // OnEnd's error
	At        time.Time  `json:"at"`
}

// bury replaces the notice of this end by a dead one. The two writes need no transaction: after a crash in between, OnEnd
// is called again and buries the notice again.
func (e *Engine) bury(d Description, reason error) error {
	if d.Status == asl.Succeeded {
		return nil
	}
	data, err := json.Marshal(DeadNotice{Status: d.Status, Reason: cut(reason.Error(), maxErrorMessage), At: e.now()})
	if err != nil {
		return err
	}
	dead := table.Item{Key: table.Key{PK: deadPK + e.opt.Name, SK: d.Name}, Version: 1, Data: data}
	if err := e.opt.Table.Transact(e.deferred, table.Put(dead, table.None)); err != nil {
		return err
	}
	return e.removeNotice(d)
}

// DeadNotices returns the dead notices, ordered by the executions' names.
func (e *Engine) DeadNotices(ctx context.Context) iter.Seq2[DeadNotice, error] {
	return func(yield func(DeadNotice, error) bool) {
		for item, err := range table.Items(ctx, e.opt.Table, table.Query{PK: deadPK + e.opt.Name}) {
			n := DeadNotice{Execution: item.SK}
			if err == nil {
				err = json.Unmarshal(item.Data, &n)
			}
			if !yield(n, err) || err != nil {
				return
			}
		}
	}
}

// noticeVersion distinguishes the ends of one execution, since each redrive may add one.
func noticeVersion(redrives int) int64 { return int64(redrives) + 1 }

// removeNotice removes the notice of this end. The notice of a later end has another version and stays.
func (e *Engine) removeNotice(d Description) error {
	err := e.opt.Table.Transact(e.deferred, table.Delete(e.noticeKey(d.Name), table.Version(noticeVersion(d.Redrives))))
	var conflict *table.Conflict
	if errors.As(err, &conflict) {
		return nil
	}
	return err
}

// renotify calls OnEnd again, for the execution as it is now: if a redrive has reopened it, its end is void and so is the
// notice.
func (e *Engine) renotify(name string) {
	if !e.begin() {
		return
	}
	defer e.working.Done()
	d, err := e.Describe(e.ctx, name)
	switch {
	case errors.Is(err, table.ErrClosed): // the next Open calls it
	case errors.Is(err, ErrNotFound):
		e.opt.Log.Error("a notice names an execution that does not exist, it is left alone", "execution", name)
	case err != nil:
		e.opt.Log.Warn("reading an execution for OnEnd failed, trying again", "execution", name, "error", err)
		e.opt.Scheduler.AfterFunc(noticeRetry, func() { e.renotify(name) })
	case d.Status == asl.Succeeded: // after a redrive, which has announced it: the notice is of an earlier end
		if err := e.opt.Table.Transact(e.deferred, table.Delete(e.noticeKey(name), table.None)); err != nil {
			e.opt.Log.Warn("removing a notice failed", "execution", name, "error", err)
		}
	case d.Status != asl.Running:
		e.notify(d)
	}
}

func (e *Engine) resumeNotices(ctx context.Context) error {
	if e.opt.OnEnd == nil {
		return nil
	}
	q := table.Query{PK: noticePK + e.opt.Name}
	for {
		page, err := e.opt.Table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("engine: listing notices: %w", err)
		}
		for _, item := range page.Items {
			e.opt.Scheduler.Go(func() { e.renotify(item.SK) })
		}
		if page.Cursor == "" {
			return nil
		}
		q.Cursor = page.Cursor
	}
}
