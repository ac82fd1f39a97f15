package production

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/trial"
	"tripsaga/shared/ident"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

func fails(kind, message string) error {
	payload, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // texts always marshal
	return &rie.FunctionError{Type: kind, Message: message, Payload: payload}
}

var (
	errPanic   = fails("runtimeError", "invalid memory address or nil pointer dereference")
	errTimeout = fails("Sandbox.Timedout", "Task timed out after 10.00 seconds")
	errRefuse  = fails("PaymentDeclined", "whatever it is")
)

// badVersions are ways in which a new version goes wrong.
var badVersions = map[string]version{
	"panics": func([]byte, func() ([]byte, error)) ([]byte, error) { return nil, errPanic },
	"panics after its commit": func(_ []byte, real func() ([]byte, error)) ([]byte, error) {
		real()
		return nil, errPanic
	},
	"times out after its commit": func(_ []byte, real func() ([]byte, error)) ([]byte, error) {
		real()
		return nil, errTimeout
	},
	"answers something else": func(_ []byte, real func() ([]byte, error)) ([]byte, error) {
		real()
		return []byte(`{"answer": 42}`), nil
	},
	"always refuses": func([]byte, func() ([]byte, error)) ([]byte, error) { return nil, errRefuse },
}

// TestABadVersionIsNotLetIn deploys each bad version of each function: the hook reports a failure, and nothing is held
// afterwards.
func TestABadVersionIsNotLetIn(t *testing.T) {
	a := openAccount(t, everywhere)
	for _, name := range trial.RolledOut() {
		for bad, v := range badVersions {
			a.wantFailed(t, name, bad, v)
		}
	}
	a.nothingHeld()
}

// wantFailed deploys the version. What the API has started, the saga ends.
func (a *account) wantFailed(t *testing.T, name, bad string, v version) string {
	defer a.put(name, newVersion, v)()
	deployment := "d-" + name + "-" + strings.ReplaceAll(bad, " ", "-")
	status, problem := a.deploy(t.Context(), deployment)
	if status != "Failed" || !strings.HasPrefix(problem, "the new version of "+name) || strings.Contains(problem, "given back") {
		t.Errorf("%s that %s: %s, %s", name, bad, status, problem)
	}
	id := synthetic(deployment, name)
	if trip, err := a.app.Trips.Get(t.Context(), id); name == functions.API && err == nil && !trip.Ended() {
		if _, err := a.Engine.Wait(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	return problem
}

// synthetic is the id of the trip that the hook of the deployment makes.
func synthetic(deployment, name string) string {
	return ident.Derive("trip", ident.Derive("pre-traffic", "hook of "+deployment, name))
}

// TestAVersionThatOnlySaysSo answers as the good one did, and does nothing.
func TestAVersionThatOnlySaysSo(t *testing.T) {
	a := openAccount(t, everywhere)
	for _, f := range functions.All() {
		if !f.Task {
			continue
		}
		var said saying
		remove := a.put(f.Name, newVersion, said.listen)
		if status, problem := a.deploy(t.Context(), "d-"+f.Name+"-good"); status != "Succeeded" {
			t.Fatalf("%s: %s, %s", f.Name, status, problem)
		}
		remove()
		if f.Name == "BookingConfirmed" { // it must do nothing: it refuses
			continue
		}
		a.wantFailed(t, f.Name, "only says so", said.repeat)
	}
	a.nothingHeld()
}

// saying keeps a function's first answer.
type saying struct {
	sync.Once
	reply []byte
	err   error
}

func (s *saying) listen(_ []byte, real func() ([]byte, error)) ([]byte, error) {
	reply, err := real()
	s.Do(func() { s.reply, s.err = reply, err })
	return reply, err
}

func (s *saying) repeat([]byte, func() ([]byte, error)) ([]byte, error) { return s.reply, s.err }

// TestAWrongAnswer is all right but for one thing in its answer.
func TestAWrongAnswer(t *testing.T) {
	a := openAccount(t, everywhere)
	for i, wrong := range []struct{ function, from, to string }{
		{"ReserveFlight", `"amount_minor":600`, `"amount_minor":60000`}, {"ReserveHotel", `"USD"`, `"JPY"`},
		{"ProcessPayment", `"reservation_id"`, `"id"`}, {"RefundPayment", "true", "false"}, {"CancelHotel", `"taken_back"`, `"taken"`},
		{"Api", `\"FAILED\"`, `\"CONFIRMED\"`}, {"Api", `"statusCode":202`, `"statusCode":200`}, {"Api", `body.flight.number`, `body`},
		{"OutboxRelay", "TripRequested", "TripConfirmed"}, {"Reconciler", `"failed":0`, `"failed":1`},
		{"ExecutionListener", "null", "{}"},
	} {
		met := false
		a.wantFailed(t, wrong.function, fmt.Sprint("answers wrong ", i), func(_ []byte, real func() ([]byte, error)) ([]byte, error) {
			reply, err := real()
			met = met || bytes.Contains(reply, []byte(wrong.from))
			return bytes.ReplaceAll(reply, []byte(wrong.from), []byte(wrong.to)), err
		})
		if !met {
			t.Errorf("no answer of %s has %s", wrong.function, wrong.from)
		}
	}
	a.nothingHeld()
}

// TestARecordThatOthersCannotRead is a version that writes its record in another form, in which the version in use does
// not find the amount.
func TestARecordThatOthersCannotRead(t *testing.T) {
	a := openAccount(t, everywhere)
	for name, sk := range map[string]string{"ReserveFlight": "FLIGHT", "ReserveHotel": "HOTEL"} {
		a.wantFailed(t, name, "writes another form", func(payload []byte, real func() ([]byte, error)) ([]byte, error) {
			reply, err := real()
			var p struct{ Input app.TripRef }
			if err := json.Unmarshal(payload, &p); err != nil {
				t.Error(err)
			}
			a.rewrite(table.Key{PK: "TRIP#" + p.Input.TripID, SK: sk}, `"amount":`, `"price":`)
			return reply, err
		})
	}
	a.nothingHeld()
}

func (a *account) rewrite(key table.Key, from, to string) {
	item, ok, err := a.Table.Get(context.Background(), key)
	if err == nil && ok {
		item.Data = bytes.ReplaceAll(item.Data, []byte(from), []byte(to))
		err = a.Table.Transact(context.Background(), table.Put(item, table.None))
	}
	if err != nil {
		a.t.Error(err)
	}
}

// TestWhatCannotBeGivenBack breaks the versions in use as well. The hook tells so, and the trip stands as one whose saga
// the reconciler can start later, and which then ends.
func TestWhatCannotBeGivenBack(t *testing.T) {
	for _, broken := range []string{"RefundPayment", "CancelHotel", "CancelFlight", "BookingFailed"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, everywhere)
			remove := a.put(broken, inUse, badVersions["panics"])
			defer a.put("ProcessPayment", newVersion, badVersions["panics after its commit"])()
			const deployment = "d-ProcessPayment-1"
			status, problem := a.deploy(t.Context(), deployment)
			if status != "Failed" || !strings.Contains(problem, "could not be given back: "+broken) {
				t.Errorf("%s, %s", status, problem)
			}
			remove()
			a.reconciled(synthetic(deployment, "ProcessPayment"))
		})
	}
}

// reconciled is the reconciler's work: not while the hook may be at work, then it starts the saga, which ends the trip
// one way or the other, and the ledger balances.
func (a *account) reconciled(id string) {
	a.t.Helper()
	patience := app.Patience{Grace: time.Second}
	if r, err := a.app.Reconcile(a.t.Context(), patience); err != nil || r.Pending != 0 {
		a.t.Errorf("while the hook may be at work: %+v, %v", r, err)
	}
	a.app.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
	if r, err := a.app.Reconcile(a.t.Context(), patience); err != nil || r.Started != 1 {
		a.t.Errorf("later: %+v, %v", r, err)
	}
	if _, err := a.Engine.Wait(a.t.Context(), id); err != nil {
		a.t.Fatal(err)
	}
	trip, err := a.app.Trips.Get(a.t.Context(), id)
	l, unread := a.app.Audit(a.t.Context())
	if err := errors.Join(err, unread); err != nil || !trip.Ended() || !l.Balanced {
		a.t.Errorf("the trip is %s, %v, and the ledger is %+v", trip.Status(), err, l)
	}
	if held := l.SeatsHeld + l.RoomsHeld; (held == 0) != (trip.Status() == domain.Failed) {
		a.t.Errorf("the trip is %s, and the ledger is %+v", trip.Status(), l)
	}
}

// TestAHookThatWasCutOff calls a hook again whose first call ended in the middle: what that took is given back, and
// nothing else is tried.
func TestAHookThatWasCutOff(t *testing.T) {
	a := openAccount(t, everywhere)
	a.loadInventory()
	a.app.Starter = idle{}
	d := driver{a.world}
	s := steps{card: "tok_ok", flight: "JL5", hotel: "NYC-HUDSON"}
	walk := []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingFailed"}
	for n := range len(walk) + 1 {
		deployment := fmt.Sprintf("d-BookingConfirmed-%d", n)
		id := d.request(s, time.Now, ident.Derive("pre-traffic", "hook of "+deployment, "BookingConfirmed"))
		for _, task := range walk[:n] {
			a.Functions.Invoke(t.Context(), rie.Request{Function: task, Payload: d.payload(s, task, id)}) // the last one's answer is an error
		}
		status, problem := a.deploy(t.Context(), deployment)
		if status != "Failed" || !strings.HasSuffix(problem, "an earlier call of this hook was cut off: nothing more was tried") {
			t.Errorf("after %d steps: %s, %s", n, status, problem)
		}
		a.nothingHeld()
	}
}

// TestAHookThatComesTwice is told by CodeDeploy that it has reported before, and leaves it at that.
func TestAHookThatComesTwice(t *testing.T) {
	a := openAccount(t, everywhere)
	for range 2 {
		reply, err := a.Functions.Invoke(t.Context(), rie.Request{Function: functions.PreTraffic, Payload: json.RawMessage(
			`{"DeploymentId": "d-CancelFlight-1", "LifecycleEventHookExecutionId": "h"}`)})
		if err != nil || a.status["d-CancelFlight-1"] != "Succeeded" {
			t.Errorf("%s, %v, reported %q", reply, err, a.status)
		}
	}
	a.nothingHeld()
}

// TestADeploymentOfSomethingElse is of a group that is no function, and of one that nobody knows.
func TestADeploymentOfSomethingElse(t *testing.T) {
	a := openAccount(t, everywhere)
	for _, deployment := range []string{"d-Nobody-1", "d--1", "d-PreTraffic-1"} {
		if status, problem := a.deploy(t.Context(), deployment); status != "Failed" || !strings.Contains(problem, "is no function that is rolled out") {
			t.Errorf("%s: %s, %s", deployment, status, problem)
		}
	}
}
