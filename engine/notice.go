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

// An end without success leaves a notice in the transaction that records it, and the notice is removed when OnEnd has
// taken it: so none is missed when the process dies between the two. One that OnEnd can never take becomes a dead notice.

const noticeRetry = time.Second

func (e *Engine) noticeKey(name string) table.Key {
	return table.Key{PK: noticePK + e.opt.Name, SK: name}
}

// notify tells OnEnd, and tries again later when that fails.
func (e *Engine) notify(d Description) {
	if e.opt.OnEnd == nil {
		return
	}
	err := e.tell(d)
	if errors.Is(err, ErrFinal) {
		e.opt.Log.Error("OnEnd failed for good, it is not called again", "execution", d.Name, "status", d.Status, "error", err)
		err = e.bury(d, err)
	}
	switch {
	case errors.Is(err, table.ErrClosed):
		e.opt.Log.Error("OnEnd failed, the next Open calls it again", "execution", d.Name, "error", err)
	case err != nil:
		e.opt.Log.Warn("OnEnd failed, trying again", "execution", d.Name, "error", err)
		e.opt.Scheduler.AfterFunc(noticeRetry, func() { e.renotify(d.Name) })
	}
}

func (e *Engine) tell(d Description) error {
	if err := e.opt.OnEnd(e.ctx, d); err != nil || d.Status == asl.Succeeded {
		return err
	}
	return e.removeNotice(d)
}

// DeadNotice is an end that OnEnd could not be told: its error wrapped ErrFinal.
type DeadNotice struct {
	Execution string     `json:"-"`
	Status    asl.Status `json:"status"`
	Reason    string     `json:"reason"` // OnEnd's error
	At        time.Time  `json:"at"`
}

// bury makes the notice of this end a dead one.
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

// DeadNotices gives the dead notices by the executions' names.
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

// noticeVersion tells the ends of one execution apart, of which each redrive may bring another.
func noticeVersion(redrives int) int64 { return int64(redrives) + 1 }

// removeNotice removes the notice of this end; that of a later one stays.
func (e *Engine) removeNotice(d Description) error {
	err := e.opt.Table.Transact(e.deferred, table.Delete(e.noticeKey(d.Name), table.Version(noticeVersion(d.Redrives))))
	var conflict *table.Conflict
	if errors.As(err, &conflict) {
		return nil
	}
	return err
}

// renotify reads the execution afresh: a redrive may have reopened it, and then there is nothing to tell any more.
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
	case d.Status == asl.Succeeded: // after a redrive, which told of it: the notice is of an end before
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
