package production

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/trip/domain"
	"tripsaga/verify/play"
)

// dead starts nothing.
type dead struct{}

func (dead) Start(context.Context, string, string, json.RawMessage) error { return context.Canceled }

// short is a time-out that a test can wait for, and that a function which is at work does not run into.
func short(functions.Function) time.Duration { return 2 * time.Second }

// played is a booking in the engine's virtual time.
type played struct {
	*world
	virtual *sim.Virtual
	trip    *domain.Trip
}

// bookOne books the example's trip and runs it to its end.
func bookOne(t *testing.T, name string, opt production.Options) *played {
	t.Helper()
	p := &played{virtual: sim.NewVirtual(play.Begin)}
	opt.Scheduler = p.virtual
	p.world = open(t, opt)
	p.loadInventory()
	data := example(t, name, today)
	var request domain.Request
	if err := json.Unmarshal(data, &request); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.trip, err = p.app.BookTrip(t.Context(), "", request); err != nil {
		t.Fatal(err)
	}
	p.virtual.Run()
	return p
}

// ends checks how the trip and the ledger stand: a trip that is not confirmed holds nothing.
func (p *played) ends(want domain.Status) {
	p.t.Helper()
	trip, err := p.app.Trips.Get(p.t.Context(), p.trip.ID())
	if err != nil {
		p.t.Fatal(err)
	}
	l, err := p.app.Audit(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if trip.Status() != want || !l.Balanced {
		p.t.Errorf("the trip is %s (%+v), want %s; the ledger is %+v", trip.Status(), trip.Reason(), want, l)
	}
	yen := l.Currencies["JPY"]
	if held := l.SeatsHeld + l.RoomsHeld + yen.Captured - yen.Refunded; (held > 0) != (want == domain.Confirmed) {
		p.t.Errorf("the trip is %s, and the ledger is %+v", want, l)
	}
}

// TestProcessFaults lets the first invocation of each task go wrong in each way that a process can. The saga tries it
// again, and ends as it would have.
func TestProcessFaults(t *testing.T) {
	paths := []struct {
		name  string
		end   domain.Status
		tasks []string
	}{
		{"happy", domain.Confirmed, []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed"}},
		{"card-declined", domain.Failed, []string{"ProcessPayment", "CancelHotel", "CancelFlight", "BookingFailed"}},
		{"sold-out", domain.Failed, []string{"FlightBookingFailed"}},
	}
	faults := []struct {
		name string
		rie.Fault
	}{
		{"killed before", rie.CrashBefore}, {"killed after its commit", rie.CrashAfter},
		{"reply lost", rie.ReplyLost}, {"timed out", rie.Hang},
	}
	for _, path := range paths {
		for _, fault := range faults {
			t.Run(path.name+", each task "+fault.name, func(t *testing.T) {
				t.Parallel()
				opt := production.Options{Interfere: first(fault.Fault, path.tasks)}
				if fault.Fault == rie.Hang {
					opt.Timeout = short
				}
				p := bookOne(t, path.name, opt)
				p.ends(path.end)
				p.wentWrong(len(path.tasks))
			})
		}
	}
}

// first makes the first invocation of each of the functions go wrong.
func first(fault rie.Fault, names []string) func(rie.Invocation) rie.Fault {
	return func(i rie.Invocation) rie.Fault {
		for _, name := range names {
			if i.Function == name && i.N == 1 {
				return fault
			}
		}
		return bounded(i)
	}
}

// wentWrong checks that the history has at least n deliveries that failed or timed out, beside business errors: on a
// machine that is very busy a function may run into the short time-out by itself.
func (p *played) wentWrong(n int) {
	p.t.Helper()
	events, err := p.Engine.History(p.t.Context(), p.trip.ID())
	if err != nil {
		p.t.Fatal(err)
	}
	got := 0
	for _, e := range events {
		failed := e.LambdaFunctionFailed
		if e.LambdaFunctionTimedOut != nil || failed != nil && (failed.Error == rie.ErrorExit || failed.Error == rie.ErrorTimedOut) {
			got++
		}
	}
	if got < n {
		p.t.Errorf("%d deliveries went wrong, want %d or more", got, n)
	}
}

// TestKilledForEver kills every process of a step after its commit: its outcome stays unknown, and is undone.
func TestKilledForEver(t *testing.T) {
	for _, task := range []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"} {
		t.Run(task, func(t *testing.T) {
			t.Parallel()
			p := bookOne(t, "happy", production.Options{Interfere: func(i rie.Invocation) rie.Fault {
				if i.Function == task {
					return rie.CrashAfter
				}
				return bounded(i)
			}})
			p.ends(domain.Failed)
		})
	}
}

// TestDuplicates delivers every task twice at the same time, to two processes, and once more when the saga has ended.
func TestDuplicates(t *testing.T) {
	for example, end := range map[string]domain.Status{"happy": domain.Confirmed, "card-declined": domain.Failed} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			d := &duplicator{}
			p := bookOne(t, example, production.Options{WrapTasks: d.wrap, Interfere: bounded})
			p.ends(end)
			for _, again := range d.seen {
				again(context.Background()) // whatever it answers
			}
			p.ends(end)
			if len(d.seen) < 4 {
				t.Errorf("only %d tasks were delivered", len(d.seen))
			}
		})
	}
}

// duplicator delivers twice, and remembers.
type duplicator struct{ seen []func(context.Context) }

func (d *duplicator) wrap(tasks map[string]engine.Task) map[string]engine.Task {
	wrapped := map[string]engine.Task{}
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, input json.RawMessage) (out json.RawMessage, err error) {
			d.seen = append(d.seen, func(ctx context.Context) { task(ctx, input) })
			var both sync.WaitGroup
			both.Go(func() { task(ctx, input) })
			both.Go(func() { out, err = task(ctx, input) })
			both.Wait()
			return out, err
		}
	}
	return wrapped
}

// TestArrivesAfterItsCancellation holds a step's first invocation back, as a network does, until the saga has given it up
// and has ended: it is refused, and changes nothing.
func TestArrivesAfterItsCancellation(t *testing.T) {
	for _, step := range []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			var late json.RawMessage
			p := bookOne(t, "happy", production.Options{Interfere: bounded, WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
				tasks[step] = func(_ context.Context, input json.RawMessage) (json.RawMessage, error) {
					late = input
					return nil, engine.ErrNoReply
				}
				return tasks
			}})
			p.ends(domain.Failed)
			_, err := p.Functions.Invoke(t.Context(), rie.Request{Function: step, Payload: late})
			var refused *rie.FunctionError
			if !errors.As(err, &refused) || refused.Type != "StepCancelled" {
				t.Errorf("the late invocation: %v, want StepCancelled", err)
			}
			p.ends(domain.Failed)
		})
	}
}
