package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"tripsaga/aws/functions"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// kinds are the kinds of the stable names. Those of kind Refused are in refusals, by the step that says them.
var kinds = map[string]fault.Kind{
	fault.NameInternal:            fault.Internal,
	fault.NameUnavailable:         fault.Unavailable,
	fault.NameInvalid:             fault.Invalid,
	fault.NameNotFound:            fault.NotFound,
	fault.NameConflict:            fault.Conflict,
	fault.NameIdempotencyMismatch: fault.Conflict,
	fault.NameStepCancelled:       fault.Conflict,
}

var refusals = map[string][]string{
	"ReserveFlight":       {fault.NameFlightUnavailable},
	"ReserveHotel":        {fault.NameHotelUnavailable},
	"ProcessPayment":      {fault.NamePaymentDeclined, fault.NameTripCancelled},
	"BookingFailed":       {fault.NameBookingFailed},
	"FlightBookingFailed": {fault.NameFlightBookingFailed},
}

// ofTheAPI are names that no task returns. Tasks do not call Step Functions, which throttles.
var ofTheAPI = []string{fault.NameTripDeparted, fault.NameNotCancellable, fault.NameFeeTooHigh, fault.NameThrottled}

// ofLambda are the names that Lambda and Step Functions give to a call that has no answer of the function; a panic has
// the name of its Go type.
var ofLambda = []string{
	"Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "boundsError", "runtimeError", "Function.ResponseSizeTooLarge",
	"Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
	"Lambda.ClientExecutionTimeoutException", "Lambda.Unknown",
}

// cause is something that a task meets.
type cause struct {
	name string
	err  error // of every port that the task calls; nil is none
	// payload is sent in place of the task's own when it is not "".
	payload string
	final   bool // trying again cannot help
}

func causes(step string) []cause {
	var all []cause
	for name, kind := range kinds {
		all = append(all, cause{
			name: name, err: fmt.Errorf("wrapped: %w", fault.New(kind, name, "what happened")),
			final: kind != fault.Internal && kind != fault.Unavailable,
		})
	}
	for _, name := range refusals[step] {
		all = append(all, cause{name: name, err: fault.New(fault.Refused, name, "what happened"), final: true})
	}
	slices.SortFunc(all, func(a, b cause) int { return strings.Compare(a.name, b.name) })
	return append(all,
		cause{name: "two problems", err: errors.Join(fault.Invalidf("a", "bad"), fault.Invalidf("b", "bad")), final: true},
		cause{name: "an error without a name", err: errors.New("plain")},
		cause{name: "the call's time is up", err: fmt.Errorf("table: %w", context.DeadlineExceeded)},
		cause{name: "a payload without its parts", payload: `{}`, final: true},
		cause{name: "a payload that is no JSON", payload: `{`, final: true},
	)
}

// TestEveryErrorOfATask goes through every error that a task can return. The golden file shows what Step Functions sees
// of it and does about it; that what is final is never tried again, and everything else is, is asserted.
func TestEveryErrorOfATask(t *testing.T) {
	states := definition(t)
	var report strings.Builder
	for _, f := range functions.All() {
		if !f.Task {
			continue
		}
		fmt.Fprintf(&report, "== %s\n", f.Name)
		for _, c := range causes(f.Name) {
			seen := fails(t, f.Name, c)
			outcome := states[f.Name].outcome(seen.Type)
			if outcome.retried == c.final {
				t.Errorf("%s, %s: %s is final %v and retried %v", f.Name, c.name, seen.Type, c.final, outcome.retried)
			}
			payload, err := json.Marshal(seen)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&report, "%s\n  %s\n  %s\n", c.name, payload, outcome)
		}
		for _, name := range ofLambda {
			outcome := states[f.Name].outcome(name)
			if !outcome.retried {
				t.Errorf("%s: %s is not retried", f.Name, name)
			}
			fmt.Fprintf(&report, "%s (no payload of the function's)\n  %s\n", name, outcome)
		}
	}
	golden(t, "testdata/errors.txt", report.String())
}

// TestEveryNameIsAccountedFor holds the tables above to the names that there are.
func TestEveryNameIsAccountedFor(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../shared/fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "Name") {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return true
	})
	here := slices.Concat(slices.Collect(maps.Keys(kinds)), slices.Concat(slices.Collect(maps.Values(refusals))...), ofTheAPI)
	if slices.Sort(here); !slices.Equal(here, slices.Sorted(slices.Values(names))) {
		t.Errorf("names in package fault are %q, here %q", names, here)
	}
	for step, state := range definition(t) {
		for _, name := range state.names() {
			if slices.Contains(ofLambda, name) {
				continue // not the function's to return
			}
			if !slices.Contains(names, name) {
				t.Errorf("%s matches %q, which no error is named", step, name)
			}
			if kinds[name] == 0 && !slices.Contains(refusals[step], name) {
				t.Errorf("%s matches %q, which it never returns", step, name)
			}
		}
	}
}

func fails(t *testing.T, step string, c cause) messages.InvokeResponse_Error {
	t.Helper()
	s := &system{app: &app.Service{
		Trips: brokenTrips{err: c.err}, Airline: brokenAirline{c.err}, Hotels: brokenHotels{c.err},
		Payments: brokenPayments{err: c.err},
	}}
	payload := c.payload
	if payload == "" {
		payload = payloadOf(step)
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s panics: %v: add a broken implementation of its port to aws/lambda/errors_test.go", step, p)
		}
	}()
	_, err := newTask(s, step)(t.Context(), []byte(payload))
	seen, ok := err.(messages.InvokeResponse_Error)
	if !ok {
		t.Fatalf("%s, %s: error %T %v", step, c.name, err, err)
	}
	return seen
}

const ref = `"trip_id":"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"`

// payloadOf is what the saga's definition sends.
func payloadOf(step string) string {
	more := map[string]string{
		"ReserveFlight":       `,"flight":{"number":"JL5","date":"2027-03-10","seats":2},"currency":"JPY"`,
		"ReserveHotel":        `,"hotel":{"id":"TYO-PARK","check_in":"2027-03-10","check_out":"2027-03-12","rooms":1},"currency":"JPY"`,
		"BookingFailed":       `,"failure":{"Error":"HotelUnavailable","Cause":""}`,
		"FlightBookingFailed": `,"failure":{"Error":"FlightUnavailable","Cause":""}`,
	}[step]
	return `{"delivery":{"execution":"arn:x","trip_id":"x","attempt":0},"input":{` + ref + more + `}}`
}

// state is what the definition says of a task's errors.
type state struct {
	Retry []retrier
	Catch []struct {
		ErrorEquals []string
		Next        string
	}
}

func definition(t *testing.T) map[string]state {
	t.Helper()
	all := map[string]state{}
	for _, of := range saga.All() {
		var machine struct{ States map[string]state }
		if err := json.Unmarshal(of.Definition(), &machine); err != nil {
			t.Fatal(err)
		}
		for name, s := range machine.States {
			if before, ok := all[name]; ok && !slices.EqualFunc(before.Retry, s.Retry, func(a, b retrier) bool { return slices.Equal(a.ErrorEquals, b.ErrorEquals) }) {
				t.Errorf("%s is retried otherwise in the saga %s", name, of.Name())
			} else if !ok {
				all[name] = s
			}
		}
	}
	return all
}

type retrier struct {
	ErrorEquals []string
	MaxAttempts int
}

// names are those matched by name.
func (s state) names() (names []string) {
	for _, r := range s.Retry {
		names = append(names, r.ErrorEquals...)
	}
	for _, c := range s.Catch {
		names = append(names, c.ErrorEquals...)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "States.ALL" })
}

type outcome struct {
	retried bool
	next    string // the state that catches it, "" when it ends the execution
}

func (o outcome) String() string {
	then := "ends the execution"
	if o.next != "" {
		then = "goes on at " + o.next
	}
	if o.retried {
		return "tried again; after the last attempt it " + then
	}
	return "final: it " + then
}

// outcome is by the language's rules: the first retrier and the first catcher that match decide.
func (s state) outcome(name string) (o outcome) {
	matches := func(names []string) bool { return slices.Contains(names, name) || slices.Contains(names, "States.ALL") }
	for _, r := range s.Retry {
		if matches(r.ErrorEquals) {
			o.retried = r.MaxAttempts > 0
			break
		}
	}
	for _, c := range s.Catch {
		if matches(c.ErrorEquals) {
			o.next = c.Next
			break
		}
	}
	return o
}

// The broken ports return their error from every method that a task calls.
type brokenTrips struct {
	domain.Trips
	err error
}

func (b brokenTrips) Get(context.Context, string) (*domain.Trip, error) { return nil, b.err }

type brokenAirline struct{ err error }

func (b brokenAirline) Reserve(context.Context, string, domain.Flight, money.Currency) (domain.FlightReservation, error) {
	return domain.FlightReservation{}, b.err
}
func (b brokenAirline) Cancel(context.Context, string) (bool, error) { return false, b.err }

type brokenHotels struct{ err error }

func (b brokenHotels) Reserve(context.Context, string, domain.Stay, money.Currency) (domain.HotelReservation, error) {
	return domain.HotelReservation{}, b.err
}
func (b brokenHotels) Cancel(context.Context, string) (bool, error) { return false, b.err }

type brokenPayments struct {
	app.Payments
	err error
}

func (b brokenPayments) Charge(context.Context, string) (domain.Payment, error) {
	return domain.Payment{}, b.err
}
func (b brokenPayments) Refund(context.Context, string) (bool, error) { return false, b.err }
func (b brokenPayments) Paid(context.Context, string) (money.Amount, error) {
	return money.Amount{}, b.err
}
