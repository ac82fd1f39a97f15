package saga

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// asked is what the tests read of a state.
type asked struct {
	Type           string
	Resource       string
	TimeoutSeconds int
	Parameters     struct{ Delivery, Input map[string]string }
	ResultPath     *string
	Retry          []retrier
	Catch          []catcher
	Next           string
	End            bool
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	BackoffRate     float64
	MaxAttempts     *int
	MaxDelaySeconds int
	JitterStrategy  string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

func read(t *testing.T, s *Saga) (start string, states map[string]asked) {
	t.Helper()
	var m struct {
		Comment string
		StartAt string
		States  map[string]struct {
			Comment string
			asked
		}
	}
	d := json.NewDecoder(strings.NewReader(string(s.Definition())))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	states = map[string]asked{}
	for name, s := range m.States {
		states[name] = s.asked
	}
	return m.StartAt, states
}

// end stands for the end of the execution.
const end = ""

type arrow struct{ known, onKnown, onUnknown, next string }

// arrows is the saga: where each state leads, directly or through states that stand nowhere here, which a new step may
// bring. known are the failures whose outcome is known.
var arrows = map[string]arrow{
	"ReserveFlight":       {"FlightUnavailable", "FlightBookingFailed", "CancelFlight", "ReserveHotel"},
	"ReserveHotel":        {"HotelUnavailable", "CancelFlight", "CancelHotel", "ProcessPayment"},
	"ProcessPayment":      {"PaymentDeclined TripCancelled", "CancelHotel", "RefundPayment", "BookingConfirmed"},
	"BookingConfirmed":    {"", "", "", end},
	"RefundPayment":       {"", "", "", "CancelHotel"},
	"CancelHotel":         {"", "", "", "CancelFlight"},
	"CancelFlight":        {"", "", "", "BookingFailed"},
	"BookingFailed":       {"BookingFailed", "", "", end},
	"FlightBookingFailed": {"FlightBookingFailed", "", "", end},
}

func TestOfExecution(t *testing.T) {
	const executions = "arn:aws:states:local:000000000000:execution:"
	for arn, want := range map[string]*Saga{
		executions + "booking:x": Booking(), executions + "cancellation:x": Cancellation(),
		executions + "tripsaga-staging:cancellation": Booking(), executions + "tripsaga-staging-cancellation:x": Cancellation(),
		executions + "my-cancellation-production:x": Booking(), executions + "my-cancellation-pr-1-cancellation:x": Cancellation(),
		executions + "nocancellation:x": Booking(), "cancellation": Booking(), "": Booking(),
	} {
		if got := OfExecution(arn); got != want {
			t.Errorf("%q is of the %s", arn, got.Name())
		}
	}
}

func TestEveryArrow(t *testing.T) {
	start, states := read(t, Booking())
	if !leads(states, start, "ReserveFlight") {
		t.Errorf("starts at %s, want ReserveFlight", start)
	}
	for name, want := range arrows {
		s, ok := states[name]
		if !ok || s.Type != "Task" {
			t.Errorf("%s: is %q, want a task", name, s.Type)
			continue
		}
		if !leads(states, s.Next, want.next) {
			t.Errorf("%s: leads to %q, end %v; want %q", name, s.Next, s.End, want.next)
		}
		checkCatch(t, states, name, want.known, want.onKnown, want.onUnknown)
	}
}

// leads tells whether from is to, or comes to it through states that arrows does not have.
func leads(states map[string]asked, from, to string) bool {
	for range states {
		if _, named := arrows[from]; named || from == end {
			break
		}
		from = states[from].Next
	}
	return from == to
}

func checkCatch(t *testing.T, states map[string]asked, name, known, onKnown, onUnknown string) {
	t.Helper()
	got := states[name].Catch
	if onUnknown == "" {
		if len(got) != 0 {
			t.Errorf("%s: catches %+v, want that it is only retried", name, got)
		}
		return
	}
	want := []catcher{
		{strings.Fields(known), "$.failure", onKnown},
		{[]string{"States.ALL"}, "$.failure", onUnknown},
	}
	if len(got) != 2 || !slices.EqualFunc(got, want, func(a, b catcher) bool {
		return slices.Equal(a.ErrorEquals, b.ErrorEquals) && a.ResultPath == b.ResultPath && leads(states, a.Next, b.Next)
	}) {
		t.Errorf("%s: catches %+v, want %+v", name, got, want)
	}
}

// waiting is a retrier as all of them are, with full jitter.
func waiting(errors []string, interval, attempts, delay int) retrier {
	return retrier{ErrorEquals: errors, IntervalSeconds: interval, BackoffRate: 2, MaxAttempts: &attempts, MaxDelaySeconds: delay, JitterStrategy: "FULL"}
}

// A function that is throttled did nothing, and will be called later: a customer waits for that up to 12 minutes before being
// turned away, and a compensation as long as for anything else, but no more than 5 minutes in a row.
func TestEveryTaskRetriesWhatMayPassAndNothingElse(t *testing.T) {
	throttled, all := []string{"Lambda.TooManyRequestsException"}, []string{"States.ALL"}
	passing := []string{ // what Lambda says of a call that did nothing, or may be repeated
		"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException",
	}
	for _, saga := range All() {
		_, states := read(t, saga)
		for name, s := range states {
			never := append(strings.Fields(arrows[name].known), Final()...)
			if arrows[name] == (arrow{}) { // it may have a failure of its own
				never = append(slices.Clone(saga.Find(name).Business), Final()...)
				if ends := s.Retry[0].ErrorEquals[0]; ends == name {
					never = append([]string{name}, never...)
				}
			}
			zero := 0
			want := []retrier{{ErrorEquals: never, MaxAttempts: &zero}, waiting(throttled, 2, 300, 300), waiting(all, 1, 100, 900)}
			if len(s.Catch) > 0 {
				want = []retrier{want[0], waiting(throttled, 2, 16, 60), waiting(passing, 2, 8, 30), waiting(all, 1, 4, 8)}
			}
			if !reflect.DeepEqual(s.Retry, want) || s.TimeoutSeconds <= 0 {
				t.Errorf("%s: time-out %d s, retriers %s, want %s", name, s.TimeoutSeconds, inJSON(t, s.Retry), inJSON(t, want))
			}
		}
	}
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestATaskGetsOnlyWhatItNeeds(t *testing.T) {
	want := map[string]string{
		"ReserveFlight": "trip_id flight currency", "ReserveHotel": "trip_id hotel currency",
		"ProcessPayment": "trip_id", "BookingConfirmed": "trip_id",
		"RefundPayment": "trip_id", "CancelHotel": "trip_id", "CancelFlight": "trip_id",
		"BookingFailed": "trip_id failure", "FlightBookingFailed": "trip_id failure",
	}
	_, states := read(t, Booking())
	for name, s := range states {
		fields, input := strings.Fields(want[name]), s.Parameters.Input
		if _, named := arrows[name]; named && len(input) != len(fields) {
			t.Errorf("%s: input %v, want %v", name, input, fields)
		}
		for _, f := range fields {
			if input[f+".$"] != "$."+f {
				t.Errorf("%s: input %v, want %s", name, input, f)
			}
		}
		if s.ResultPath != nil && (*s.ResultPath == "$" || strings.HasPrefix(*s.ResultPath, "$.failure")) {
			t.Errorf("%s: its result replaces what later states need", name)
		}
	}
}

func TestEveryTaskLearnsWhichDeliveryItIs(t *testing.T) {
	want := map[string]string{
		"execution.$": "$$.Execution.Id", "trip_id.$": "$$.Execution.Name", "attempt.$": "$$.State.RetryCount",
	}
	_, states := read(t, Booking())
	for name, s := range states {
		if !maps.Equal(s.Parameters.Delivery, want) {
			t.Errorf("%s: delivery %v, want %v", name, s.Parameters.Delivery, want)
		}
	}
}

func TestTasks(t *testing.T) {
	tasks, named := Booking().Tasks(), 0
	for i, task := range tasks {
		if _, ok := arrows[task.Name]; ok {
			named++
		}
		if task.Timeout < time.Second || i > 0 && tasks[i-1].Name >= task.Name {
			t.Errorf("task %d: %+v", i, task)
		}
	}
	if named != len(arrows) {
		t.Errorf("%d of the %d states are tasks: %+v", named, len(arrows), tasks)
	}
}

// TestFacts: a step that arrows does not have is judged by the rules of the lint.
func TestFacts(t *testing.T) {
	want := []Task{
		{Name: "BookingConfirmed", Ends: true},
		{Name: "BookingFailed", Ends: true, Fails: true},
		{Name: "CancelFlight", Compensates: "ReserveFlight", Record: "FLIGHT"},
		{Name: "CancelHotel", Compensates: "ReserveHotel", Record: "HOTEL"},
		{Name: "FlightBookingFailed", Ends: true, Fails: true},
		{Name: "ProcessPayment", Compensation: "RefundPayment", Record: "PAYMENT", Business: []string{"PaymentDeclined", "TripCancelled"}, Pivot: true},
		{Name: "RefundPayment", Compensates: "ProcessPayment", Record: "PAYMENT"},
		{Name: "ReserveFlight", Compensation: "CancelFlight", Record: "FLIGHT", Business: []string{"FlightUnavailable"}},
		{Name: "ReserveHotel", Compensation: "CancelHotel", Record: "HOTEL", Business: []string{"HotelUnavailable"}},
	}
	for _, w := range want {
		got := Booking().Find(w.Name)
		if got.Touches == nil {
			t.Errorf("%s touches nothing", w.Name)
		}
		got.Timeout, got.Touches = 0, nil
		if len(got.Business) == 0 {
			got.Business = nil
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: %+v, want %+v", w.Name, got, w)
		}
	}
	var steps []string
	for _, task := range Booking().Steps() {
		if _, named := arrows[task.Name]; named {
			steps = append(steps, task.Name)
		}
	}
	if forward := []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed"}; !slices.Equal(steps, forward) {
		t.Errorf("steps %v, want %v", steps, forward)
	}
	var back []string
	for _, task := range Booking().Rollback() {
		if _, named := arrows[task.Name]; named {
			back = append(back, task.Name)
		}
	}
	if want := []string{"RefundPayment", "CancelHotel", "CancelFlight", "BookingFailed"}; !slices.Equal(back, want) {
		t.Errorf("the way back is %v, want %v", back, want)
	}
	if Booking().Pivot() != "ProcessPayment" {
		t.Errorf("the pivot is %s", Booking().Pivot())
	}
	for name := range touches {
		if !slices.ContainsFunc(All(), func(s *Saga) bool { return s.Find(name).Name != "" }) {
			t.Errorf("touches in saga.go names %s, which is a task of no saga", name)
		}
	}
}

// TestCancellation wants every step of the second saga to be only retried, for as long as any step after the pivot.
func TestCancellation(t *testing.T) {
	s := Cancellation()
	var steps []string
	for _, task := range s.Steps() {
		steps = append(steps, task.Name)
		if task.Compensates != "" || task.Compensation != "" || task.Ends != (s.After(task.Name) == "") {
			t.Errorf("%+v", task)
		}
	}
	if want := []string{"CancelHotel", "CancelFlight", "RefundBooking", "BookingCancelled"}; !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
	if s.Pivot() != "" || s.Rollback() != nil || len(s.Tasks()) != len(steps) {
		t.Errorf("pivot %q, rollback %v, %d tasks", s.Pivot(), s.Rollback(), len(s.Tasks()))
	}
	for task, record := range map[string]string{"CancelHotel": "HOTEL", "CancelFlight": "FLIGHT", "RefundBooking": "PAYMENT", "BookingCancelled": ""} {
		if got := s.Find(task).Record; got != record {
			t.Errorf("%s writes %q, want %q", task, got, record)
		}
	}
	_, confirm := read(t, Booking())
	_, states := read(t, s)
	for name, state := range states {
		if len(state.Catch) > 0 || !reflect.DeepEqual(state.Retry, confirm["BookingConfirmed"].Retry) {
			t.Errorf("%s: catches %v, retries %+v, want what BookingConfirmed has", name, state.Catch, state.Retry)
		}
		if !maps.Equal(state.Parameters.Input, map[string]string{"trip_id.$": "$.trip_id"}) ||
			!maps.Equal(state.Parameters.Delivery, confirm["BookingConfirmed"].Parameters.Delivery) {
			t.Errorf("%s: parameters %+v", name, state.Parameters)
		}
	}
}

// TestFunctionsOfSeveralSagas wants each once, with the facts of the booking.
func TestFunctionsOfSeveralSagas(t *testing.T) {
	var names []string
	for _, task := range Tasks() {
		names = append(names, task.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) || len(names) != len(Booking().Tasks())+2 {
		t.Errorf("functions %v", names)
	}
	if f := Find("CancelHotel"); f.Compensates != "ReserveHotel" || !f.GivesBack() || !Find("RefundBooking").GivesBack() || Find("ReserveHotel").GivesBack() || Find("Other").Name != "" {
		t.Errorf("CancelHotel: %+v", f)
	}
	if Named("booking") != Booking() || Named("cancellation") != Cancellation() || Named("x") != nil || len(All()) != 2 {
		t.Errorf("sagas %v", All())
	}
}

func task(name, resultPath, rest string) string {
	return fmt.Sprintf(`"%s":{"Type":"Task","Resource":"${%[1]s}","TimeoutSeconds":1,"ResultPath":"%s",%s}`, name, resultPath, rest)
}

func TestCompensationsAreThoseOfTheStepsOnAnyWay(t *testing.T) {
	r, err := parse("test", `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Next":"A"}],"Default":"B"},`+
		task("A", "$.x.a", `"Next":"B"`)+`,`+task("B", "$.b", `"Next":"E"`)+`,`+
		task("U", "$.compensation.a", `"Next":"E"`)+`,`+task("E", "$.e", `"End":true`)+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.steps, []string{"B", "E", "A"}) {
		t.Errorf("steps %v", r.steps)
	}
	for _, task := range r.tasks {
		if task.Undo() != (task.Name == "U") || (task.Compensation == "U") != (task.Name == "A") || task.Pivot != (task.Name == "A") {
			t.Errorf("%+v", task)
		}
	}
}

func TestParseRefusesWhatNothingCouldBeDerivedFrom(t *testing.T) {
	whole := func(states ...string) string { return `{"StartAt":"A","States":{` + strings.Join(states, ",") + `}}` }
	a := task("A", "$.a", `"End":true`)
	for _, bad := range []string{
		`{`,
		`{"States":{"A":{"Type":"Task","Resource":"${B}","TimeoutSeconds":1}}}`,
		`{"States":{"A":{"Type":"Task","Resource":"arn:aws:lambda","TimeoutSeconds":1}}}`,
		`{"States":{"A":{"Type":"Task","Resource":"${A}"}}}`,
		whole(a, task("U", "$.u", `"Next":"A"`)),
		whole(a, task("U", "$.compensation.b", `"Next":"A"`)),
		whole(a, task("U", "$.compensation.a", `"Next":"A"`), task("V", "$.compensation.a", `"Next":"A"`)),
	} {
		if _, err := parse("test", bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
