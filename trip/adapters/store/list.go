package store

import (
	"context"
	"encoding/base64"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// maxDays bounds the work of one page, in days. Each day has a stream for each status and shard.
const maxDays = 31

// List implements domain.Trips. It goes back day by day and merges the day's streams of the index, each of which is
// sorted. Its cursor is a place in the list, below which the next page begins. So no state is kept between pages, and a
// trip that changes its status keeps its place.
func (r *Trips) List(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	l, err := newListing(r.table, q)
	if err != nil {
		return domain.Page[*domain.Trip]{}, err
	}
	if q.Status == domain.Cancelling {
		err := l.takeDay(ctx, "")
		return l.page(l.below), err
	}
	for range maxDays {
		day, ok, err := l.dayBefore(ctx)
		if err != nil || !ok {
			return l.page(""), err
		}
		if err := l.takeDay(ctx, day); err != nil {
			return domain.Page[*domain.Trip]{}, err
		}
		if len(l.trips) == l.limit {
			break
		}
	}
	return l.page(l.below), nil
}

// listing is one page that is being filled. Every trip still to come is before the place below: a whole place, or a bare
// day, which sorts before all places of that day. "" is the end of time.
type listing struct {
	table    table.Table
	statuses []domain.Status
	limit    int
	below    string
	since    string // the first day; "" is the beginning of time
	trips    []*domain.Trip
}

// passes are the statuses in the order in which a trip passes through them. It can need attention twice.
var passes = []domain.Status{
	domain.Pending, domain.NeedsAttention, domain.Confirmed, domain.Cancelling, domain.NeedsAttention, domain.Cancelled, domain.Failed,
}

func newListing(t table.Table, q domain.TripQuery) (*listing, error) {
	l := &listing{table: t, statuses: passes}
	var p fault.Problems
	var err error
	l.limit, err = pageLimit(q.Limit)
	p.Add("", err)
	if q.Status != "" {
		if !slices.Contains(l.statuses, q.Status) {
			p.Add("", fault.Invalidf("status", "%.40q is not a status, allowed are %v", q.Status, domain.Statuses()))
		}
		l.statuses = []domain.Status{q.Status}
	}
	if !q.Since.IsZero() {
		l.since = string(domain.DateOf(q.Since))
	}
	switch {
	case q.Cursor != "":
		l.below, err = decodeCursor(q.Cursor)
		p.Add("", err)
	case !q.Created.IsZero():
		l.below = q.Created.UTC().Format(millis)
	}
	return l, p.Err()
}

func pageLimit(n int) (int, error) {
	if n < 0 || n > domain.MaxPage {
		return 0, fault.Invalidf("limit", "%d is out of range, allowed are 1 to %d", n, domain.MaxPage)
	}
	if n == 0 {
		return domain.DefaultPage, nil
	}
	return n, nil
}

// dayBefore returns the latest day that may have places less than below.
func (l *listing) dayBefore(ctx context.Context) (day string, ok bool, err error) {
	q := table.Query{PK: pkDays, From: l.since, To: l.below, Descending: true, Limit: 1}
	for item, err := range table.Items(ctx, l.table, q) {
		return item.SK, err == nil, barrier.Fault(err)
	}
	return "", false, nil
}

// takeDay adds the day's trips, newest first, until the page is full.
func (l *listing) takeDay(ctx context.Context, day string) error {
	streams, err := l.open(ctx, day)
	if err != nil {
		return err
	}
	for len(l.trips) < l.limit {
		s := newest(streams)
		if s == nil {
			l.below = day
			return nil
		}
		item := s.items[0]
		if item.Index.SK != l.below {
			t, err := decodeTrip(item)
			if err != nil {
				return err
			}
			l.trips, l.below = append(l.trips, t), item.Index.SK
		}
		if err := s.next(ctx, l.below); err != nil {
			return err
		}
	}
	return nil
}

// open reads the statuses in the order of passes. A trip that changes its status meanwhile is therefore found in a stream
// that is read later, so the list never misses it. stream.next preserves this order.
func (l *listing) open(ctx context.Context, day string) ([]*stream, error) {
	streams := make([]*stream, 0, len(l.statuses)*shards)
	for _, status := range l.statuses {
		for n := range shards {
			s := &stream{table: l.table, query: table.Query{
				PK: dayIndex(status, day, '0'+byte(n)), From: max(day, l.since), To: l.below,
				Index: true, Descending: true, Limit: l.limit/cap(streams) + 2,
			}}
			if err := s.fill(ctx); err != nil {
				return nil, err
			}
			for i := n; i < len(streams); i += shards {
				streams[i].later = append(streams[i].later, s)
			}
			streams = append(streams, s)
		}
	}
	return streams, nil
}

// page returns the page. below is "" if nothing follows.
func (l *listing) page(below string) domain.Page[*domain.Trip] {
	p := domain.Page[*domain.Trip]{Items: l.trips}
	if below != "" {
		p.Cursor = base64.RawURLEncoding.EncodeToString([]byte(below))
	}
	return p
}

func decodeCursor(cursor string) (string, error) {
	const longest = len(millis) + len("#") + 36
	below, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(below) >= len(time.DateOnly) && len(below) <= longest && utf8.Valid(below) {
		if _, err := domain.ParseDate(string(below[:len(time.DateOnly)])); err == nil {
			return string(below), nil
		}
	}
	return "", fault.Invalidf("cursor", "%.60q is not a cursor of this list", cursor)
}

// stream reads one partition of the index ahead.
type stream struct {
	table table.Table
	query table.Query
	items []table.Item
	ended bool
	later []*stream // of the same shard: to which its trips may move
}

// next drops the first item. If the next page must be read, trips may have moved from it to the later streams since those
// were read. So the later streams are read again, after it.
func (s *stream) next(ctx context.Context, below string) error {
	s.items = s.items[1:]
	if len(s.items) > 0 || s.ended {
		return nil
	}
	if err := s.fill(ctx); err != nil {
		return err
	}
	for _, l := range s.later {
		l.items, l.ended, l.query.To, l.query.Cursor = nil, false, below, ""
		if err := l.fill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fill reads on until there is an item, or the stream has ended.
func (s *stream) fill(ctx context.Context) error {
	for len(s.items) == 0 && !s.ended {
		page, err := s.table.Query(ctx, s.query)
		if err != nil {
			return barrier.Fault(err)
		}
		s.items, s.query.Cursor, s.ended = page.Items, page.Cursor, page.Cursor == ""
	}
	return nil
}

// newest returns the stream whose next trip is the newest; nil if all have ended.
func newest(streams []*stream) *stream {
	var best *stream
	for _, s := range streams {
		if len(s.items) > 0 && (best == nil || s.items[0].Index.SK > best.items[0].Index.SK) {
			best = s
		}
	}
	return best
}

// Each implements domain.Trips, by one scan if the table offers it, else trip by trip.
func (r *Trips) Each(ctx context.Context, visit func(domain.Details) error) error {
	if items, ok := table.Scan(ctx, r.table, pkTrip); ok {
		return scan(ctx, items, visit)
	}
	q := domain.TripQuery{Limit: domain.MaxPage}
	for {
		page, err := r.List(ctx, q)
		if err != nil {
			return err
		}
		err = parallel(ctx, len(page.Items), func(ctx context.Context, i int) error {
			d, err := r.Details(ctx, page.Items[i].ID())
			if err != nil {
				return err
			}
			return visit(d)
		})
		if err != nil || page.Cursor == "" {
			return err
		}
		q.Cursor = page.Cursor
	}
}

// scanBatch is the number of items that are decoded together. It bounds the memory of a scan.
const scanBatch = 1024

// scan decodes the trips in the order of their keys, on all cores. It leaves out the outbox, which is most of the items.
func scan(ctx context.Context, items iter.Seq2[table.Item, error], visit func(domain.Details) error) error {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan []table.Item)
	g.Go(func() error {
		defer close(batches)
		var batch []table.Item
		send := func() error {
			select {
			case batches <- batch:
				batch = nil
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for item, err := range items {
			if err != nil {
				return barrier.Fault(err)
			}
			if n := len(batch); n >= scanBatch && batch[n-1].PK != item.PK {
				if err := send(); err != nil {
					return err
				}
			}
			if !strings.HasPrefix(item.SK, OutboxPrefix) {
				batch = append(batch, item)
			}
		}
		return send()
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for batch := range batches {
				if err := visitAll(batch, visit); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func visitAll(items []table.Item, visit func(domain.Details) error) error {
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].PK == items[0].PK {
			n++
		}
		var d domain.Details
		for _, item := range items[:n] {
			if err := addDetail(&d, item); err != nil {
				return err
			}
		}
		if d.Trip != nil { // else a step was delivered for a trip that does not exist
			if err := visit(d); err != nil {
				return err
			}
		}
		items = items[n:]
	}
	return nil
}

// readers is the maximum number of concurrent reads of one call. A remote table answers many as fast as one.
const readers = 16

// parallel calls read once for each of 0 to n-1, concurrently. After an error it starts no more calls, and returns the
// error.
func parallel(ctx context.Context, n int, read func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, readers) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := read(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
