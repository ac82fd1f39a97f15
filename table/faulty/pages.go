package faulty

import (
	"context"

	"tripsaga/table"
)

// Pages wraps a table and returns the shortest pages that the port allows where callers tend to make mistakes: first an empty
// page, then one item, then an empty page again. The sizes of later pages double, so that a long list needs few more queries
// than a short one. The last page is empty. So a caller misses items if it reads only one page, mistakes a short page for the
// last one, or an empty page for an empty list.
func Pages(inner table.Table) table.Table { return pages{inner} }

type pages struct{ table.Table }

// Sync calls the inner table.
func (p pages) Sync(ctx context.Context) error { return table.Sync(ctx, p.Table) }

// The position in a cursor is the number of the page, then the cursor of the inner table. Pages 0 and 2 are empty.
const pageLast = 255

func (p pages) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	outer, n := q, byte(0)
	if q.Cursor != "" {
		place, err := table.ParseCursor(q)
		if err != nil || len(place) == 0 {
			return table.Page{}, table.ErrCursor
		}
		n, q.Cursor = place[0], string(place[1:])
	}
	limit := table.MaxPage
	if q.Limit > 0 {
		limit = q.Limit
	}
	q.Limit = min(limit, 1<<min(max(int(n)-2, 0), 8)) // 1 on page 1, then 2, 4, ...
	page, err := p.Table.Query(ctx, q)                // also for an empty page, so that it fails where the inner table does
	switch {
	case err != nil || n == pageLast:
		return table.Page{}, err
	case n == 0 || n == 2:
		return table.Page{Cursor: table.MakeCursor(outer, append([]byte{n + 1}, q.Cursor...))}, nil
	case page.Cursor != "":
		page.Cursor = table.MakeCursor(outer, append([]byte{min(n+1, pageLast-1)}, page.Cursor...))
	default:
		page.Cursor = table.MakeCursor(outer, append([]byte{pageLast}, q.Cursor...))
	}
	return page, nil
}
