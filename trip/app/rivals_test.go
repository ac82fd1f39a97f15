package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// plain is for worlds of which there are very many.
func plain(inner table.Table) table.Table { return inner }

var errLost = errors.New("the line was cut")

// act is what an operator does with a trip.
type act func(t *testing.T, w *world, s *app.Service, id string) error

// acts over the use cases, by name.
var acts = map[string]act{
	"reserve flight": func(t *testing.T, w *world, s *app.Service, id string) error {
		var in app.ReserveFlightInput
		w.input(id, &in)
		_, err := s.ReserveFlight(t.Context(), in)
		return err
	},
	"reserve hotel": func(t *testing.T, w *world, s *app.Service, id string) error {
		var in app.ReserveHotelInput
		w.input(id, &in)
		_, err := s.ReserveHotel(t.Context(), in)
		return err
	},
	"pay": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.ProcessPayment(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"refund": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.RefundPayment(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"cancel hotel": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.CancelHotel(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"cancel flight": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.CancelFlight(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"confirm": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.ConfirmTrip(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"fail": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.FailTrip(t.Context(), app.FailInput{TripID: id, Failure: app.Failure{Error: "No"}})
		if fault.Is(err, fault.NameBookingFailed) {
			return nil
		}
		return err
	},
	"mark": func(t *testing.T, _ *world, s *app.Service, id string) error {
		return s.MarkNeedsAttention(t.Context(), app.ExecutionChange{Saga: domain.BookingSaga, TripID: id, Status: "FAILED", Error: "No"})
	},
	"reconcile": func(t *testing.T, _ *world, s *app.Service, _ string) error {
		_, err := s.Reconcile(t.Context(), app.Patience{Grace: time.Minute, Overdue: 2 * time.Minute})
		return err
	},
	"cancel": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.CancelTrip(t.Context(), id, app.CancelRequest{Reason: "ill"})
		return err
	},
	"give back": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.RefundBooking(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"record": func(t *testing.T, _ *world, s *app.Service, id string) error {
		_, err := s.CancelBooking(t.Context(), app.TripRef{TripID: id})
		return err
	},
	"mark cancellation": func(t *testing.T, _ *world, s *app.Service, id string) error {
		return s.MarkNeedsAttention(t.Context(), app.ExecutionChange{Saga: domain.CancellationSaga, TripID: id, Status: "FAILED", Error: "No"})
	},
	"load dear":  loads(dear),
	"load cheap": loads(cheap),
	"load few":   loads(few),
}

// Three inventories over that of the world: dearer and larger, cheaper and smaller, and smaller than what a trip takes.
var (
	dear  = strings.NewReplacer("1000, JPY, 5", "1100, JPY, 9", "300, JPY, 4", "330, JPY, 8").Replace(stock)
	cheap = strings.NewReplacer("1000, JPY, 5", "900, JPY, 3", "300, JPY, 4", "270, JPY, 2").Replace(stock)
	few   = strings.NewReplacer("1000, JPY, 5", "1000, JPY, 1", "300, JPY, 4", "300, JPY, 0").Replace(stock)
)

func loads(file string) act {
	return func(t *testing.T, _ *world, s *app.Service, _ string) error {
		_, err := s.LoadInventory(t.Context(), offers(t, file))
		return err
	}
}

// interruption is what happens to one operator's call while the other comes by.
type interruption struct {
	name string
	make func(other func()) faulty.Fault
}

var interruptions = []interruption{
	{"the other comes before call", faulty.CrashBefore},
	{"the other comes after call", faulty.CrashAfter},
	{"the other comes, and not made is call", func(other func()) faulty.Fault {
		return faulty.Delay(func(context.Context) error { other(); return errLost })
	}},
}

// TestTwoOperators lets one operator do all of his work before and after each call that another one makes to the tables, and
// each call fail on top of it. Both repeat what failed for want of an answer, as a state machine does. In the end the books
// balance, no seat is sold twice, and the trip can be brought to an end.
func TestTwoOperators(t *testing.T) {
	toPay := []string{"reserve flight", "reserve hotel"}
	cancelling := []string{"reserve flight", "reserve hotel", "pay", "confirm", "cancel"}
	for _, c := range []struct {
		before   []string
		one, two string
	}{
		{nil, "cancel", "cancel"}, {nil, "cancel", "fail"}, {nil, "cancel", "mark"}, {nil, "cancel", "reconcile"},
		{append(toPay, "pay"), "cancel", "confirm"}, {cancelling[:4], "cancel", "cancel"}, {cancelling[:4], "cancel", "confirm"},
		{cancelling[:4], "cancel", "mark"}, {cancelling[:4], "cancel", "reconcile"},
		{cancelling, "cancel hotel", "cancel hotel"}, {cancelling, "give back", "give back"}, {cancelling, "give back", "confirm"},
		{append(cancelling, "cancel hotel", "cancel flight", "give back"), "record", "record"},
		{append(cancelling, "cancel hotel", "cancel flight", "give back"), "record", "mark cancellation"},
		{append(cancelling, "cancel hotel", "cancel flight", "give back"), "record", "reconcile"},
		{append(cancelling, "cancel hotel", "cancel flight", "give back"), "record", "confirm"},
		{nil, "load dear", "load cheap"}, {nil, "load dear", "load dear"},
		{nil, "load few", "reserve flight"}, {toPay[:1], "load few", "reserve hotel"}, {toPay[:1], "load few", "cancel flight"},
		{nil, "load cheap", "reserve flight"}, {toPay, "load few", "cancel hotel"},
		{nil, "reserve flight", "reserve flight"}, {nil, "reserve flight", "cancel flight"},
		{toPay[:1], "reserve hotel", "cancel hotel"}, {toPay, "pay", "pay"}, {toPay, "pay", "refund"},
		{toPay, "pay", "cancel flight"}, {toPay, "refund", "refund"},
		{append(toPay, "pay"), "refund", "refund"}, {append(toPay, "pay"), "confirm", "mark"},
		{append(toPay, "pay"), "confirm", "fail"}, {append(toPay, "pay"), "confirm", "reconcile"}, {append(toPay, "pay"), "confirm", "confirm"},
		{nil, "fail", "mark"}, {nil, "fail", "reconcile"}, {nil, "mark", "reconcile"}, {nil, "fail", "fail"},
	} {
		for _, pair := range [][2]string{{c.one, c.two}, {c.two, c.one}} {
			t.Run(pair[0]+" beside "+pair[1], func(t *testing.T) {
				for _, how := range interruptions {
					for n := int64(1); beside(t, c.before, pair, how, n); n++ {
					}
				}
			})
		}
	}
}

func beside(t *testing.T, before []string, pair [2]string, how interruption, n int64) (more bool) {
	t.Helper()
	w := newWorld(t, plain)
	w.Policy = domain.CancellationPolicy{Tiers: []domain.CancellationTier{{FeePercent: 33}}} // of 2,500
	id := w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	for _, name := range before {
		if err := acts[name](t, w, w.Service, id); err != nil {
			t.Fatal(err)
		}
	}
	again := func(s *app.Service, name string) (err error) {
		for range 5 {
			if err = acts[name](t, w, s, id); fault.KindOf(err) != fault.Unavailable {
				return err
			}
		}
		return err
	}
	// Both tables count as one: the bank is called between two calls to the records.
	var calls atomic.Int64 // many readers call at once
	done := false
	var otherErr error
	decide := func(faulty.Op) faulty.Fault {
		if calls.Add(1) != n {
			return faulty.Fault{}
		}
		done = true
		return how.make(func() { otherErr = again(w.Service, pair[1]) })
	}
	rival := w.operator(faulty.Wrap(w.table, decide), faulty.Wrap(w.books, decide))
	rival.Policy = w.Policy
	err := again(rival, pair[0])
	what := fmt.Sprintf("%s %d: %v and %v", how.name, n, err, otherErr)
	if !done {
		return false
	}
	for _, err := range []error{err, otherErr} {
		if k := fault.KindOf(err); err != nil && k != fault.Conflict && k != fault.Refused && k != fault.NotFound {
			t.Errorf("%s", what)
		}
	}
	trip, getErr := w.Trips.Get(t.Context(), id)
	if getErr != nil {
		t.Fatal(getErr)
	}
	for i, err := range []error{err, otherErr} { // whoever was told that he has ended it, has
		if want := ends[pair[i]]; err == nil && want != "" && trip.Status() != want && pair[1-i] != "cancel" && !slices.Contains(before, "cancel") {
			t.Errorf("%s: the trip is %s", what, trip.Status())
		}
	}
	w.mustAdd(t, what, id)
	return true
}

var ends = map[string]domain.Status{"confirm": domain.Confirmed, "fail": domain.Failed}

// mustAdd brings the trip to an end, and everything must balance before and after.
func (w *world) mustAdd(t *testing.T, what, id string) {
	t.Helper()
	w.noneOversold(t, what)
	trip, err := w.Trips.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if trip.Saga() == domain.CancellationSaga {
		w.mustCancel(t, what, id)
		return
	}
	if trip.Status() == domain.Confirmed {
		if l := w.audit(t); !l.Balanced {
			t.Errorf("%s: confirmed, and the ledger is %+v", what, l)
		}
		return
	}
	for _, name := range []string{"refund", "cancel hotel", "cancel flight", "fail"} {
		if err := acts[name](t, w, w.Service, id); err != nil {
			t.Errorf("%s: then %s: %v", what, name, err)
		}
	}
	for _, name := range []string{"reserve flight", "reserve hotel", "pay", "confirm"} {
		if err := acts[name](t, w, w.Service, id); err == nil {
			t.Errorf("%s: after the end, %s succeeds", what, name)
		}
	}
	if l := w.audit(t); !l.Balanced || l.SeatsHeld != 0 || l.RoomsHeld != 0 {
		t.Errorf("%s: the ledger is %+v", what, l)
	}
	end := "TripFailed"
	if _, requested := trip.Cancellation(); requested {
		end = "TripCancelled"
	}
	kinds := strings.Fields(w.events(t, id))
	if n := len(kinds); n < 2 || kinds[n-1] != "TripRequested" || strings.Count(strings.Join(kinds, " "), end) != 1 {
		t.Errorf("%s: events %v", what, kinds)
	}
}

// mustCancel brings the cancellation of a confirmed trip to its end, and nothing is left of the trip but its fee.
func (w *world) mustCancel(t *testing.T, what, id string) {
	t.Helper()
	for _, name := range []string{"cancel hotel", "cancel flight", "give back", "record", "confirm", "cancel"} { // the last two are late
		if err := acts[name](t, w, w.Service, id); err != nil {
			t.Errorf("%s: then %s: %v", what, name, err)
		}
	}
	trip, err := w.Trips.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if trip.Status() != domain.Cancelled {
		t.Errorf("%s: the trip is %s", what, trip.Status())
	}
	c, _ := trip.Cancellation()
	l := w.audit(t)
	if sum := l.Currencies["JPY"]; !l.Balanced || l.SeatsHeld != 0 || l.RoomsHeld != 0 || sum.Fees != c.Fee.Minor || sum.Refunded != c.Refund.Minor {
		t.Errorf("%s: the ledger is %+v", what, l)
	}
	want := "CancellationRequested FlightCancelled HotelCancelled PaymentRefunded TripCancelled TripConfirmed "
	if got := w.events(t, id); !strings.HasPrefix(got, want) {
		t.Errorf("%s: events %s", what, got)
	}
}

// noneOversold also wants every row to be as one load has made it.
func (w *world) noneOversold(t *testing.T, what string) {
	t.Helper()
	q := domain.InventoryQuery{}
	flights, err := w.ShowFlights(t.Context(), q)
	nights, nightsErr := w.ShowNights(t.Context(), q)
	if err := errors.Join(err, nightsErr); err != nil {
		t.Fatal(err)
	}
	prices := map[int64]int64{1000: 5, 1100: 9, 900: 3} // and capacities
	dear := map[int64]int64{1000: 300, 1100: 330, 900: 270}
	var of int64
	for _, f := range flights.Items {
		if f.Available < 0 || f.Available > f.Capacity {
			t.Errorf("%s: %s has %d free of %d", what, f, f.Available, f.Capacity)
		}
		if f.Number == "JL5" {
			of = f.Price.Minor
			if want := prices[of]; f.Capacity != want && f.Capacity != 1 {
				t.Errorf("%s: %s costs %d and has %d seats, want %d", what, f, of, f.Capacity, want)
			}
		}
	}
	for _, h := range nights.Items {
		if h.Available < 0 || h.Available > h.Capacity {
			t.Errorf("%s: %s has %d free of %d", what, h, h.Available, h.Capacity)
		}
		if h.Hotel == "TYO-PARK" && h.Night > "2027-03-10" && h.Price.Minor != dear[of] {
			t.Errorf("%s: %s costs %d, and the flight %d: half of each load", what, h, h.Price.Minor, of)
		}
	}
}

// TestTwoRequestsUnderOneKey lets a second request come between any two calls of the first: the same one, or another one.
func TestTwoRequestsUnderOneKey(t *testing.T) {
	other := request()
	other.Flight.Seats = 1
	for name, second := range map[string]domain.Request{"the same": request(), "another": other} {
		for _, how := range interruptions {
			for n := int64(1); ; n++ {
				w := newWorld(t, nil)
				w.book(t, nil) // the day is known
				var trip *domain.Trip
				var err, secondErr error
				done := false
				rival := w.operator(faulty.Wrap(w.table, func(op faulty.Op) faulty.Fault {
					if op.N != n || done {
						return faulty.Fault{}
					}
					done = true
					return how.make(func() { _, secondErr = w.BookTrip(t.Context(), "key", second) })
				}), w.books)
				first, err := rival.BookTrip(t.Context(), "key", request())
				if fault.KindOf(err) == fault.Unavailable {
					first, err = rival.BookTrip(t.Context(), "key", request())
				}
				if !done {
					break
				}
				what := fmt.Sprintf("%s, %s %d: %v and %v", name, how.name, n, err, secondErr)
				page, listErr := w.ListTrips(t.Context(), domain.TripQuery{})
				if listErr != nil || len(page.Items) != 2 {
					t.Fatalf("%s: %d trips, %v", what, len(page.Items), listErr)
				}
				trip = page.Items[0]
				if trip.Flight().Seats != 2 && err == nil || err == nil && first.ID() != trip.ID() || w.starts[trip.ID()] == nil {
					t.Errorf("%s: the trip has %d seats", what, trip.Flight().Seats)
				}
				if same := name == "the same"; same && errors.Join(err, secondErr) != nil || !same && (err == nil) == (secondErr == nil) {
					t.Errorf("%s: who was told what", what)
				}
			}
		}
	}
}

// TestNoErrorOfTheTableIsDropped fails one call after the other under each use case. Each is told; and where a write was made
// whose reply was lost, doing it again gives what there is to give.
func TestNoErrorOfTheTableIsDropped(t *testing.T) {
	toPay := []string{"reserve flight", "reserve hotel"}
	paid := append(toPay, "pay")
	reads := map[string]act{
		"details": func(t *testing.T, _ *world, s *app.Service, id string) error {
			_, err := s.GetTrip(t.Context(), id)
			return err
		},
		"list": func(t *testing.T, _ *world, s *app.Service, _ string) error {
			_, err := s.ListTrips(t.Context(), domain.TripQuery{})
			return err
		},
		"audit": func(t *testing.T, _ *world, s *app.Service, _ string) error {
			_, err := s.Audit(t.Context())
			return err
		},
		"flights": func(t *testing.T, _ *world, s *app.Service, _ string) error {
			_, err := s.ShowFlights(t.Context(), domain.InventoryQuery{})
			return err
		},
		"nights": func(t *testing.T, _ *world, s *app.Service, _ string) error {
			_, err := s.ShowNights(t.Context(), domain.InventoryQuery{})
			return err
		},
		"last load": func(t *testing.T, _ *world, s *app.Service, _ string) error {
			_, err := s.Inventory.LastLoad(t.Context())
			return err
		},
		"book": func(t *testing.T, w *world, s *app.Service, _ string) error {
			trip, err := s.BookTrip(t.Context(), "key", request())
			if err == nil && !slices.Contains(ids(w.listAll(t, domain.TripQuery{Limit: 9})), trip.ID()) {
				t.Error("the trip is not on the list")
			}
			return err
		},
	}
	for name, c := range map[string]fragile{
		"book": {nil, reads["book"]}, "reserve flight": {nil, acts["reserve flight"]}, "reserve hotel": {toPay[:1], acts["reserve hotel"]},
		"pay": {toPay, acts["pay"]}, "confirm": {paid, acts["confirm"]}, "refund": {paid, acts["refund"]},
		"cancel hotel": {toPay, acts["cancel hotel"]}, "cancel flight": {toPay, acts["cancel flight"]}, "fail": {nil, acts["fail"]},
		"mark": {nil, acts["mark"]}, "reconcile": {nil, acts["reconcile"]}, "load": {nil, acts["load dear"]},
		"details": {paid, reads["details"]}, "list": {paid, reads["list"]}, "audit": {paid, reads["audit"]},
		"flights": {nil, reads["flights"]}, "nights": {nil, reads["nights"]}, "last load": {nil, reads["last load"]},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range []faulty.Fault{faulty.Before(errLost), faulty.After(errLost)} {
				n := int64(1)
				for c.dropped(t, lost, n) {
					n++
				}
				if n == 1 {
					t.Error("it makes no call: the test shows nothing")
				}
			}
		})
	}
}

// fragile is a use case under which calls fail, and what happened before.
type fragile struct {
	before []string
	act    act
}

func (c fragile) dropped(t *testing.T, lost faulty.Fault, n int64) (more bool) {
	t.Helper()
	w := newWorld(t, plain)
	id := w.book(t, nil)
	w.time = w.time.Add(24 * time.Hour) // a day of which nobody has heard
	for _, name := range c.before {
		if err := acts[name](t, w, w.Service, id); err != nil {
			t.Fatal(err)
		}
	}
	var calls atomic.Int64 // of both tables, and of many readers at once
	decide := func(faulty.Op) faulty.Fault { return faulty.At(n, lost)(faulty.Op{N: calls.Add(1)}) }
	s := w.operator(faulty.Wrap(w.table, decide), faulty.Wrap(w.books, decide))
	err := c.act(t, w, s, id)
	if calls.Load() < n {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return false
	}
	if !errors.Is(err, errLost) {
		t.Errorf("call %d was lost: %v", n, err)
	}
	if err := c.act(t, w, s, id); err != nil {
		t.Errorf("call %d was lost; again: %v", n, err)
	}
	return true
}

// TestALoadThatIsCutOff loses one write after the other of a load of three transactions. What it leaves says that it is not
// complete, and loading again completes it: no row is missing, and none counts twice.
func TestALoadThatIsCutOff(t *testing.T) {
	const rows = 120
	large := "hotel, BIG-1, Big, Tokyo, 2027-01-01, 2027-04-30, 100, JPY, 9\n"
	for _, lost := range []faulty.Fault{faulty.Before(errLost), faulty.After(errLost)} {
		for n := 1; ; n++ {
			w := newWorld(t, plain)
			writes := 0
			s := w.operator(faulty.Wrap(w.table, func(op faulty.Op) faulty.Fault {
				if op.Kind != faulty.Transact {
					return faulty.Fault{}
				}
				if writes++; writes != n {
					return faulty.Fault{}
				}
				return lost
			}), w.books)
			_, err := s.LoadInventory(t.Context(), offers(t, large))
			nights, showErr := w.ShowNights(t.Context(), domain.InventoryQuery{From: "2027-01-01", Limit: 199})
			state, stateErr := w.Inventory.LastLoad(t.Context())
			if err := errors.Join(showErr, stateErr); err != nil {
				t.Fatal(err)
			}
			written := 0
			for _, h := range nights.Items {
				if h.Hotel == "BIG-1" {
					written++
				}
			}
			if writes < n {
				if err != nil || written != rows || !state.Complete {
					t.Errorf("without a fault: %d rows, %+v, %v", written, state, err)
				}
				break
			}
			if !errors.Is(err, errLost) || state.Complete && written != rows && (written > 0 || state.Fingerprint == offers(t, large).Fingerprint) {
				t.Errorf("write %d was lost: %d rows, %+v, %v", n, written, state, err)
			}
			report, err := s.LoadInventory(t.Context(), offers(t, large))
			if err != nil || report.Added+report.Unchanged != rows || report.Changed != 0 || report.Unchanged != written {
				t.Errorf("write %d was lost with %d rows written; again: %+v, %v", n, written, report, err)
			}
			if l := w.audit(t); !l.Balanced || l.RoomsHeld != 0 {
				t.Errorf("write %d was lost; loaded again: %+v", n, l)
			}
			if state, err := w.Inventory.LastLoad(t.Context()); err != nil || !state.Complete {
				t.Errorf("write %d was lost; loaded again: %+v, %v", n, state, err)
			}
		}
	}
}

// TestTheSameTripHasTheSameIds books under the same keys in two worlds, in one of them a day later: whatever has an id has
// the same one.
func TestTheSameTripHasTheSameIds(t *testing.T) {
	said := func(later time.Duration) string {
		w := newWorld(t, nil)
		w.time = w.time.Add(later)
		var all []string
		for _, end := range []func(string) []step{
			func(string) []step { return []step{w.reserveFlight, w.reserveHotel, w.pay, w.confirm} },
			func(string) []step {
				return []step{w.reserveFlight, w.reserveHotel, w.pay, w.refund, w.cancelHotel, w.cancelFlight, w.fail}
			},
		} {
			trip, err := w.BookTrip(t.Context(), fmt.Sprint("key-", len(all)), request())
			if err != nil {
				t.Fatal(err)
			}
			w.run(t, trip.ID(), end(trip.ID())...)
			d, err := w.GetTrip(t.Context(), trip.ID())
			if err != nil {
				t.Fatal(err)
			}
			in, err := w.Payments.Intent(t.Context(), d.Payment.Result.IntentID)
			if err != nil {
				t.Fatal(err)
			}
			ids := []string{trip.ID(), d.Flight.Result.ID, d.Hotel.Result.ID, d.Payment.Result.Key, d.Payment.Result.IntentID,
				d.Payment.Result.ChargeID}
			for _, e := range in.Entries[1:] { // the first is the charge
				ids = append(ids, e.ID)
			}
			for _, e := range w.outbox(t, trip.ID()) {
				ids = append(ids, e.ID)
			}
			seen := map[string]bool{}
			for _, id := range ids {
				if id == "" || seen[id] {
					t.Errorf("the ids of a trip are %q", ids)
				}
				seen[id] = true
			}
			all = append(all, ids...)
		}
		return strings.Join(all, " ")
	}
	if one, two := said(0), said(25*time.Hour); one != two {
		t.Errorf("the ids are\n%s\nand\n%s", one, two)
	}
}

// TestEventsTellWhatWasPaid changes all prices between the reservation and its end.
func TestEventsTellWhatWasPaid(t *testing.T) {
	want := map[domain.EventType]int64{
		domain.FlightCancelled: 2000, domain.HotelCancelled: 500, domain.PaymentRefunded: 2500, domain.TripConfirmed: 2500,
	}
	w := newWorld(t, nil)
	bad, good := w.book(t, nil), w.book(t, nil)
	for _, id := range []string{bad, good} {
		w.run(t, id, w.reserveFlight, w.reserveHotel)
	}
	w.load(t, strings.NewReplacer("200, JPY", "20, JPY", "300, JPY", "30, JPY", "1000, JPY", "7, JPY").Replace(stock))
	w.run(t, bad, w.pay, w.refund, w.cancelHotel, w.cancelFlight, w.fail)
	w.run(t, good, w.pay, w.confirm)
	seen := 0
	for _, e := range append(w.outbox(t, bad), w.outbox(t, good)...) {
		if amount, ok := want[e.Type]; ok {
			if seen++; e.Amount.Minor != amount || e.Amount.Currency != "JPY" {
				t.Errorf("%s of %s, want %d", e.Type, e.Amount, amount)
			}
		} else if e.Amount.Minor != 0 {
			t.Errorf("%s of %s", e.Type, e.Amount)
		}
	}
	if seen != len(want) {
		t.Errorf("%d events with an amount, want %d", seen, len(want))
	}
}

// TestAPaymentNeedsBothReservations pays after every other state of the two.
func TestAPaymentNeedsBothReservations(t *testing.T) {
	for _, before := range [][]string{
		{"reserve flight"}, {"reserve flight", "reserve hotel", "cancel hotel"}, {"reserve flight", "reserve hotel", "cancel flight"},
		{"reserve flight", "cancel hotel"}, {"cancel flight", "reserve hotel"},
		{"reserve flight", "reserve hotel", "cancel hotel", "cancel flight"},
	} {
		w := newWorld(t, nil)
		id := w.book(t, nil)
		for _, name := range before {
			if err := acts[name](t, w, w.Service, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.pay(t.Context(), id); !fault.Is(err, fault.NameStepCancelled) {
			t.Errorf("after %q: %v", before, err)
		}
		if l := w.audit(t); len(l.Currencies) != 0 {
			t.Errorf("after %q money has moved: %+v", before, l)
		}
	}
}

// TestARefundedPaymentIsNone confirms a trip whose payment was refunded, refused, or never made.
func TestARefundedPaymentIsNone(t *testing.T) {
	for _, before := range [][]string{{"pay", "refund"}, {"refund"}, {}, {"pay refused"}} {
		w := newWorld(t, nil)
		id := w.book(t, func(r *domain.Request) {
			if len(before) > 0 && before[0] == "pay refused" {
				r.Payment.CardToken = bank.Declined
			}
		})
		w.run(t, id, w.reserveFlight, w.reserveHotel)
		for _, name := range before {
			if name == "pay refused" {
				name = "pay"
			}
			if err := acts[name](t, w, w.Service, id); err != nil && fault.KindOf(err) != fault.Refused {
				t.Fatal(err)
			}
		}
		if err := w.confirm(t.Context(), id); !fault.Is(err, fault.NameNotFound) {
			t.Errorf("after %q: %v", before, err)
		}
		if status, _ := w.status(t, id); status != domain.Pending {
			t.Errorf("after %q the trip is %s", before, status)
		}
	}
}

// TestALoadOfWhatAnotherHasLoadedAndSold lets another operator load the same new flight, with more seats, and sell some of
// them before and after each call of a load.
func TestALoadOfWhatAnotherHasLoadedAndSold(t *testing.T) {
	const flight = "flight, XX9, New Line, HND, CTS, 11:05, 12:55, 2027-03-10, 2027-03-10, 1000, JPY, "
	for _, how := range interruptions {
		for n := int64(1); ; n++ {
			w := newWorld(t, plain)
			done := false
			rival := w.operator(faulty.Wrap(w.table, func(op faulty.Op) faulty.Fault {
				if op.N != n {
					return faulty.Fault{}
				}
				done = true
				return how.make(func() {
					w.load(t, stock+flight+"9\n")
					id := w.book(t, func(r *domain.Request) { r.Flight.Number = "XX9" })
					w.run(t, id, w.reserveFlight, w.reserveHotel)
				})
			}), w.books)
			_, err := rival.LoadInventory(t.Context(), offers(t, stock+flight+"7\n"))
			if fault.KindOf(err) == fault.Unavailable && err != nil {
				_, err = rival.LoadInventory(t.Context(), offers(t, stock+flight+"7\n"))
			}
			if !done {
				break
			}
			if l := w.audit(t); err != nil || !l.Balanced || l.SeatsHeld != 2 {
				t.Errorf("%s %d: %v, the ledger is %+v", how.name, n, err, l)
			}
		}
	}
}

// TestAListWhileTripsEnd lets all trips change their status, and perhaps once more some calls later, between two calls that
// the list makes to the table: each trip is on the list once. They are of one shard, which has more than are read ahead.
func TestAListWhileTripsEnd(t *testing.T) {
	listWhile(t, func(*testing.T, *world, []string) {}, "mark", "fail")
}

// TestAListWhileTripsAreCancelled is the same for the second saga.
func TestAListWhileTripsAreCancelled(t *testing.T) {
	listWhile(t, func(t *testing.T, w *world, trips []string) {
		for _, id := range trips {
			trip, err := w.Trips.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			s := trip.Snapshot()
			s.Status, s.Total = domain.Cancelling, money.Amount{Minor: 2500, Currency: "JPY"}
			s.Cancellation = domain.Cancellation{Requested: w.time}
			if err := w.Trips.Save(t.Context(), domain.RestoreTrip(s)); err != nil {
				t.Fatal(err)
			}
		}
	}, "mark cancellation", "record")
}

func listWhile(t *testing.T, before func(*testing.T, *world, []string), first, last string) {
	for between := range int64(6) { // calls from NEEDS_ATTENTION to the end; 0: the trips end immediately
		for n := int64(1); ; n++ {
			w := newWorld(t, plain)
			want := bookOfOneShard(t, w, 5)
			before(t, w, want)
			calls := int64(0)
			w.Trips = w.operator(faulty.Wrap(w.table, func(faulty.Op) faulty.Fault {
				calls++
				verb := ""
				switch {
				case calls == n+between:
					verb = last
				case calls == n:
					verb = first
				default:
					return faulty.Fault{}
				}
				return faulty.CrashBefore(func() {
					other := w.operator(w.table, w.books)
					for _, id := range want {
						if err := acts[verb](t, w, other, id); err != nil {
							t.Error(err)
						}
					}
				})
			}), w.books).Trips
			got := ids(w.listAll(t, domain.TripQuery{Limit: 3}))
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("changed at call %d and %d calls later: listed %q, want %q", n, between, got, want)
			}
			if calls < n {
				break
			}
		}
	}
}

// bookOfOneShard books n trips whose entries are in one partition of the index, and returns their ids in order.
func bookOfOneShard(t *testing.T, w *world, n int) (trips []string) {
	t.Helper()
	for key := 0; len(trips) < n; key++ {
		id := ident.Derive("trip", fmt.Sprint(key))
		if id[len(id)-1]%4 != 0 {
			continue
		}
		if _, err := w.BookTrip(t.Context(), fmt.Sprint(key), request()); err != nil {
			t.Fatal(err)
		}
		trips = append(trips, id)
	}
	slices.Sort(trips)
	return trips
}

// TestReconcileWithoutGrace takes trips, too, to which the clock has not come: it was set back.
func TestReconcileWithoutGrace(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	delete(w.starts, id)
	w.time = w.time.Add(-time.Hour)
	report, err := w.Reconcile(t.Context(), app.Patience{})
	if err != nil || report.Started != 1 || w.starts[id] == nil {
		t.Errorf("%+v, %v", report, err)
	}
}
