package saga

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// state is what the tests read of a state.
type state struct {
	Type           string
	Resource       string
	TimeoutSeconds int
	Parameters     map[string]string
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

func machine(t *testing.T) (start string, states map[string]state) {
	t.Helper()
	var m struct {
		Comment string
		StartAt string
		States  map[string]struct {
			Comment string
			state
		}
	}
	d := json.NewDecoder(strings.NewReader(string(Definition())))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	states = map[string]state{}
	for name, s := range m.States {
		states[name] = s.state
	}
	return m.StartAt, states
}

// end stands for the end of the execution.
const end = ""

// arrows is the saga: where each state leads. known is the failure whose outcome is known.
var arrows = map[string]struct{ known, onKnown, onUnknown, next string }{
	"ReserveFlight":       {"FlightUnavailable", "FlightBookingFailed", "CancelFlight", "ReserveHotel"},
	"ReserveHotel":        {"HotelUnavailable", "CancelFlight", "CancelHotel", "ProcessPayment"},
	"ProcessPayment":      {"PaymentDeclined", "CancelHotel", "RefundPayment", "BookingConfirmed"},
	"BookingConfirmed":    {"", "", "", end},
	"RefundPayment":       {"", "", "", "CancelHotel"},
	"CancelHotel":         {"", "", "", "CancelFlight"},
	"CancelFlight":        {"", "", "", "BookingFailed"},
	"BookingFailed":       {"BookingFailed", "", "", end},
	"FlightBookingFailed": {"FlightBookingFailed", "", "", end},
}

func TestEveryArrow(t *testing.T) {
	start, states := machine(t)
	if start != "ReserveFlight" || len(states) != len(arrows) {
		t.Errorf("starts at %s with %d states, want ReserveFlight with %d", start, len(states), len(arrows))
	}
	for name, want := range arrows {
		s, ok := states[name]
		if !ok || s.Type != "Task" {
			t.Errorf("%s: is %q, want a task", name, s.Type)
			continue
		}
		if s.Next != want.next || s.End != (want.next == end) {
			t.Errorf("%s: leads to %q, end %v; want %q", name, s.Next, s.End, want.next)
		}
		checkCatch(t, name, s.Catch, want.known, want.onKnown, want.onUnknown)
	}
}

func checkCatch(t *testing.T, name string, got []catcher, known, onKnown, onUnknown string) {
	t.Helper()
	if onUnknown == "" {
		if len(got) != 0 {
			t.Errorf("%s: catches %+v, want that it is only retried", name, got)
		}
		return
	}
	want := []catcher{
		{[]string{known}, "$.failure", onKnown},
		{[]string{"States.ALL"}, "$.failure", onUnknown},
	}
	if len(got) != 2 || !slices.EqualFunc(got, want, func(a, b catcher) bool {
		return slices.Equal(a.ErrorEquals, b.ErrorEquals) && a.ResultPath == b.ResultPath && a.Next == b.Next
	}) {
		t.Errorf("%s: catches %+v, want %+v", name, got, want)
	}
}

func TestEveryTaskRetriesWhatMayPassAndNothingElse(t *testing.T) {
	final := []string{"InvalidRequest", "IdempotencyMismatch", "StepCancelled", "NotFound", "Conflict"}
	_, states := machine(t)
	for name, s := range states {
		if s.TimeoutSeconds <= 0 || len(s.Retry) != 2 {
			t.Errorf("%s: time-out %d s, %d retriers", name, s.TimeoutSeconds, len(s.Retry))
			continue
		}
		never := final
		if known := arrows[name].known; known != "" {
			never = append([]string{known}, final...)
		}
		if r := s.Retry[0]; !slices.Equal(r.ErrorEquals, never) || r.MaxAttempts == nil || *r.MaxAttempts != 0 {
			t.Errorf("%s: first retrier %+v, want that %v is final", name, r, never)
		}
		attempts, delay := 100, 900
		if arrows[name].onUnknown != "" {
			attempts, delay = 4, 8
		}
		r := s.Retry[1]
		if !slices.Equal(r.ErrorEquals, []string{"States.ALL"}) || r.IntervalSeconds != 1 || r.BackoffRate != 2 ||
			*r.MaxAttempts != attempts || r.MaxDelaySeconds != delay || r.JitterStrategy != "FULL" {
			t.Errorf("%s: second retrier %+v, want %d attempts, at most %d s apart", name, r, attempts, delay)
		}
	}
}

func TestATaskGetsOnlyWhatItNeeds(t *testing.T) {
	want := map[string]string{
		"ReserveFlight": "trip_id flight currency", "ReserveHotel": "trip_id hotel currency",
		"ProcessPayment": "trip_id", "BookingConfirmed": "trip_id",
		"RefundPayment": "trip_id", "CancelHotel": "trip_id", "CancelFlight": "trip_id",
		"BookingFailed": "trip_id failure", "FlightBookingFailed": "trip_id failure",
	}
	_, states := machine(t)
	for name, s := range states {
		fields := strings.Fields(want[name])
		if len(s.Parameters) != len(fields) {
			t.Errorf("%s: parameters %v, want %v", name, s.Parameters, fields)
		}
		for _, f := range fields {
			if s.Parameters[f+".$"] != "$."+f {
				t.Errorf("%s: parameters %v, want %s", name, s.Parameters, f)
			}
		}
		if s.ResultPath != nil && (*s.ResultPath == "$" || strings.HasPrefix(*s.ResultPath, "$.failure")) {
			t.Errorf("%s: its result replaces what later states need", name)
		}
	}
}

func TestTasks(t *testing.T) {
	tasks := Tasks()
	if len(tasks) != len(arrows) {
		t.Fatalf("%d tasks, want %d", len(tasks), len(arrows))
	}
	for i, task := range tasks {
		if _, ok := arrows[task.Name]; !ok || task.Timeout < time.Second || i > 0 && tasks[i-1].Name >= task.Name {
			t.Errorf("task %d: %+v", i, task)
		}
	}
}

func TestParseRefusesATaskThatNoDeploymentCouldBind(t *testing.T) {
	for _, bad := range []string{
		`{`,
		`{"States":{"A":{"Type":"Task","Resource":"${B}","TimeoutSeconds":1}}}`,
		`{"States":{"A":{"Type":"Task","Resource":"arn:aws:lambda","TimeoutSeconds":1}}}`,
		`{"States":{"A":{"Type":"Task","Resource":"${A}"}}}`,
	} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
