package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"tripsaga/table"
	"tripsaga/table/faulty"
)

// client makes one call after another. A transaction with an unknown outcome may still be in progress, so the client continues
// under a new name after it.
type client struct {
	*history
	name    int
	random  *rand.Rand
	table   table.Table // with the client's own faults
	patient bool        // its contexts do not end
	seen    state       // as the client last saw it, for conditions that sometimes hold
}

func (h *history) newClient(n int) *client {
	c := &client{history: h, random: rand.New(rand.NewPCG(h.opt.Seed, uint64(h.number)<<32+uint64(n)))}
	c.rename()
	c.table = faulty.Wrap(h.table, c.decide)
	return c
}

func (c *client) rename() { c.name = int(c.names.Add(1)) - 1 }

func (c *client) oneIn(n int) bool { return c.random.IntN(n) == 0 }

func (c *client) call() {
	if c.oneIn(4) {
		c.land()
	}
	ctx := c.ctx
	if c.oneIn(3) {
		ctx = table.Deferred(ctx)
	}
	switch c.random.IntN(10) {
	case 0, 1, 2:
		c.get(ctx, c.random.IntN(len(places)))
	case 3, 4:
		c.query(ctx)
	default:
		c.transact(ctx)
	}
}

// decide returns a random fault for a call.
func (c *client) decide(op faulty.Op) faulty.Fault {
	switch {
	case !c.oneIn(8):
		return faulty.Fault{}
	case c.oneIn(3):
		return faulty.Before(table.ErrTryAgain)
	case op.Kind != faulty.Transact:
		return faulty.After(faulty.ErrInjected)
	case !c.mayDoubt():
		return faulty.Fault{}
	}
	late := faulty.Delay(func(context.Context) error {
		c.postpone(op.Ops)
		return faulty.ErrInjected
	})
	return []faulty.Fault{faulty.Before(faulty.ErrInjected), faulty.After(faulty.ErrInjected), late}[c.random.IntN(3)]
}

// impatient returns a context that ends soon.
func (c *client) impatient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(c.random.Int64N(int64(c.opt.Patience))))
}

// forReading returns ctx, or a context that ends soon.
func (c *client) forReading(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.patient || !c.oneIn(12) {
		return ctx, func() {}
	}
	return c.impatient(ctx)
}

// explained reports whether err has a known cause. The outcome is unknown after such an error.
func (c *client) explained(ctx context.Context, err error) bool {
	return c.opt.Lossy || ctx.Err() != nil || errors.Is(err, faulty.ErrInjected)
}

func (c *client) get(ctx context.Context, key int) (answered bool) {
	ctx, cancel := c.forReading(ctx)
	defer cancel()
	a := c.begin(call{over: []int{key}})
	item, ok, err := c.table.Get(ctx, c.key(key))
	a.end()
	if err != nil {
		a.unread(ctx, err)
		return false
	}
	c.seen[key] = cell{}
	if ok {
		c.seen[key] = c.cell(key, item)
	}
	a.add(a.in, answer{cells: []found{{key, c.seen[key]}}})
	return true
}

func (a *attempt) unread(ctx context.Context, err error) {
	if !errors.Is(err, table.ErrTryAgain) && !a.client.explained(ctx, err) {
		a.client.object("%s: %w", a.in, err)
	}
	a.note(err)
}

// query reads one page after another.
func (c *client) query(ctx context.Context) {
	q, over := c.drawQuery()
	for more := true; more; {
		var cursor string
		cursor, over = c.page(ctx, q, over)
		q.Cursor, more = cursor, cursor != ""
	}
}

// page reads a page of a query that ranges over these keys. It returns the cursor and the keys after the page.
func (c *client) page(ctx context.Context, q table.Query, over []int) (cursor string, rest []int) {
	ctx, cancel := c.forReading(ctx)
	defer cancel()
	a := c.begin(call{query: true, over: over, limit: q.Limit})
	page, err := c.table.Query(ctx, q)
	a.end()
	if err != nil {
		a.unread(ctx, err)
		return "", nil
	}
	out, rest, err := c.readPage(a.in, page)
	if err != nil {
		c.object("%s: %w", a.in, err)
		return "", nil
	}
	for _, f := range out.cells {
		c.seen[f.key] = f.cell
	}
	a.addPage(out)
	return page.Cursor, rest
}

// readPage returns an error for a page that is wrong in any state of the table.
func (h *history) readPage(in call, page table.Page) (out answer, rest []int, err error) {
	out, rest = answer{more: page.Cursor != ""}, in.over
	for _, item := range page.Items {
		i := slices.IndexFunc(rest, func(key int) bool { return h.key(key) == item.Key })
		if i < 0 {
			return out, nil, fmt.Errorf("the page has %s, out of its range or its order", item.Key)
		}
		out.cells = append(out.cells, found{rest[i], h.cell(rest[i], item)})
		rest = rest[i+1:]
	}
	if in.limit > 0 && len(out.cells) > in.limit {
		return out, nil, fmt.Errorf("the page has %d items", len(out.cells))
	}
	if out.more && (len(rest) == 0 || len(out.cells) < max(in.limit, 1)) {
		return out, nil, fmt.Errorf("the page of %v has a cursor", out.cells)
	}
	return out, rest, nil
}

// addPage adds a page as one read. Where queries split it adds a read of each key in the page: those after
// the page's last item are not among them when another page follows.
func (a *attempt) addPage(out answer) {
	if !a.client.opt.QuerySplits {
		a.add(a.in, out)
		return
	}
	cells := out.cells
	for _, key := range a.in.over {
		f := found{key: key}
		switch {
		case len(cells) > 0 && cells[0].key == key:
			f, cells = cells[0], cells[1:]
		case len(cells) == 0 && out.more:
			return
		}
		a.add(call{over: []int{key}}, answer{cells: []found{f}})
	}
}

// drawQuery returns a random query of at least one key, and the keys that it ranges over.
func (c *client) drawQuery() (q table.Query, over []int) {
	q = []table.Query{{}, {Prefix: "a"}, {Prefix: "ab"}, {From: "ab"}, {To: "ab"}, {From: "a", To: "b"}}[c.random.IntN(6)]
	q.PK = c.key(0).PK
	if c.oneIn(5) {
		q = table.Query{PK: c.key(len(places) - 1).PK}
	}
	q.Limit, q.Descending = c.random.IntN(3), c.oneIn(2)
	for key := range places {
		k := c.key(key)
		if k.PK == q.PK && strings.HasPrefix(k.SK, q.Prefix) && k.SK >= q.From && (q.To == "" || k.SK < q.To) {
			over = append(over, key)
		}
	}
	if q.Descending {
		slices.Reverse(over)
	}
	return q, over
}

func (h *history) key(key int) table.Key {
	return table.Key{PK: fmt.Sprintf("linear-%d-%s", h.number, places[key].pk), SK: places[key].sk}
}

// item returns the item that a cell represents. Its data depend on its version, so that an item of two halves is detected.
func (h *history) item(key int, c cell) table.Item {
	item := table.Item{Key: h.key(key), Version: c.version, Data: fmt.Appendf(nil, `{"version":%d}`, c.version)}
	if c.counts {
		item.Ints = map[string]int64{counter: c.n}
	}
	return item
}

// cell returns the cell that an item represents.
func (h *history) cell(key int, item table.Item) cell {
	n, counts := item.Ints[counter]
	c := cell{version: item.Version, n: n, counts: counts}
	if len(item.Ints) == 0 {
		item.Ints = nil
	}
	if !c.there() || !reflect.DeepEqual(item, h.item(key, c)) {
		h.object("%s was read as version %d, %v, index %v, expires %d, data %s, which no client wrote",
			item.Key, item.Version, item.Ints, item.Index, item.Expires, item.Data)
	}
	return c
}

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

// doubt adds a transaction with an unknown outcome, if it writes at all; its response is set when the history has ended.
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

// drawTransaction returns one to four random operations on distinct keys.
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

// drawCheck returns a condition that mostly holds for what the client has seen.
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
