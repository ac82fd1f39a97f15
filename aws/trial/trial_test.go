package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
	"tripsaga/trip/saga"
)

// program is the saga's functions over a table in memory. An entry of is replaces the function's new version.
type program struct {
	app   *app.Service
	serve handlers.Registry
	is    map[string]func(ctx context.Context, payload []byte) ([]byte, error)
}

func newProgram(t *testing.T) *program {
	t.Helper()
	books, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	p := &program{app: store.Service(books, bank.New(books, time.Now), time.Now), is: map[string]func(context.Context, []byte) ([]byte, error){}}
	p.serve = handlers.New(p.app)
	return p
}

func (p *program) Invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	parts := strings.Split(arn, ":")
	name, qualifier := parts[6], parts[7]
	if other := p.is[name]; other != nil && qualifier != "live" {
		return other(ctx, payload)
	}
	return p.good(ctx, name, payload)
}

func (p *program) good(ctx context.Context, name string, payload []byte) ([]byte, error) {
	if name == functions.Reconciler {
		return []byte(`{"pending":0,"started":0,"failed":0}`), nil
	}
	reply, err := p.serve[name](ctx, payload)
	if err != nil {
		return nil, &Failure{Type: fault.NameOf(err), Message: err.Error()}
	}
	return reply, nil
}

func (p *program) trial() *Trial {
	arns := ARNs{}
	for _, name := range RolledOut() {
		arns[name] = "arn:aws:lambda:eu-west-1:123456789012:function:" + name
	}
	return &Trial{App: p.app, Functions: p, ARNs: arns, Log: slog.New(slog.DiscardHandler)}
}

// nothingHeld wants the ledger to balance with nothing in it.
func (p *program) nothingHeld(t *testing.T) {
	t.Helper()
	l, err := p.app.Audit(t.Context())
	if err != nil || !l.Balanced || l.SeatsHeld+l.RoomsHeld+l.Currencies["JPY"].Confirmed != 0 || l.Trips[domain.Pending] != 0 {
		t.Errorf("the ledger is %+v, %v", l, err)
	}
}

func tasks() (names []string) {
	for _, task := range saga.Tasks() {
		names = append(names, task.Name)
	}
	return names
}

// TestEveryTaskIsTried lets good versions in, time after time.
func TestEveryTaskIsTried(t *testing.T) {
	p := newProgram(t)
	for _, name := range tasks() {
		for n := range 3 {
			if err := p.trial().Run(t.Context(), name, "8", fmt.Sprint("hook ", n)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	p.nothingHeld(t)
	if l, _ := p.app.Audit(t.Context()); l.Trips[domain.Failed]+l.Trips[domain.Cancelled] != 3*len(tasks()) {
		t.Errorf("trips %v", l.Trips)
	}
}

// TestAVersionThatHangs leaves enough of the time to give back what was taken.
func TestAVersionThatHangs(t *testing.T) {
	for _, name := range tasks() {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t)
			p.is[name] = func(ctx context.Context, payload []byte) ([]byte, error) {
				p.serve[name](ctx, payload)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := p.trial().Run(ctx, name, "8", "hook"); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				t.Errorf("%s: %v, the time is up: %v", name, err, ctx.Err())
			}
			p.nothingHeld(t)
		})
	}
}

// TestWhatPassesByItself is tried again, as the saga does, and not for ever.
func TestWhatPassesByItself(t *testing.T) {
	for times, good := range map[int]bool{1: true, attempts - 1: true, attempts: false} {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t)
			n := 0
			p.is["ReserveHotel"] = func(ctx context.Context, payload []byte) ([]byte, error) {
				if n++; n <= times {
					return nil, &Failure{Type: fault.NameUnavailable}
				}
				return p.good(ctx, "ReserveHotel", payload)
			}
			if err := p.trial().Run(t.Context(), "ReserveHotel", "8", "hook"); (err == nil) != good {
				t.Errorf("after %d times: %v", times, err)
			}
			p.nothingHeld(t)
		})
	}
}

// TestWhatTheTablesIndexDoesNotShowYet is the offer that was just loaded.
func TestWhatTheTablesIndexDoesNotShowYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		p.app.Inventory = &lagging{Inventory: p.app.Inventory, looks: 3}
		if err := p.trial().Run(t.Context(), "CancelFlight", "8", "hook"); err != nil {
			t.Error(err)
		}
	})
}

// lagging lists nothing at first.
type lagging struct {
	domain.Inventory
	looks int
}

func (l *lagging) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	if l.looks--; l.looks >= 0 {
		return domain.Page[domain.FlightDay]{}, nil
	}
	return l.Inventory.Flights(ctx, q)
}

// TestATrialsTripIsDatedAtItsEnd keeps the reconciler from it in the meantime.
func TestATrialsTripIsDatedAtItsEnd(t *testing.T) {
	p := newProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := p.trial().Run(ctx, "CancelFlight", "8", "hook"); err != nil {
		t.Fatal(err)
	}
	page, err := p.app.ListTrips(t.Context(), domain.TripQuery{})
	end, _ := ctx.Deadline()
	if err != nil || len(page.Items) != 1 || page.Items[0].Created() != end.UTC().Truncate(time.Millisecond) {
		t.Errorf("%+v, %v; the end is %s", page.Items, err, end)
	}
}

// TestAReconcilerThatFailsAsTheOneInUse is let in: what it fails at is there already. One that fails in another way is not.
func TestAReconcilerThatFailsAsTheOneInUse(t *testing.T) {
	good := outcome{reply: `{"pending":0,"started":0,"failed":0}`}
	reports := outcome{reply: `{"pending":1,"started":0,"failed":1}`}
	internal, conflict := failing(fault.NameInternal), failing(fault.NameConflict)
	for _, c := range []struct {
		what         string
		fresh, inUse outcome
		letIn        bool
	}{
		{"neither fails", good, good, true},
		{"the one in use alone fails", good, internal, true},
		{"both fail with one type", internal, internal, true},
		{"the new one alone fails", internal, good, false},
		{"they fail with two types", internal, conflict, false},
		{"both fail with no type", failing(""), failing(""), false},
		{"no answer from either", outcome{err: errors.New("no route")}, outcome{err: errors.New("no route")}, false},
		{"both report failures", reports, reports, false},
		{"one reports failures, the other fails", reports, internal, false},
		{"one fails, the other reports failures", internal, reports, false},
	} {
		tr := newProgram(t).trial()
		tr.Functions = versions{fresh: c.fresh, inUse: c.inUse}
		if err := tr.Run(t.Context(), functions.Reconciler, "8", "hook"); (err == nil) != c.letIn {
			t.Errorf("%s: %v, want it let in: %v", c.what, err, c.letIn)
		}
	}
}

// outcome is what a function always gives.
type outcome struct {
	reply string
	err   error
}

func failing(kind string) outcome { return outcome{err: &Failure{Type: kind, Message: "it failed"}} }

// versions are a function's two, whatever its name.
type versions struct{ fresh, inUse outcome }

func (v versions) Invoke(_ context.Context, arn string, _ []byte) ([]byte, error) {
	if strings.HasSuffix(arn, ":live") {
		return []byte(v.inUse.reply), v.inUse.err
	}
	return []byte(v.fresh.reply), v.fresh.err
}

// TestErrorsAtTheAliasAreCounted since Lambda counts them for the alias, whose alarm takes off what we count.
func TestErrorsAtTheAliasAreCounted(t *testing.T) {
	for _, name := range tasks() {
		p := newProgram(t)
		tr := p.trial()
		tr.Functions = watched{p, func(live, synthetic bool) {
			if live == synthetic {
				t.Errorf("trial of %s: a call of the alias: %v, not counted: %v", name, live, synthetic)
			}
		}}
		if err := tr.Run(t.Context(), name, "8", "hook"); err != nil {
			t.Error(err)
		}
	}
}

// watched records of every call whether it goes to an alias, and whether its delivery is left out of the metrics.
type watched struct {
	*program
	see func(live, synthetic bool)
}

func (w watched) Invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	var p struct{ Delivery struct{ Execution string } }
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, err
	}
	w.see(strings.HasSuffix(arn, ":live"), Synthetic(p.Delivery.Execution))
	return w.program.Invoke(ctx, arn, payload)
}

// TestABadCancellation is kept out, and its trip is given back at the versions in use.
func TestABadCancellation(t *testing.T) {
	for task, says := range map[string]string{"BookingConfirmed": `{"status":"CANCELLING"}`, "RefundBooking": `{"taken_back":true}`, "BookingCancelled": `{"status":"CANCELLED"}`} {
		p := newProgram(t)
		p.is[task] = func(context.Context, []byte) ([]byte, error) { return []byte(says), nil }
		if err := p.trial().Run(t.Context(), task, "8", "hook"); err == nil || !strings.Contains(err.Error(), "the records are") || strings.Contains(err.Error(), "given back") {
			t.Errorf("%s does nothing: %v", task, err)
		}
		p.nothingHeld(t)
		if l, err := p.app.Audit(t.Context()); err != nil || l.Trips[domain.Cancelled] != 1 {
			t.Errorf("%s: the trip is not CANCELLED: %v, %v", task, l.Trips, err)
		}
	}
}

// TestAVersionThatConfirms has its trip cancelled, as a customer's.
func TestAVersionThatConfirms(t *testing.T) {
	p := newProgram(t)
	p.is["ProcessPayment"] = func(ctx context.Context, payload []byte) ([]byte, error) {
		reply, err := p.good(ctx, "ProcessPayment", payload)
		p.good(ctx, "BookingConfirmed", payload)
		return reply, err
	}
	err := p.trial().Run(t.Context(), "ProcessPayment", "8", "hook")
	l, audit := p.app.Audit(t.Context())
	if err == nil || strings.Contains(err.Error(), "could not be given back") || audit != nil || l.Trips[domain.Cancelled] != 1 {
		t.Errorf("%v; the ledger is %+v, %v", err, l, audit)
	}
	p.nothingHeld(t)
}

// TestAnOfferThatIsUsedUp is made larger.
func TestAnOfferThatIsUsedUp(t *testing.T) {
	p := newProgram(t)
	a := p.trial().attempt(t.Context(), "CancelHotel", "hook")
	if _, err := a.app.LoadInventory(t.Context(), a.offers(free{1, 0})); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if err := p.trial().Run(t.Context(), "CancelHotel", "8", fmt.Sprint("hook ", n)); err != nil {
			t.Error(err)
		}
	}
	p.nothingHeld(t)
}

// TestATrialThatFailsItself panics in one of its own ports.
func TestATrialThatFailsItself(t *testing.T) {
	p := newProgram(t)
	p.is["ProcessPayment"] = func(ctx context.Context, payload []byte) ([]byte, error) {
		p.serve["ProcessPayment"](ctx, payload)
		panic("a bug")
	}
	if err := p.trial().Run(t.Context(), "ProcessPayment", "8", "hook"); err == nil || !strings.Contains(err.Error(), "panic: a bug") {
		t.Error(err)
	}
	p.nothingHeld(t)
}

// TestEveryFunctionHasATrial but that of the trials themselves.
func TestEveryFunctionHasATrial(t *testing.T) {
	p := newProgram(t)
	for _, f := range functions.All() {
		p.is[f.Name] = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("it was called") }
	}
	for _, f := range functions.All() {
		err := p.trial().Run(t.Context(), f.Name, "8", "hook")
		want := "it was called"
		if f.Name == functions.PreTraffic {
			want = "is no function that is rolled out"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// TestPayloadsAreTheSagas runs the sagas through all of their states and compares what it sends.
func TestPayloadsAreTheSagas(t *testing.T) {
	sent := map[string]json.RawMessage{}
	for _, stopped := range []string{"ReserveFlight", "ProcessPayment", "BookingConfirmed"} {
		runSaga(t, saga.Booking(), stopped, sent)
	}
	booking := len(sent)
	runSaga(t, saga.Cancellation(), "", sent)
	if len(sent) == booking {
		t.Error("the cancellation has called no task that the booking does not call")
	}
	if len(sent) != len(tasks()) {
		t.Fatalf("the sagas have called %d tasks of %d", len(sent), len(tasks()))
	}
	for task, want := range sent {
		a := &attempt{hook: "h", trip: newTrip("t", false)}
		if err := json.Unmarshal(sagaInput("t"), &a.trip.input); err != nil {
			t.Fatal(err)
		}
		a.trip.input["failure"] = map[string]any{"Error": "E", "Cause": "C"}
		got, err := a.payload(task, false)
		if err != nil || !sameMembers(t, got, want) {
			t.Errorf("%s: %s, %v\nthe saga sends %s", task, got, err, want)
		}
	}
}

func sagaInput(id string) json.RawMessage {
	return json.RawMessage(`{"trip_id":"` + id + `","flight":{"number":"ZZ1"},"hotel":{"id":"H"},"currency":"USD"}`)
}

// runSaga runs it until a step stops it.
func runSaga(t *testing.T, of *saga.Saga, stopped string, sent map[string]json.RawMessage) {
	t.Helper()
	tasks := map[string]engine.Task{}
	for _, task := range saga.Tasks() {
		tasks[task.Name] = func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
			sent[task.Name] = payload
			refusal := map[string]string{"ReserveFlight": fault.NameFlightUnavailable, "ProcessPayment": fault.NameInvalid}[task.Name]
			if task.Name == stopped && refusal != "" {
				return nil, &engine.TaskError{Name: refusal, Message: "C"}
			}
			return json.RawMessage(`{}`), nil
		}
	}
	journal, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	virtual := sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	e, err := engine.Open(t.Context(), engine.Options{Name: of.Name(), Definition: of.Definition(), Table: journal, Tasks: tasks, Scheduler: virtual})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if err := e.Start(t.Context(), "t", sagaInput("t")); err != nil {
		t.Fatal(err)
	}
	virtual.Run()
}

// sameMembers compares but for the execution and a failure's texts.
func sameMembers(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2]map[string]any
	for i, data := range [][]byte{a, b} {
		if err := json.Unmarshal(data, &values[i]); err != nil {
			t.Fatal(err)
		}
		values[i]["delivery"].(map[string]any)["execution"] = ""
		if failure, ok := values[i]["input"].(map[string]any)["failure"].(map[string]any); ok {
			names := []string{}
			for name := range failure {
				names = append(names, name)
			}
			slices.Sort(names)
			values[i]["input"].(map[string]any)["failure"] = names
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
