package linear

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tripsaga/table"
)

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

// query reads one page after the other.
func (c *client) query(ctx context.Context) {
	q, over := c.drawQuery()
	for more := true; more; {
		var cursor string
		cursor, over = c.page(ctx, q, over)
		q.Cursor, more = cursor, cursor != ""
	}
}

// page reads a page of a query that ranges over these keys, and gives the cursor and the keys that come after it.
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

// readPage reads what is wrong in any state of the table as an error.
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

// addPage adds a page as one read. Where queries split it adds a read of each key that the page tells of: those after
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

// drawQuery gives a query of at least one key, and the keys that it ranges over.
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

// item is what a cell stands for. Its data belongs to its version, so that an item of two halves is seen.
func (h *history) item(key int, c cell) table.Item {
	item := table.Item{Key: h.key(key), Version: c.version, Data: fmt.Appendf(nil, `{"version":%d}`, c.version)}
	if c.counts {
		item.Ints = map[string]int64{counter: c.n}
	}
	return item
}

// cell is the other way round.
func (h *history) cell(key int, item table.Item) cell {
	n, counts := item.Ints[counter]
	c := cell{version: item.Version, n: n, counts: counts}
	if len(item.Ints) == 0 {
		item.Ints = nil
	}
	if !c.there() || !reflect.DeepEqual(item, h.item(key, c)) {
		h.object("%s was read as version %d, %v, index %v, expires %d, data %s, which nobody wrote",
			item.Key, item.Version, item.Ints, item.Index, item.Expires, item.Data)
	}
	return c
}
