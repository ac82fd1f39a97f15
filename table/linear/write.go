package linear

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tripsaga/table"
)

func (c *client) transact(ctx context.Context) {
	in := c.drawTransaction()
	if c.oneIn(12) && c.mayDoubt() {
		var cancel context.CancelFunc
		ctx, cancel = c.impatient(ctx)
		defer cancel()
	}
	a := c.begin(in)
	err := c.table.Transact(ctx, in.ops...)
	a.end()
	var failed *table.Conflict
	switch {
	case err == nil:
		a.add(in, answer{outcome: done})
		c.seen, _ = c.seen.transact(in)
	case errors.As(err, &failed):
		a.conflict(failed)
	case errors.Is(err, table.ErrTryAgain):
		a.note(err)
	default:
		a.doubt(ctx, err)
	}
}

func (a *attempt) conflict(failed *table.Conflict) {
	if failed.Op < 0 || failed.Op >= len(a.in.ops) || failed.Key != a.in.ops[failed.Op].Key || failed.Why == "" {
		a.client.object("%s: the conflict %+v names no operation, or not its key, or no reason", a.in, failed)
	}
	a.add(a.in, answer{outcome: conflict, failed: failed.Op})
}

// doubt adds a transaction of unknown outcome, if it writes at all; its response is set when the history has ended.
func (a *attempt) doubt(ctx context.Context, err error) {
	if !a.client.explained(ctx, err) {
		a.client.object("%s: %w", a.in, err)
	}
	if slices.ContainsFunc(a.in.ops, func(op table.Op) bool { return op.Kind != table.OpCheck }) {
		a.add(a.in, answer{outcome: unknown})
		a.client.rename()
		return
	}
	a.note(fmt.Errorf("it only checks: %w", err))
}

// drawTransaction gives one to four operations on distinct keys.
func (c *client) drawTransaction() (in call) {
	in.over = c.random.Perm(len(places))
	if c.narrow {
		pk := places[c.random.IntN(len(places))].pk
		in.over = slices.DeleteFunc(in.over, func(key int) bool { return places[key].pk != pk })
	}
	in.over = in.over[:1+c.random.IntN(len(in.over))]
	for _, key := range in.over {
		in.ops = append(in.ops, c.drawOp(key))
	}
	return in
}

func (c *client) drawOp(key int) table.Op {
	switch c.random.IntN(8) {
	case 0:
		return table.Delete(c.key(key), c.drawCond(key))
	case 1:
		return table.Check(c.key(key), c.drawCheck(key))
	case 2, 3, 4:
		return table.Add(c.key(key), counter, c.random.Int64N(5)-2, c.random.Int64N(3)-1)
	}
	put := cell{version: c.versions.Add(1), counts: !c.oneIn(4)}
	if put.counts {
		put.n = c.random.Int64N(4)
	}
	return table.Put(c.item(key, put), c.drawCond(key))
}

func (c *client) drawCond(key int) table.Cond {
	if c.oneIn(3) {
		return table.None
	}
	return c.drawCheck(key)
}

// drawCheck is mostly true of what the client has seen.
func (c *client) drawCheck(key int) table.Cond {
	seen := c.seen[key]
	switch {
	case c.oneIn(8):
		return []table.Cond{table.Absent, table.Present, table.Version(seen.version)}[c.random.IntN(3)]
	case !seen.there():
		return table.Absent
	case c.oneIn(3):
		return table.Present
	}
	return table.Version(seen.version)
}
