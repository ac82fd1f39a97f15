package engine

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tripsaga/asl"
	"tripsaga/table"
)

// Describe reads an execution. Errors: ErrNotFound.
func (e *Engine) Describe(ctx context.Context, name string) (Description, error) {
	if err := checkName(name); err != nil {
		return Description{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	rec, _, err := e.record(ctx, name)
	if err != nil {
		return Description{}, err
	}
	item, _, err := e.opt.Table.Get(ctx, journalKey(e.partition(name), 0))
	if err != nil {
		return Description{}, err
	}
	start, err := decodeEntry(item)
	if err != nil {
		return Description{}, err
	}
	return e.describe(name, rec, start.Event.Started.Input), nil
}

func (e *Engine) record(ctx context.Context, name string) (rec *record, version int64, err error) {
	item, ok, err := e.opt.Table.Get(ctx, e.recordKey(name))
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	rec, err = decodeRecord(item)
	return rec, item.Version, err
}

// History returns the execution's events so far, in Step Functions' event types. It replays the journal. Errors: ErrNotFound.
func (e *Engine) History(ctx context.Context, name string) ([]asl.HistoryEvent, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	var events []asl.HistoryEvent
	_, _, err := e.load(ctx, name, watcher{event: func(ev asl.HistoryEvent) { events = append(events, ev) }})
	return events, err
}

// ListQuery selects executions.
type ListQuery struct {
	Status asl.Status // "" for all
	Limit  int        // 1 to 999; 0 means 100
	Cursor string     // from the previous page; "" for the first
}

// List returns one page of the executions, the newest first, without their inputs. The cursor is empty on the last page.
// Errors: ErrInvalid for a limit, status or cursor that is not valid.
func (e *Engine) List(ctx context.Context, q ListQuery) (page []Description, cursor string, err error) {
	if q.Limit == 0 {
		q.Limit = 100
	}
	before, err := q.check()
	if err != nil {
		return nil, "", err
	}
	statuses := []asl.Status{q.Status}
	if q.Status == "" {
		statuses = allStatuses
	}
	var items []table.Item
	for _, s := range statuses {
		found, err := e.newest(ctx, s, before, q.Limit+1)
		if err != nil {
			return nil, "", err
		}
		items = append(items, found...)
	}
	return e.listed(items, q.Limit)
}

// newest reads the n newest records of a status that come after the position before in the list.
func (e *Engine) newest(ctx context.Context, s asl.Status, before string, n int) (items []table.Item, err error) {
	q := table.Query{PK: e.statusPK[s], Index: true, Descending: true, To: before}
	for {
		q.Limit = n - len(items)
		page, err := e.opt.Table.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.Cursor == "" || len(items) >= n {
			return items, nil
		}
		q.Cursor = page.Cursor
	}
}

var allStatuses = []asl.Status{asl.Running, asl.Succeeded, asl.Failed, asl.TimedOut, asl.Aborted}

func (q ListQuery) check() (before string, err error) {
	if q.Limit < 1 || q.Limit > table.MaxPage-1 {
		return "", invalid("limit %d, allowed are 1 to %d", q.Limit, table.MaxPage-1)
	}
	if q.Status != "" && !slices.Contains(allStatuses, q.Status) {
		return "", invalid("status %q, allowed are %q", q.Status, allStatuses)
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || len(raw) > table.MaxSK || !utf8.Valid(raw) { // the table would refuse it
		return "", invalid("the cursor %.80q does not belong to this list", q.Cursor)
	}
	return string(raw), nil
}

func (e *Engine) listed(items []table.Item, limit int) (page []Description, cursor string, err error) {
	slices.SortFunc(items, func(a, b table.Item) int {
		return cmp.Or(strings.Compare(b.Index.SK, a.Index.SK), cmp.Compare(b.Version, a.Version))
	})
	// An execution that ended between two of the queries is in both; its newer version comes first.
	items = slices.CompactFunc(items, func(a, b table.Item) bool { return a.Index.SK == b.Index.SK })
	if len(items) > limit {
		items = items[:limit]
		cursor = base64.RawURLEncoding.EncodeToString([]byte(items[limit-1].Index.SK))
	}
	for _, item := range items {
		rec, err := decodeRecord(item)
		if err != nil {
			return nil, "", err
		}
		page = append(page, e.describe(strings.TrimPrefix(item.PK, e.partition("")), rec, nil))
	}
	return page, cursor, nil
}

// Definition returns the definition that the execution was started with, in the Amazon States Language. With the name "" it
// returns the engine's own. Errors: ErrNotFound.
func (e *Engine) Definition(ctx context.Context, name string) ([]byte, error) {
	if name == "" {
		return e.opt.Definition, nil
	}
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	rec, _, err := e.record(ctx, name)
	if err != nil {
		return nil, err
	}
	item, ok, err := e.opt.Table.Get(ctx, table.Key{PK: machinePK + e.opt.Name, SK: rec.Definition})
	if err == nil && !ok {
		err = fmt.Errorf("engine: the definition %s is missing", rec.Definition)
	}
	return item.Data, err
}
