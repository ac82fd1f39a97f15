package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Trips implements domain.Trips.
type Trips struct {
	table    table.Table
	deferred bool
	days     sync.Map // days whose TRIPDAYS item this process has written
}

var _ domain.Trips = (*Trips)(nil)

// TripsOption changes how trips are stored.
type TripsOption func(*Trips)

// DeferCreate lets Create return before the trip is durable. It is for a program that acknowledges a trip only after it
// has started the trip's saga, durably, in the same table.
func DeferCreate() TripsOption { return func(t *Trips) { t.deferred = true } }

// NewTrips returns the trips in t.
func NewTrips(t table.Table, options ...TripsOption) *Trips {
	trips := &Trips{table: t}
	for _, option := range options {
		option(trips)
	}
	return trips
}

// Service returns the use cases over one table, with every port that the table serves; pays moves the money. The caller sets
// Starter, Random and Observer.
func Service(t table.Table, pays domain.PaymentProvider, now func() time.Time, options ...TripsOption) *app.Service {
	return &app.Service{
		Trips: NewTrips(t, options...), Inventory: NewInventory(t),
		Airline: NewAirline(t, now), Hotels: NewHotels(t, now), Payments: NewPayments(t, pays, now),
		Policy: domain.DefaultCancellationPolicy(), Now: now,
	}
}

// Create implements domain.Trips.
func (r *Trips) Create(ctx context.Context, t *domain.Trip, events ...domain.Event) (*domain.Trip, bool, error) {
	ops, err := tripOps(t, table.Absent, events)
	if err != nil {
		return nil, false, err
	}
	if r.deferred {
		ctx = table.Deferred(ctx)
	}
	if err := r.noteDay(ctx, dayOf(ops[0].Item.Index.SK)); err != nil {
		return nil, false, err
	}
	err = r.table.Transact(ctx, ops...)
	if table.IsConflict(err) {
		stored, err := r.Get(table.Durable(ctx), t.ID()) // it may have ended, and is then not started again
		return stored, false, err
	}
	if err != nil {
		return nil, false, barrier.Fault(err)
	}
	return saved(t), true, nil
}

// noteDay records that this day has trips, once in the life of the process. It is a separate write before the trip's: in
// the trip's transaction, the first bookings of a day would all conflict on this one item. A day without trips is
// harmless.
func (r *Trips) noteDay(ctx context.Context, day domain.Date) error {
	if _, known := r.days.Load(day); known {
		return nil
	}
	item := table.Item{Key: table.Key{PK: pkDays, SK: string(day)}, Version: 1}
	if err := r.table.Transact(ctx, table.Put(item, table.None)); err != nil {
		return barrier.Fault(err)
	}
	r.days.Store(day, true)
	return nil
}

// Get implements domain.Trips.
func (r *Trips) Get(ctx context.Context, id string) (*domain.Trip, error) {
	item, ok, err := r.table.Get(ctx, tripKey(id, skTrip))
	if err != nil {
		return nil, barrier.Fault(err)
	}
	if !ok {
		return nil, noTrip(id)
	}
	return decodeTrip(item)
}

// Save implements domain.Trips.
func (r *Trips) Save(ctx context.Context, t *domain.Trip, events ...domain.Event) error {
	ops, err := tripOps(t, table.Version(t.Version()), events)
	if err != nil {
		return err
	}
	err = r.table.Transact(ctx, ops...)
	if table.IsConflict(err) {
		return domain.ErrChanged
	}
	return barrier.Fault(err)
}

// Details implements domain.Trips.
func (r *Trips) Details(ctx context.Context, id string) (domain.Details, error) {
	var d domain.Details
	for item, err := range table.Items(ctx, r.table, table.Query{PK: tripKey(id, skTrip).PK}) {
		if err != nil {
			return d, barrier.Fault(err)
		}
		if err := addDetail(&d, item); err != nil {
			return d, err
		}
	}
	if d.Trip == nil {
		return d, noTrip(id)
	}
	return d, nil
}

// Events reads the events of a trip that the outbox still keeps, the oldest first. Errors: Unavailable.
func Events(ctx context.Context, t table.Table, tripID string) ([]domain.Event, error) {
	var events []domain.Event
	for item, err := range table.Items(ctx, t, table.Query{PK: tripKey(tripID, skTrip).PK, Prefix: OutboxPrefix}) {
		if err != nil {
			return nil, barrier.Fault(err)
		}
		var e domain.Event
		if err := strictjson.DecodeRecord(item.Data, &e); err != nil {
			return nil, fmt.Errorf("store: the event at %s: %w", item.Key, err)
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b domain.Event) int { return a.At.Compare(b.At) })
	return events, nil
}

// addDetail decodes an item of the trip's partition into d.
func addDetail(d *domain.Details, item table.Item) (err error) {
	switch item.SK {
	case skTrip:
		d.Trip, err = decodeTrip(item)
	case skFlight:
		d.Flight, err = decodeStep[domain.FlightReservation](item)
	case skHotel:
		d.Hotel, err = decodeStep[domain.HotelReservation](item)
	case skPayment:
		d.Payment, err = decodeStep[domain.Payment](item)
	}
	return err
}

func decodeStep[R any](item table.Item) (*domain.Step[R], error) {
	rec, err := barrier.Decode[R](item)
	if err != nil {
		return nil, err
	}
	step := domain.Step[R]{State: domain.StepState(rec.State), Result: rec.Result}
	if rec.Refusal != nil {
		step.Reason = domain.Reason{Name: rec.Refusal.Name, Message: rec.Refusal.Message}
	}
	return &step, nil
}

// tripOps makes the trip the transaction's first operation. Only its condition can fail.
func tripOps(t *domain.Trip, cond table.Cond, events []domain.Event) ([]table.Op, error) {
	item, err := tripItem(t)
	if err != nil {
		return nil, err
	}
	ops := append(make([]table.Op, 0, 2+len(events)), table.Put(item, cond))
	for i := range events {
		op, err := outbox(item.PK, &events[i])
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// saved returns t as it is stored now.
func saved(t *domain.Trip) *domain.Trip {
	s := t.Snapshot()
	s.Version++
	return domain.RestoreTrip(s)
}

func noTrip(id string) error {
	return fault.New(fault.NotFound, fault.NameNotFound, "there is no trip %s", id)
}

// tripRecord is the stored JSON of a trip, and the only mapping of its fields. It has the fields of [domain.Snapshot] in
// the same order: the conversions below do not compile otherwise.
type tripRecord struct {
	ID          string           `json:"id"`
	Traveler    domain.Traveler  `json:"traveler"`
	Flight      domain.Flight    `json:"flight"`
	Stay        domain.Stay      `json:"hotel"`
	Card        domain.CardToken `json:"card,omitempty"` // kept until the booking has ended: only a charge needs it
	Currency    money.Currency   `json:"currency"`
	Fingerprint string           `json:"fingerprint"`
	Status      domain.Status    `json:"status"`
	Reason      domain.Reason    `json:"reason,omitzero"`
	Total       money.Amount     `json:"total,omitzero"`

	Cancellation domain.Cancellation `json:"cancellation,omitzero"` // ProcessPayment reads whether there is one

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Version int64     `json:"-"` // in the item
}

// tripItem returns the item of the trip's next version.
func tripItem(t *domain.Trip) (table.Item, error) {
	s := t.Snapshot()
	if t.Ended() || t.Confirmed() {
		s.Card = "" // a refund goes by the payment's key, and a late charge is refused by the step's record
	}
	record := tripRecord(s)
	data, err := strictjson.EncodeRecord(&record)
	if err != nil {
		return table.Item{}, fmt.Errorf("store: trip %s: %w", s.ID, err)
	}
	place := place(s.Created, s.ID)
	return table.Item{
		Key:     tripKey(s.ID, skTrip),
		Version: s.Version + 1,
		Index:   table.Key{PK: dayIndex(s.Status, string(dayOf(place)), shard(s.ID)), SK: place},
		Data:    data,
	}, nil
}

func decodeTrip(item table.Item) (*domain.Trip, error) {
	var r tripRecord
	if err := strictjson.DecodeRecord(item.Data, &r); err != nil {
		return nil, fmt.Errorf("store: the trip at %s: %w", item.Key, err)
	}
	r.Version = item.Version
	return domain.RestoreTrip(domain.Snapshot(r)), nil
}

// outbox returns the operation that announces e in the partition of its trip. Its key is derived from the event, so a second
// write changes nothing.
func outbox(partition string, e *domain.Event) (table.Op, error) {
	data, err := strictjson.EncodeRecord(e)
	if err != nil {
		return table.Op{}, fmt.Errorf("store: event %s of trip %s: %w", e.Type, e.TripID, err)
	}
	sk := OutboxPrefix + string(e.Type)
	if e.Again > 0 {
		sk += "#" + strconv.FormatInt(e.Again, 10)
	}
	return table.Put(table.Item{
		Key:     table.Key{PK: partition, SK: sk},
		Version: 1,
		Expires: e.At.Add(outboxLife).Unix(),
		Data:    data,
	}, table.None), nil
}
