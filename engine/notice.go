package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// An end without success leaves a notice in the transaction that records it, and the notice is removed when OnEnd has
// taken it: so none is missed when the process dies between the two.

const noticeRetry = time.Second

func (e *Engine) noticeKey(name string) table.Key {
	return table.Key{PK: noticePK + e.opt.Name, SK: name}
}

// notify tells OnEnd, and tries again later when that fails.
func (e *Engine) notify(d Description) {
	if e.opt.OnEnd == nil {
		return
	}
	switch err := e.tell(d); {
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
