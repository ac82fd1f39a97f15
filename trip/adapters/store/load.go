package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Load implements domain.Inventory. An inventory is larger than a transaction, so that it is planned first, which
// refuses what cannot be applied before anything is written, and then written chunk by chunk. A row that stands already
// is skipped; so a load that was interrupted, whose mark tells that it is incomplete, is completed by repeating it.
func (v *Inventory) Load(ctx context.Context, offers domain.Offers) (domain.LoadReport, error) {
	changes, report, err := v.plan(ctx, rows(offers), offers.OnlyAdd)
	if err != nil {
		return domain.LoadReport{}, err
	}
	state := domain.LoadState{Fingerprint: offers.Fingerprint}
	if err := v.mark(ctx, state); err != nil {
		return domain.LoadReport{}, err
	}
	for len(changes) > 0 {
		n := min(len(changes), table.MaxOps/2)
		if err := v.apply(ctx, changes[:n]); err != nil {
			return domain.LoadReport{}, err
		}
		changes = changes[n:]
	}
	state.Complete = true
	return report, v.mark(ctx, state)
}

// row is an offer of either kind on its way to the table.
type row struct {
	source   string
	name     string
	key      table.Key // of the offer
	index    table.Key
	record   any
	capacity int64
}

func rows(offers domain.Offers) []row {
	all := make([]row, 0, len(offers.Flights)+len(offers.Nights))
	for _, o := range offers.Flights {
		f := o.Row
		all = append(all, row{
			source: o.Source, name: f.String(), capacity: f.Capacity,
			key:   flightKey(f.Number, f.Date, skInventory),
			index: table.Key{PK: indexFlights, SK: string(f.Date) + "#" + string(f.Number)},
			record: flightRecord{Number: f.Number, Date: f.Date, Airline: f.Airline, Origin: f.Origin,
				Destination: f.Destination, Departs: f.Departs, Arrives: f.Arrives, Price: f.Price, Capacity: f.Capacity},
		})
	}
	for _, o := range offers.Nights {
		h := o.Row
		all = append(all, row{
			source: o.Source, name: h.String(), capacity: h.Capacity,
			key:   hotelKey(h.Hotel, h.Night, skInventory),
			index: table.Key{PK: indexHotels, SK: string(h.Night) + "#" + string(h.Hotel)},
			record: nightRecord{Hotel: h.Hotel, Night: h.Night, Name: h.Name, City: h.City, Price: h.Price,
				Capacity: h.Capacity},
		})
	}
	return all
}

// change is what one row does: two operations, on the offer and on its counter.
type change struct {
	row row
	ops [2]table.Op
}

func (v *Inventory) plan(ctx context.Context, rows []row, onlyAdd bool) ([]change, domain.LoadReport, error) {
	var report domain.LoadReport
	var refused fault.Problems
	standing, err := v.standing(ctx, rows)
	if err != nil {
		return nil, report, err
	}
	changes := make([]change, 0, len(rows))
	for i, r := range rows {
		old := standing[i]
		offer, err := r.item(old.Version + 1)
		switch {
		case err != nil:
			return nil, report, err
		case old.Key == (table.Key{}):
			report.Added++
			changes = append(changes, change{r, r.add(offer)})
		case onlyAdd || bytes.Equal(old.Data, offer.Data):
			report.Unchanged++
		default:
			report.Changed++
			c, err := v.replace(ctx, r, old, offer)
			refused.Add("", err)
			changes = append(changes, c)
		}
	}
	return changes, report, refused.Err()
}

// standing reads the offers as they are; one that is not there is the zero Item.
func (v *Inventory) standing(ctx context.Context, rows []row) ([]table.Item, error) {
	items := make([]table.Item, len(rows))
	return items, parallel(ctx, len(rows), func(ctx context.Context, i int) (err error) {
		items[i], _, err = v.table.Get(ctx, rows[i].key)
		return barrier.Fault(err)
	})
}

func (r row) item(version int64) (table.Item, error) {
	data, err := json.Marshal(r.record)
	return table.Item{Key: r.key, Version: version, Index: r.index, Data: data,
		Ints: map[string]int64{"capacity": r.capacity}}, err
}

func (r row) counter() table.Key { return table.Key{PK: r.key.PK, SK: skAvailable} }

func (r row) add(offer table.Item) [2]table.Op {
	counter := table.Item{Key: r.counter(), Version: 1, Ints: map[string]int64{available: r.capacity}}
	return [2]table.Op{table.Put(offer, table.Absent), table.Put(counter, table.Absent)}
}

// replace moves the counter by the change of the capacity. Seats that are booked between this look and the write are
// safe all the same: the counter's floor holds then too.
func (v *Inventory) replace(ctx context.Context, r row, old, offer table.Item) (change, error) {
	counter, _, err := v.table.Get(ctx, r.counter())
	if err != nil {
		return change{}, barrier.Fault(err)
	}
	delta := r.capacity - old.Ints["capacity"]
	if counter.Ints[available]+delta < 0 {
		return change{}, r.tooSmall(old.Ints["capacity"] - counter.Ints[available])
	}
	return change{r, [2]table.Op{
		table.Put(offer, table.Version(old.Version)),
		table.Add(r.counter(), available, delta, 0),
	}}, nil
}

func (r row) tooSmall(held int64) error {
	return fault.New(fault.Conflict, fault.NameConflict,
		"%s: capacity: %d is below the %d held of %s", r.source, r.capacity, held, r.name)
}

func (v *Inventory) apply(ctx context.Context, changes []change) error {
	ops := make([]table.Op, 0, 2*len(changes))
	for _, c := range changes {
		ops = append(ops, c.ops[0], c.ops[1])
	}
	err := v.table.Transact(table.Deferred(ctx), ops...)
	var conflict *table.Conflict
	if errors.As(err, &conflict) {
		r := changes[conflict.Op/2].row
		return fault.New(fault.Unavailable, fault.NameUnavailable,
			"%s: %s changed while it was loaded; load the inventory again", r.source, r.name)
	}
	return barrier.Fault(err)
}
