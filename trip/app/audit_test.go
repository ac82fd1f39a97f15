package app_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/faulty"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// queries counts the reads of a table that can also be walked.
type queries struct {
	*embedded.Store
	n atomic.Int64
}

func (q *queries) Query(ctx context.Context, query table.Query) (table.Page, error) {
	q.n.Add(1)
	return q.Store.Query(ctx, query)
}

func (q *queries) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	q.n.Add(1)
	return q.Store.Get(ctx, key)
}

// walkable is a world whose records and books are in one table that can be walked.
func walkable(t *testing.T) (*world, *queries) {
	t.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	q := &queries{Store: store}
	w := newWorld(t, func(table.Table) table.Table { return q })
	w.Service = w.operator(q, q)
	return w, q
}

func TestAuditIsTheSameByOneWalk(t *testing.T) {
	w, q := walkable(t)
	for i := range 20 {
		w.bookInto(t, domain.Statuses()[i%len(domain.Statuses())])
	}
	paged := w.operator(faulty.Pages(q), faulty.Pages(q))
	walked := w.audit(t)
	asked, err := paged.Audit(t.Context())
	if err != nil || !reflect.DeepEqual(walked, asked) || len(walked.Trips) != len(domain.Statuses()) {
		t.Errorf("by one walk %+v, trip by trip %+v, %v", walked, asked, err)
	}
}

// The reads of an audit do not grow with the trips.
func TestAuditReadsEachPartitionOnce(t *testing.T) {
	w, q := walkable(t)
	reads := func() int64 {
		q.n.Store(0)
		w.audit(t)
		return q.n.Load()
	}
	w.bookInto(t, domain.Confirmed)
	few := reads()
	for range 10 {
		w.bookInto(t, domain.Failed)
	}
	if many := reads(); many != few {
		t.Errorf("%d reads for one trip, %d for eleven", few, many)
	}
}

// Money that the bank moved for no trip at all is in the ledger too.
func TestAuditSeesAChargeOfNoTrip(t *testing.T) {
	w, q := walkable(t)
	w.booked(t, nil)
	item := table.Item{Key: table.Key{PK: "BANK#nobody", SK: "CHARGE"}, Version: 1, Data: []byte(
		`{"id":"x","kind":"CHARGE","currency":"JPY","postings":[{"account":"cards","debit":7},{"account":"merchant","credit":7}]}`)}
	if err := q.Transact(t.Context(), table.Put(item, table.Absent)); err != nil {
		t.Fatal(err)
	}
	l := w.audit(t)
	if l.Balanced || l.Currencies["JPY"] != (app.Account{Captured: 2507, Confirmed: 2500}) {
		t.Errorf("ledger %+v", l)
	}
	broken := table.Item{Key: table.Key{PK: "BANK#nobody", SK: "REFUND"}, Version: 1, Data: []byte(`{`)}
	if err := q.Transact(t.Context(), table.Put(broken, table.Absent)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Audit(t.Context()); err == nil || !strings.Contains(err.Error(), "BANK#nobody") {
		t.Errorf("an entry that cannot be read: %v", err)
	}
}

// A confirmed trip that holds no seat any more, and a failed one that does, are problems, though all numbers agree.
func TestAuditComparesEndsWithSteps(t *testing.T) {
	w, _ := walkable(t)
	confirmed := w.booked(t, nil)
	if l := w.audit(t); !l.Balanced {
		t.Fatalf("ledger %+v", l)
	}
	if _, err := w.CancelFlight(t.Context(), app.TripRef{TripID: confirmed}); err != nil {
		t.Fatal(err)
	}
	failed := w.book(t, nil)
	w.run(t, failed, w.reserveFlight, w.fail)
	l := w.audit(t)
	for _, want := range []string{"trip " + confirmed + " is CONFIRMED, and the state of its FLIGHT is UNDONE", "trip " + failed + " is FAILED, and the state of its FLIGHT is DONE"} {
		if l.Balanced || !slices.Contains(l.Problems, want) {
			t.Errorf("problems %q, want %q", l.Problems, want)
		}
	}
}
