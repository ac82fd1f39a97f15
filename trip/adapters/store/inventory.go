package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Inventory implements domain.Inventory.
type Inventory struct {
	table  table.Table
	offers offers
}

var _ domain.Inventory = (*Inventory)(nil)

// NewInventory returns the inventory in t.
func NewInventory(t table.Table) *Inventory { return &Inventory{table: t} }

// flightRecord is the stored JSON of a flight on one day. It converts into [domain.FlightDay], field by field.
type flightRecord struct {
	Number      domain.FlightNumber `json:"number"`
	Date        domain.Date         `json:"date"`
	Airline     string              `json:"airline"`
	Origin      string              `json:"origin"`
	Destination string              `json:"destination"`
	Departs     string              `json:"departs"`
	Arrives     string              `json:"arrives"`
	Price       money.Amount        `json:"price"`
	Capacity    int64               `json:"capacity"`
	Available   int64               `json:"-"` // in the counter
}

// nightRecord is the stored JSON of a hotel on one night. It converts into [domain.HotelNight], field by field.
type nightRecord struct {
	Hotel     domain.HotelID `json:"hotel"`
	Night     domain.Date    `json:"night"`
	Name      string         `json:"name"`
	City      string         `json:"city"`
	Price     money.Amount   `json:"price"`
	Capacity  int64          `json:"capacity"`
	Available int64          `json:"-"` // in the counter
}

// Departure implements domain.Inventory.
func (v *Inventory) Departure(ctx context.Context, n domain.FlightNumber, day domain.Date) (domain.FlightDay, error) {
	offer, _, err := v.offers.get(ctx, v.table, flightKey(n, day, skInventory))
	return domain.FlightDay{Number: n, Date: day, Origin: offer.Origin, Departs: offer.Departs}, err
}

// Flights implements domain.Inventory.
func (v *Inventory) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	return list(ctx, v.table, indexFlights, q, func(r flightRecord, free int64) domain.FlightDay {
		r.Available = free
		return domain.FlightDay(r)
	})
}

// Nights implements domain.Inventory.
func (v *Inventory) Nights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	return list(ctx, v.table, indexHotels, q, func(r nightRecord, free int64) domain.HotelNight {
		r.Available = free
		return domain.HotelNight(r)
	})
}

// list reads a page of offers, each with its counter.
func list[R, T any](ctx context.Context, t table.Table, index string, q domain.InventoryQuery,
	row func(R, int64) T) (domain.Page[T], error) {
	var p domain.Page[T]
	limit, err := pageLimit(q.Limit)
	if err != nil {
		return p, err
	}
	query := table.Query{PK: index, Index: true, From: string(q.From), Limit: limit, Cursor: q.Cursor}
	if next := q.To.Next(); q.To != "" && next > q.To { // dates have four digits: after 9999-12-31 none comes
		query.To = string(next)
	}
	page, err := table.FullPage(ctx, t, query)
	if errors.Is(err, table.ErrInvalid) && q.Cursor != "" {
		return p, fault.Invalidf("cursor", "%.60q is not a cursor of this list", q.Cursor)
	}
	if err != nil {
		return p, barrier.Fault(err)
	}
	p.Cursor = page.Cursor
	p.Items = make([]T, len(page.Items))
	err = parallel(ctx, len(page.Items), func(ctx context.Context, i int) error {
		var r R
		if err := strictjson.DecodeRecord(page.Items[i].Data, &r); err != nil {
			return fmt.Errorf("store: the offer at %s: %w", page.Items[i].Key, err)
		}
		counter, _, err := t.Get(ctx, table.Key{PK: page.Items[i].PK, SK: skAvailable})
		p.Items[i] = row(r, counter.Ints[available])
		return barrier.Fault(err)
	})
	if err != nil {
		return domain.Page[T]{}, err
	}
	return p, nil
}

// LastLoad implements domain.Inventory.
func (v *Inventory) LastLoad(ctx context.Context) (state domain.LoadState, err error) {
	item, ok, err := v.table.Get(ctx, keyLoad)
	if err != nil || !ok {
		return state, barrier.Fault(err)
	}
	if err := strictjson.DecodeRecord(item.Data, &state); err != nil {
		return state, fmt.Errorf("store: the state of the last load: %w", err)
	}
	return state, nil
}

// mark records the state of a load, durably: before the first row is written and after the last.
func (v *Inventory) mark(ctx context.Context, state domain.LoadState) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	item := table.Item{Key: keyLoad, Data: data}
	return barrier.Fault(v.table.Transact(table.Durable(ctx), table.Put(item, table.None)))
}

// Load implements domain.Inventory. An inventory is larger than a transaction. So the load is planned first: what cannot be
// applied is refused before anything is written. Then it is written in chunks, each offer with its counter in one transaction.
// An offer that is stored already is skipped: repeating an interrupted load completes it.
//
// Bookings and other loads continue meanwhile. If they change an offer of a chunk, the chunk is planned again. An offer that
// can no longer be applied, because more is held than it allows, is refused individually, and the others are written.
func (v *Inventory) Load(ctx context.Context, offers domain.Offers) (domain.LoadReport, error) {
	changes, report, err := v.plan(ctx, rows(offers), offers.OnlyAdd)
	if err != nil {
		return domain.LoadReport{}, err
	}
	report.Rows = sources(offers)
	state := domain.LoadState{Fingerprint: offers.Fingerprint, Days: len(offers.Flights) + len(offers.Nights)}
	if err := v.mark(ctx, state); err != nil {
		return domain.LoadReport{}, err
	}
	var refused fault.Problems
	written := 0
	for chunk := range slices.Chunk(changes, table.MaxOps/2) {
		n, err := v.write(ctx, chunk, offers.OnlyAdd, &refused)
		if written += n; err != nil {
			return domain.LoadReport{}, stopped(err, written, len(changes))
		}
	}
	if err := refused.Err(); err != nil {
		refused.Add("", fault.New(fault.Conflict, fault.NameConflict, "%d of %d days that differed were written, and those named were "+
			"booked meanwhile; correct them and load the file again", written, len(changes)))
		return domain.LoadReport{}, refused.Err()
	}
	state.Complete = true
	return report, v.mark(ctx, state)
}

// stopped is the error of an interrupted load and says how many days are written.
func stopped(err error, written, of int) error {
	return fault.Wrap(fault.KindOf(err), fault.NameOf(err), err,
		"the load stopped after %d of %d days that differed; those stay, load the same file again to complete it", written, of)
}

// sources counts the rows of the file.
func sources(offers domain.Offers) int {
	rows := map[string]bool{}
	for _, o := range offers.Flights {
		rows[o.Source] = true
	}
	for _, o := range offers.Nights {
		rows[o.Source] = true
	}
	return len(rows)
}

// writeTries bounds how often a chunk is planned.
const writeTries = 10

// write writes a chunk and returns how many of its changes are stored. Changes that are refused are added to refused.
func (v *Inventory) write(ctx context.Context, changes []change, onlyAdd bool, refused *fault.Problems) (written int, err error) {
	for range writeTries {
		if err = v.apply(ctx, changes); err == nil {
			return written + len(changes), nil
		}
		if !table.IsConflict(err) && !errors.Is(err, table.ErrTryAgain) {
			return written, err
		}
		again := make([]row, len(changes))
		for i, c := range changes {
			again[i] = c.row
		}
		left, _, planned := v.plan(ctx, again, onlyAdd)
		problems := fault.All(planned)
		if planned != nil && fault.KindOf(planned) != fault.Conflict {
			return written, planned
		}
		for _, p := range problems {
			refused.Add("", p)
		}
		written += len(changes) - len(left) - len(problems) // another load has written the same
		if changes = left; len(changes) == 0 {
			return written, nil
		}
	}
	return written, fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the offers keep changing")
}

// row is an offer of either kind that is to be written.
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
			key:    flightKey(f.Number, f.Date, skInventory),
			index:  table.Key{PK: indexFlights, SK: string(f.Date) + "#" + string(f.Number)},
			record: flightRecord(f),
		})
	}
	for _, o := range offers.Nights {
		h := o.Row
		all = append(all, row{
			source: o.Source, name: h.String(), capacity: h.Capacity,
			key:    hotelKey(h.Hotel, h.Night, skInventory),
			index:  table.Key{PK: indexHotels, SK: string(h.Night) + "#" + string(h.Hotel)},
			record: nightRecord(h),
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
			switch {
			case err == nil:
				changes = append(changes, c)
			case fault.KindOf(err) != fault.Conflict:
				return nil, report, err
			}
			refused.Add("", err)
		}
	}
	return changes, report, refused.Err()
}

// standing reads the stored offers. A missing offer is a zero Item.
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

// replace adds the change of the capacity to the counter. Seats that are booked between this read and the write are safe:
// the counter's floor is checked at the write.
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
	return barrier.Fault(v.table.Transact(table.Deferred(ctx), ops...))
}
