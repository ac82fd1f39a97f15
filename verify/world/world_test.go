package world_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/verify/judge"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

func newWorld(t testing.TB) *world.World {
	t.Helper()
	w, err := world.New(world.Config{Subject: trip.Product()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func mustRun(t testing.TB, w *world.World, id string) *world.Result {
	t.Helper()
	s, err := trip.Product().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScenariosWithoutFaults(t *testing.T) {
	w := newWorld(t)
	ends := map[string][]string{
		"booked": {"CONFIRMED"}, "flight-full": {"FAILED"}, "hotel-full": {"FAILED"},
		"last-seat": {"CONFIRMED", "FAILED"}, "two": {"CONFIRMED", "CONFIRMED"},
		"stopped": {"CONFIRMED"}, "rivals": {"CONFIRMED"}, "rivals-fail": {"FAILED"},
		"weekend": {"FAILED"}, "off": {"CONFIRMED"}, "cancelled": {"CANCELLED"},
	}
	for _, name := range trip.Product().ScenarioNames() {
		r := mustRun(t, w, name)
		if !slices.Equal(r.Statuses, ends[name]) || len(r.Violations) > 0 {
			t.Errorf("%s: %q, %v; want %q", name, r.Statuses, r.Violations, ends[name])
		}
	}
}

// TestTablesAreAlike plays schedules over the table in memory and over the embedded store: every write must be the same.
func TestTablesAreAlike(t *testing.T) {
	fast, real := newWorld(t), newWorld(t)
	fast.InMemory()
	real.InStore()
	for _, id := range []string{
		"two", "hotel-full", "booked:A.ReserveHotel#1.put1=late@end,A.ReserveHotel#2=down", "booked:A.Engine#1.journal2=crash-1",
		"booked:A.BookingConfirmed#1=down", "rivals-fail", "last-seat:B.ReserveFlight#1.put1=look", "booked:A.ReserveHotel#1.put1=load",
	} {
		a, b := mustRun(t, fast, id), mustRun(t, real, id)
		if a.Bytes != b.Bytes || a.End != b.End || !reflect.DeepEqual(a.Points, b.Points) || len(a.Violations)+len(b.Violations) > 0 {
			t.Errorf("%s: %d and %d points, %v, %v", id, len(a.Points), len(b.Points), a.Violations, b.Violations)
		}
	}
	if fast.Stored() || !real.Stored() {
		t.Error("both played over the same kind of table")
	}
}

// TestFoundByPairs replays schedules that broke the product once.
func TestFoundByPairs(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{
		"booked:A.ReserveHotel#1.put1=load,A.ProcessPayment#1.put1=crash-2", // the intent over the old price is not asked for again
		"booked:A.ProcessPayment#1.put1=crash-4,A.ReserveFlight#2.get1=load",
		"cancelled:A.Cancellation#1.journal0=lost,A.Cancellation#1.get1=fail", // the cancellation is started by nobody
	} {
		if r := mustRun(t, w, id); len(r.Violations) > 0 || r.Happened != 2 {
			t.Errorf("%s: %d faults, %v", id, r.Happened, r.Violations)
		}
	}
}

// TestFaultsDoWhatTheyMean plays one schedule of each kind and looks for its traces.
func TestFaultsDoWhatTheyMean(t *testing.T) {
	w := newWorld(t)
	for id, want := range map[string]struct {
		end    string
		passed []string // labels of points that there must be
		absent string   // label of a point that must not be
	}{
		"booked:A.ReserveFlight#1=fail":                                  {"CONFIRMED", []string{"A.ReserveFlight#2.put1"}, "A.ReserveFlight#1.put1"},
		"booked:A.ReserveFlight#1.put1=lost":                             {"CONFIRMED", []string{"A.ReserveFlight#2.get2"}, ""},
		"booked:A.ReserveFlight#1.put1=throttle":                         {"CONFIRMED", []string{"A.ReserveFlight#2.put1"}, "A.ReserveFlight#2.get2"},
		"booked:A.ReserveFlight#1=die":                                   {"CONFIRMED", []string{"A.ReserveFlight#2.put1"}, "A.ReserveFlight#1.get1"},
		"booked:A.ReserveFlight#1.put1=gone":                             {"CONFIRMED", []string{"A.ReserveFlight#2.get2"}, "A.ReserveFlight#1.reply"},
		"booked:A.ReserveFlight#1.put1=late@end":                         {"CONFIRMED", []string{"A.ReserveFlight#2.put1", "A.ReserveFlight#1.get2"}, ""},
		"booked:A.ReserveFlight#1=twice":                                 {"CONFIRMED", []string{"A.ReserveFlight+#1.put1", "A.ReserveFlight#1.get2"}, ""},
		"booked:A.ReserveFlight#1=again@A.ReserveHotel#1":                {"CONFIRMED", []string{"A.ReserveFlight+#1.put1"}, ""},
		"booked:A.ReserveFlight#1=altered":                               {"CONFIRMED", []string{"A.ReserveFlight+#1.put1"}, ""},
		"booked:A.ReserveHotel#1=down":                                   {"FAILED", []string{"A.ReserveHotel#5", "A.CancelFlight#1.put1"}, "A.ReserveHotel#1.put1"},
		"booked:A.ReserveHotel#1=mute":                                   {"FAILED", []string{"A.ReserveHotel#1.put1", "A.CancelHotel#1.put1"}, "A.ReserveHotel#1.reply"},
		"booked:A.ProcessPayment#1.charge1=decline":                      {"FAILED", []string{"A.CancelHotel#1.put1"}, "A.RefundPayment#1"},
		"booked:A.ProcessPayment#1.charge1=mute":                         {"FAILED", []string{"A.RefundPayment#1.cancel1", "A.ProcessPayment#5.charge1"}, ""},
		"booked:A.Engine#1.journal2=crash":                               {"CONFIRMED", []string{"A.ReserveHotel#2", "A.Engine#2.journal2"}, ""},
		"booked:A.Engine#1.journal2=crashed":                             {"CONFIRMED", []string{"A.ProcessPayment#1"}, "A.ReserveHotel#2"},
		"booked:A.ReserveHotel#1.put1=crash-2":                           {"CONFIRMED", []string{"A.ReserveFlight#2"}, ""},
		"booked:A.Book#1.put2=leave":                                     {"", nil, "A.Book#2.put1"},
		"booked:A.BookingConfirmed#1.get2=load":                          {"CONFIRMED", nil, "A.BookingConfirmed#2"},
		"booked:A.BookingConfirmed#1.put1=overdue":                       {"CONFIRMED", []string{"Reconcile#1.put1", "A.BookingConfirmed#1.put2"}, ""},
		"booked:A.ReserveHotel#1.put1=rival":                             {"CONFIRMED", []string{"A.ReserveHotel#2", "A.Engine#2.journal2"}, ""},
		"booked:A.ReserveHotel#1=doze":                                   {"CONFIRMED", []string{"A.Engine#2.journal3", "A.ReserveHotel#2"}, ""},
		"booked:A.ReserveHotel#1=nap":                                    {"CONFIRMED", []string{"A.Engine#2.journal2", "A.ReserveHotel#3"}, ""},
		"booked:A.Engine#1.journal4=rebook":                              {"CONFIRMED", []string{"A.Book+#1.get1"}, ""},
		"booked:A.BookingConfirmed#1.put1=rebook":                        {"CONFIRMED", []string{"A.Book+#1.get1"}, ""},
		"booked:A.ReserveFlight#1.put1=lower-4@end":                      {"CONFIRMED", []string{"Load#1.put2"}, "Load#1.put3"},
		"booked:A.ReserveFlight#1.put1=load-4@A.ReserveHotel#1":          {"CONFIRMED", []string{"Load#1.put2", "Load#1.put3"}, ""},
		"booked:A.ReserveFlight#1.get1=load,Load#1.put2=lower":           {"CONFIRMED", []string{"Load#2.put2", "Load#1.put3"}, ""},
		"booked:A.BookingConfirmed#1.put1=overdue-6@A.Engine#1.journal4": {"CONFIRMED", []string{"Reconcile#1.query1"}, ""},
		"booked:A.Engine#1.journal2=late@end":                            {"CONFIRMED", []string{"A.ProcessPayment#1"}, ""},
		"hotel-full:A.BookingFailed#1=stray":                             {"FAILED", []string{"A.ProcessPayment+#1.get1"}, "A.ProcessPayment+#1.put1"},
		"booked:A.BookingConfirmed#1=down,Listener#1.get1=redrive":       {"CONFIRMED", []string{"A.Engine#1.get1"}, ""},
	} {
		r := mustRun(t, w, id)
		if r.Statuses[0] != want.end || len(r.Violations) > 0 {
			t.Errorf("%s: %q, %v; want %q", id, r.Statuses, r.Violations, want.end)
		}
		for _, label := range want.passed {
			if !passed(r, label) {
				t.Errorf("%s: no %s", id, label)
			}
		}
		if want.absent != "" && passed(r, want.absent) {
			t.Errorf("%s: there is a %s", id, want.absent)
		}
	}
}

func passed(r *world.Result, label string) bool {
	return slices.ContainsFunc(r.Points, func(p world.Point) bool { return p.Label.String() == label })
}

// TestSameScheduleSameBytes plays every single fault of a booking twice, in two worlds.
func TestSameScheduleSameBytes(t *testing.T) {
	one, other := newWorld(t), newWorld(t)
	base := mustRun(t, one, "booked")
	kinds := map[sim.Kind]bool{}
	for i := range base.Points {
		for c := range base.Points[i].Choices() {
			id := world.Schedule{Scenario: "booked", Faults: []sim.Fault{c.Fault}}.String()
			a, b := mustRun(t, one, id), mustRun(t, other, id)
			if a.Bytes != b.Bytes || a.End != b.End {
				t.Errorf("%s: two runs differ", id)
			}
			if a.Happened != 1 {
				t.Errorf("%s: it did not happen", id)
			}
			kinds[c.Kind] = true
		}
	}
	if other := mustRun(t, one, "booked"); other.Bytes != base.Bytes {
		t.Error("a run left something behind for the next")
	}
	never := []sim.Kind{sim.Late, sim.Again, world.Redrive, world.Broken, trip.Stray}
	for _, k := range trip.Product().Kinds() {
		if !kinds[k] && !slices.Contains(never, k) {
			t.Errorf("no %s was offered", k)
		}
	}
}

// TestWhateverTheProgramDoesIsAFinding: a panic anywhere, an order that leads round in circles and a trip that nobody
// asked for are violations of the schedule, and the world plays on.
func TestWhateverTheProgramDoesIsAFinding(t *testing.T) {
	circle := circular(t)
	tasks := func(name string, task engine.Task) func() trip.Variant {
		return func() trip.Variant {
			return trip.Variant{Tasks: func(all map[string]engine.Task) map[string]engine.Task {
				all[name] = task
				return all
			}}
		}
	}
	for name, c := range map[string]struct {
		cfg  trip.Config
		id   string
		want string
	}{
		"a task panics": {trip.Config{Variant: func() trip.Variant {
			return trip.Variant{Provider: func(domain.PaymentProvider) domain.PaymentProvider { return nil }}
		}}, "booked", world.NoPanic},
		"the engine panics": {trip.Config{Variant: func() trip.Variant {
			return trip.Variant{Table: func(t table.Table) table.Table { return panicking{t} }}
		}}, "booked", world.NoPanic},
		"the saga goes round in circles": {trip.Config{Definition: circle}, "booked:A.ReserveHotel#1=down", world.RunEnds},
		"a step succeeds without doing anything": {trip.Config{Variant: tasks("ReserveHotel",
			func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`{}`), nil })}, "booked", "outcome-respected"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := world.New(world.Config{Subject: trip.Subject(c.cfg)})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			for range 2 { // it plays on
				r := mustRun(t, w, c.id)
				if !slices.ContainsFunc(r.Violations, func(v judge.Violation) bool { return v.Invariant == c.want }) {
					t.Errorf("no %s; found %v", c.want, r.Violations)
				}
			}
		})
	}
}

// circular is the saga with a compensation that leads back to its first step.
func circular(t *testing.T) []byte {
	t.Helper()
	circle := bytes.Replace(saga.Booking().Definition(), []byte(`"Next": "CancelFlight"
    },
    "CancelFlight"`), []byte(`"Next": "ReserveFlight"
    },
    "CancelFlight"`), 1)
	if bytes.Equal(circle, saga.Booking().Definition()) {
		t.Fatal("the definition was not edited")
	}
	return circle
}

// panicking panics when the engine journals.
type panicking struct{ table.Table }

func (p panicking) Transact(ctx context.Context, ops ...table.Op) error {
	if strings.HasPrefix(ops[0].Key.SK, "J#") {
		panic("the engine's")
	}
	return p.Table.Transact(ctx, ops...)
}

func TestIDs(t *testing.T) {
	for _, id := range []string{
		"booked", "last-seat:B.Book#2.put1=leave", "booked:A.Engine#2.journal3~1=crash-2,Reconcile#1.get1=fail",
		"booked:A.Book#1.put2=overdue-3@end,Load#1.put1=lower", "booked:A.Engine#1.journal2=late@A.ReserveHotel#1,A.X#1=nap",
		"two:A.ReserveFlight#1=again@B.CancelFlight#1.get1,B.ReserveHotel+#1.put1=late@stop,A.ProcessPayment#1.reply=lost",
	} {
		s, err := trip.Product().ParseSchedule(id)
		if err != nil || s.String() != id {
			t.Errorf("%s becomes %s, %v", id, s, err)
		}
	}
	for _, id := range []string{
		"", "nowhere", "booked:", "booked:A.X#1", "booked:A.X#1=boom", "booked:A.X#1=late", "booked:A.X#1=fail@end",
		"booked:A.X=fail", "booked:A.X#one=fail", "booked:A.X#1.put=fail", "booked:A.X#1=crash--1", "booked:A.X#1=fail-1",
		"booked:A.X#1=fail:Y", "booked:A.X#*=fail", "booked:A.X#1=late@30m", "booked:A.X#1=load-2", "booked:A.X#1=load@end", "booked:A.X#1=load-0@end", "booked:A.X#1=look-2@end", "booked:A.X#1=late-1@end",
	} {
		if s, err := trip.Product().ParseSchedule(id); err == nil {
			t.Errorf("%q is taken as %v", id, s)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	w := newWorld(b)
	for _, id := range []string{"booked", "booked:A.ReserveHotel#1.put1=late@end", "booked:A.CancelHotel#1=down", "booked:A.Engine#1.journal2=crash"} {
		b.Run(id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustRun(b, w, id)
			}
		})
	}
}

// FuzzSchedule holds that an id is refused, or is a schedule whose own id is the same schedule.
func FuzzSchedule(f *testing.F) {
	for _, id := range []string{
		"booked", "booked~2:A.ReserveHotel#1.put1=late@end", "two:A.X#1=crash-0,B.Book#2.put2=overdue-3@stop", "booked:A.X#1=fail:Y", "booked:A.X#*=fail",
	} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		s, err := trip.Product().ParseSchedule(id)
		if err != nil {
			return
		}
		if again, err := trip.Product().ParseSchedule(s.String()); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%q is %+v, whose id is %q, %v", id, s, s, err)
		}
	})
}

// TestFewRetriesInPairs: a fault that outlasts a compensation's retries lasts as long, and takes fewer of them.
func TestFewRetriesInPairs(t *testing.T) {
	const single, pair = "hotel-full:A.CancelFlight#1=down", "hotel-full:A.CancelFlight#1=down,A.BookingFailed#1=twice"
	tries := func(retries world.Retries, id string) (n int, last time.Duration) {
		t.Helper()
		w, err := world.New(world.Config{Subject: trip.Product(), Retries: retries})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		s, err := trip.Product().ParseSchedule(id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Run(t.Context(), s)
		if err != nil || len(r.Violations) > 0 || r.Happened != len(s.Faults) {
			t.Fatal(id, err, r.Violations)
		}
		for _, p := range r.Points {
			if p.Where == world.AtDelivery && p.Actor == "CancelFlight" && p.Deaf {
				n, last = n+1, p.At
			}
		}
		return n, last
	}
	for _, test := range []struct {
		retries world.Retries
		id      string
		want    int
	}{
		{world.FewInPairs, single, 100}, {world.FewInPairs, pair, 16}, {world.FewInAll, single, 16}, {world.AllInAll, pair, 100},
	} {
		n, last := tries(test.retries, test.id)
		if n != test.want || last < 8*time.Hour || last > 24*time.Hour {
			t.Errorf("%d, %s: %d retries in %s, want %d in most of a day", test.retries, test.id, n, last, test.want)
		}
	}
}
