package engine

import (
	"context"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// Forget removes executions that ended before a time, with their histories, and returns how many: at most limit, each in a
// separate write. As with Step Functions, whose retention is 90 days, the name of a forgotten execution can be used again. An
// execution is kept if its OnEnd has not returned yet, or if needed is not nil and returns true for it; a later call checks
// again. A failed call may be repeated.
func (e *Engine) Forget(ctx context.Context, before time.Time, limit int, needed func(context.Context, Description) (bool, error)) (removed int, err error) {
	for _, s := range allStatuses {
		if s == asl.Running {
			continue
		}
		started := table.Query{PK: e.statusPK[s], Index: true, To: before.UTC().Format(timeLayout)} // an execution ends after its start
		for item, err := range table.Items(ctx, e.opt.Table, started) {
			if err != nil || removed == limit {
				return removed, err
			}
			gone, err := e.forget(ctx, item, before, needed)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
	return removed, nil
}

// forget removes the record last: until then the next call finds what is left of the execution. The record's version keeps a
// redrive from losing its history.
func (e *Engine) forget(ctx context.Context, item table.Item, before time.Time, needed func(context.Context, Description) (bool, error)) (gone bool, err error) {
	rec, err := decodeRecord(item)
	if err != nil || !time.UnixMicro(rec.Stopped).Before(before) {
		return false, err
	}
	name := strings.TrimPrefix(item.PK, e.partition(""))
	if needed != nil {
		if keep, err := needed(ctx, e.describe(name, rec, nil)); keep || err != nil {
			return false, err
		}
	}
	unchanged := table.Version(item.Version)
	notified := table.Check(e.noticeKey(name), table.Absent)
	ops := []table.Op{notified, table.Check(item.Key, unchanged)}
	for entry, err := range table.Items(ctx, e.opt.Table, table.Query{PK: item.PK, Descending: true}) {
		if err != nil {
			return false, err
		}
		if entry.Key == item.Key {
			continue
		}
		if len(ops) == table.MaxOps {
			if err := e.opt.Table.Transact(table.Deferred(ctx), ops...); err != nil {
				return false, unlessConflict(err)
			}
			ops = ops[:2]
		}
		ops = append(ops, table.Delete(entry.Key, table.Cond{}))
	}
	ops[1] = table.Delete(item.Key, unchanged)
	err = e.opt.Table.Transact(table.Deferred(ctx), ops...)
	return err == nil, unlessConflict(err)
}

// unlessConflict drops the error for an execution that was redriven meanwhile or is not announced yet.
func unlessConflict(err error) error {
	if table.IsConflict(err) {
		return nil
	}
	return err
}
