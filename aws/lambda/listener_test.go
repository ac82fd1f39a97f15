package lambda

import (
	"strings"
	"testing"
	"time"

	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// change is an event of EventBridge about a booking, as the documentation shows it.
func change(trip, status string) string { return changeOf(machine, trip, status) }

func changeOf(machine, trip, status string) string {
	return `{"version":"0","id":"315c1398-40ff-a850-213b-158f73e60175","detail-type":"Step Functions Execution Status Change",
	"source":"aws.states","account":"123456789012","time":"2027-01-15T09:30:00Z","region":"eu-west-1",
	"resources":["arn:aws:states:eu-west-1:123456789012:execution:booking:` + trip + `"],
	"detail":{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:booking:` + trip + `",
	"stateMachineArn":"` + machine + `","name":"` + trip + `","status":"` + status + `","startDate":1799838000225,
	"stopDate":1799838001225,"input":"{}","inputDetails":{"included":true},"output":null,"outputDetails":null,
	"error":null,"cause":null,"redriveCount":0,"redriveDate":null}}`
}

// stands sets how Step Functions describes the execution.
func (w *world) stands(status, redrives, failure string) {
	w.answers["DescribeExecution"] = `{"executionArn":"x","name":"x","stateMachineArn":"x","startDate":1,"status":"` + status +
		`","redriveCount":` + redrives + `,"error":"` + failure + `"}`
	w.answers["GetExecutionHistory"] = `{"events":[{"id":2,"previousEventId":0,"timestamp":1,"type":"TaskStateEntered",
		"stateEnteredEventDetails":{"name":"CancelHotel"}}]}`
}

func (w *world) hear(t *testing.T, event string) error {
	t.Helper()
	_, err := newListener(w.system)(t.Context(), []byte(event))
	return err
}

func TestAStoppedSagaMarksItsTrip(t *testing.T) {
	tests := []struct {
		status, failure string
		want            domain.Reason
	}{
		{"FAILED", "ServiceUnavailable", domain.Reason{Name: "ServiceUnavailable", Message: "the saga ended FAILED at CancelHotel"}},
		{"TIMED_OUT", "States.Timeout", domain.Reason{Name: "States.Timeout", Message: "the saga ended TIMED_OUT"}},
		{"ABORTED", "", domain.Reason{Name: "ABORTED", Message: "the saga ended ABORTED"}},
	}
	for _, tt := range tests {
		w := newWorld(t)
		id := w.book(t)
		w.stands(tt.status, "0", tt.failure)
		for range 2 { // events come twice
			if err := w.hear(t, change(id, tt.status)); err != nil {
				t.Errorf("%s: %v", tt.status, err)
			}
		}
		if trip := w.trip(t, id); trip.Status() != domain.NeedsAttention || trip.Reason() != tt.want || trip.Version() != 2 {
			t.Errorf("%s: %s, %+v, version %d", tt.status, trip.Status(), trip.Reason(), trip.Version())
		}
	}
}

func TestWhatChangesNothing(t *testing.T) {
	tests := []struct {
		name, event, now, redrives string
		want                       string // the error's type
	}{
		{"an end in success", "SUCCEEDED", "SUCCEEDED", "0", ""},
		{"a start", "RUNNING", "RUNNING", "0", ""},
		{"an end before a redrive that still runs", "FAILED", "RUNNING", "1", ""},
		{"an end before a redrive that ended well", "FAILED", "SUCCEEDED", "1", ""},
		{"an end that the description does not show yet", "FAILED", "RUNNING", "0", "ServiceUnavailable"},
	}
	for _, tt := range tests {
		w := newWorld(t)
		id := w.book(t)
		w.stands(tt.now, tt.redrives, "")
		err := w.hear(t, change(id, tt.event))
		if tt.want != "" {
			wantError(t, err, tt.want)
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if trip := w.trip(t, id); trip.Status() != domain.Pending {
			t.Errorf("%s: the trip is %s", tt.name, trip.Status())
		}
	}
}

// TestARecordedEndStays is the end of most sagas that fail: their trip has an end, and nobody asks Step Functions.
func TestARecordedEndStays(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	if _, err := w.app.FailTrip(t.Context(), app.FailInput{TripID: id}); err == nil {
		t.Fatal("the task that records a failure fails with its name")
	}
	w.calls = nil
	if err := w.hear(t, change(id, "FAILED")); err != nil || w.trip(t, id).Status() != domain.Failed || w.calls != nil {
		t.Errorf("%v, the trip is %s, calls %q", err, w.trip(t, id).Status(), w.calls)
	}
}

// TestARedriveThatEndsClearsTheMark is how a mark goes away: the redriven saga's last task replaces it.
func TestARedriveThatEndsClearsTheMark(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.stands("FAILED", "0", "ServiceUnavailable")
	if err := w.hear(t, change(id, "FAILED")); err != nil {
		t.Fatal(err)
	}
	w.confirm(t, id)
	w.stands("SUCCEEDED", "1", "")
	for _, status := range []string{"SUCCEEDED", "FAILED"} { // the end before it comes once more, late
		if err := w.hear(t, change(id, status)); err != nil {
			t.Error(err)
		}
	}
	if trip := w.trip(t, id); trip.Status() != domain.Confirmed || trip.Reason() != (domain.Reason{}) {
		t.Errorf("the trip is %s, %+v", trip.Status(), trip.Reason())
	}
}

// confirm takes the trip through its saga.
func (w *world) confirm(t *testing.T, id string) {
	t.Helper()
	w.take(t, id, "ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed")
}

func (w *world) take(t *testing.T, id string, steps ...string) {
	t.Helper()
	w.deliver(t, "arn:x", id, steps...)
}

func (w *world) deliver(t *testing.T, execution, id string, steps ...string) {
	t.Helper()
	for _, step := range steps {
		payload := strings.NewReplacer("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", id, "JL5", "JL317", "2027-03-10", "2027-03-15",
			"TYO-PARK", "FUK-CANAL", "2027-03-12", "2027-03-17", "arn:x", execution).Replace(payloadOf(step))
		if _, err := newTask(w.system, step)(t.Context(), []byte(payload)); err != nil {
			t.Fatal(step, err)
		}
	}
}

// TestAStoppedCancellationMarksItsTrip, and late news of the trip's booking does not.
func TestAStoppedCancellationMarksItsTrip(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.confirm(t, id)
	if _, err := w.app.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	w.stands("FAILED", "0", "Conflict")
	if err := w.hear(t, change(id, "FAILED")); err != nil || w.trip(t, id).Status() != domain.Cancelling {
		t.Errorf("after news of the booking: %v, the trip is %s", err, w.trip(t, id).Status())
	}
	w.calls, w.inputs = nil, nil
	if err := w.hear(t, changeOf(cancellation, id, "FAILED")); err != nil {
		t.Fatal(err)
	}
	trip, want := w.trip(t, id), domain.Reason{Name: "Conflict", Message: "the saga ended FAILED at CancelHotel"}
	if trip.Status() != domain.NeedsAttention || trip.Reason() != want || trip.Saga() != domain.CancellationSaga {
		t.Errorf("the trip is %s, %+v, its saga %s", trip.Status(), trip.Reason(), trip.Saga())
	}
	for _, input := range w.inputs {
		if !strings.Contains(input, ":execution:cancellation:"+id) {
			t.Errorf("Step Functions was asked %s", input)
		}
	}
}

// TestTheReconcilerStartsACancellation of a trip whose client has cancelled it just before it was confirmed.
func TestTheReconcilerStartsACancellation(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.take(t, id, "ReserveFlight", "ReserveHotel", "ProcessPayment")
	if _, err := w.app.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	w.take(t, id, "BookingConfirmed")
	w.calls, w.inputs, w.now = nil, nil, w.now.Add(3*time.Minute)
	reply, err := newReconciler(w.system)(t.Context(), nil)
	if want := `{"pending":1,"started":1,`; err != nil || !strings.HasPrefix(string(reply), want) {
		t.Errorf("%s, %v; want %s", reply, err, want)
	}
	if want := `"stateMachineArn":"` + cancellation + `"`; len(w.inputs) != 1 || !strings.Contains(w.inputs[0], want) {
		t.Errorf("Step Functions was asked %q, want %s", w.inputs, want)
	}
}

func TestForeignEventsAreRefused(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.stands("FAILED", "0", "")
	good := change(id, "FAILED")
	tests := []struct {
		event, kind, text string
	}{
		{`[]`, "InvalidRequest", "not from Step Functions"},
		{`{}`, "InvalidRequest", "detail-type"},
		{strings.Replace(good, "aws.states", "aws.ec2", 1), "InvalidRequest", `"aws.ec2"`},
		{strings.Replace(good, `"stateMachineArn":"`+machine, `"stateMachineArn":"`+machine+"2", 1), "InvalidRequest", "detail.stateMachineArn"},
		{change(id, "PENDING_REDRIVE"), "InvalidRequest", `"PENDING_REDRIVE" is not a status`},
		{change("", "FAILED"), "InvalidRequest", "names no execution"},
		{change("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", "FAILED"), "NotFound", "0195d1f0"},
	}
	for _, tt := range tests {
		wantError(t, w.hear(t, tt.event), tt.kind, tt.text)
	}
	if trip := w.trip(t, id); trip.Status() != domain.Pending {
		t.Errorf("the trip is %s", trip.Status())
	}
}

func TestStepFunctionsOutOfOrderIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.answers["DescribeExecution"] = `400 {"__type":"ThrottlingException"}`
	wantError(t, w.hear(t, change(id, "FAILED")), "Throttled")
}

func TestTheReconcilerReports(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.now = w.now.Add(time.Hour)
	reply, err := newReconciler(w.system)(t.Context(), []byte(`{"anything":1}`))
	if want := `{"pending":1,"started":1,"failed":0,"overdue":1,"marked":1,"cut_off":false}`; err != nil || string(reply) != want {
		t.Errorf("%s, %v; want %s", reply, err, want)
	}
	if trip := w.trip(t, id); trip.Status() != domain.NeedsAttention || len(w.calls) != 2 {
		t.Errorf("the trip is %s, calls %q", trip.Status(), w.calls)
	}
	if log := w.log.String(); !strings.Contains(log, `"level":"WARN"`) || !strings.Contains(log, `"marked":1`) {
		t.Errorf("log %s", log)
	}
}

// TestTheReconcilerLooksBack at trips that became overdue weeks ago, and neither at those of all times nor at those that may
// just be being started.
func TestTheReconcilerLooksBack(t *testing.T) {
	const day, none, one = 24 * time.Hour, `{"pending":0,`, `{"pending":1,"started":1,`
	for age, want := range map[time.Duration]string{time.Minute: none, 3 * time.Minute: one, 30 * day: one, 33 * day: none} {
		w := newWorld(t)
		w.book(t)
		w.now = w.now.Add(age)
		if reply, err := newReconciler(w.system)(t.Context(), nil); err != nil || !strings.HasPrefix(string(reply), want) {
			t.Errorf("after %s: %s, %v; want %s", age, reply, err, want)
		}
	}
}

func TestAReconcilerThatFailsFailsItsInvocation(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.now = w.now.Add(time.Hour)
	w.answers["StartExecution"] = `400 {"__type":"ThrottlingException"}`
	_, err := newReconciler(w.system)(t.Context(), nil)
	wantError(t, err, "Throttled", "Pending:1", "Failed:1", id)
	if log := w.log.String(); !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("log %s", log)
	}
}

// TestAnOverdueSagaThatStops wants the news of the stop, although the trip was marked before as overdue.
func TestAnOverdueSagaThatStops(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.now = w.now.Add(31 * time.Minute)
	if _, err := w.app.Reconcile(t.Context(), app.Patience{Grace: 2 * time.Minute, Overdue: 30 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if reason := w.trip(t, id).Reason(); reason.Name != domain.ReasonOverdue {
		t.Fatalf("reason %+v", reason)
	}
	w.now = w.now.Add(11 * time.Hour)
	w.stands("FAILED", "0", "ServiceUnavailable")
	if err := w.hear(t, change(id, "FAILED")); err != nil {
		t.Fatal(err)
	}
	if trip := w.trip(t, id); trip.Status() != domain.NeedsAttention || trip.Reason().Name != "ServiceUnavailable" {
		t.Errorf("%s %+v", trip.Status(), trip.Reason())
	}
}
