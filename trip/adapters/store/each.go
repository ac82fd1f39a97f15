package store

import (
	"context"
	"iter"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"tripsaga/barrier"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Each implements domain.Trips: by one walk through a table that offers it, else trip by trip.
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

// scanBatch is how many items are decoded together, so that few are in memory at a time.
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
		if d.Trip != nil { // else it is of a delivery that no trip asked for
			if err := visit(d); err != nil {
				return err
			}
		}
		items = items[n:]
	}
	return nil
}
