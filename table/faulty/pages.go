package faulty

import (
	"context"

	"tripsaga/table"
)

// Pages wraps a table and gives the shortest pages that the port allows: of one item, with an empty one before each and
// one at the end. A caller that takes the first page for all, a short one for the last, or an empty one for nothing,
// misses something.
func Pages(inner table.Table) table.Table { return pages{inner} }

type pages struct{ table.Table }

// Sync passes on to the table inside.
func (p pages) Sync(ctx context.Context) error { return table.Sync(ctx, p.Table) }

// The place in a cursor is one of these and the cursor of the table inside.
const (
	pageEmpty = iota
	pageOfOne
	pageLast
)

func (p pages) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	outer, kind := q, byte(pageEmpty)
	if q.Cursor != "" {
		place, err := table.ParseCursor(q)
		if err != nil || len(place) == 0 {
			return table.Page{}, table.ErrCursor
		}
		kind, q.Cursor = place[0], string(place[1:])
	}
	q.Limit = 1
	page, err := p.Table.Query(ctx, q) // also for an empty page: so it fails where the table inside would
	switch {
	case err != nil || kind == pageLast:
		return table.Page{}, err
	case kind == pageEmpty:
		return table.Page{Cursor: table.MakeCursor(outer, append([]byte{pageOfOne}, q.Cursor...))}, nil
	case page.Cursor != "":
		page.Cursor = table.MakeCursor(outer, append([]byte{pageEmpty}, page.Cursor...))
	default:
		page.Cursor = table.MakeCursor(outer, append([]byte{pageLast}, q.Cursor...))
	}
	return page, nil
}
