package stepfunctions

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/trip/app"
)

var (
	_ app.Starter    = (*StateMachines)(nil)
	_ app.Executions = (*StateMachines)(nil)
)

const (
	started   = `{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:booking:t1","startDate":1.7998380E9}`
	described = `{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:booking:t1","name":"t1",
		"stateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:booking",
		"status":"FAILED","startDate":1799838000.5,"stopDate":1799838002.25,"redriveCount":2,
		"input":"{\"trip_id\": \"t1\"}","error":"ServiceUnavailable","cause":"{}"}`
)

func file(t *testing.T, name string) answer {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return answer{body: string(body)}
}

func TestStartNamesTheExecutionByTheTrip(t *testing.T) {
	m, s := serve(t, answer{body: started})
	m.TraceHeader = func(context.Context) string { return "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1" }
	if err := m.Start(t.Context(), "booking", "t1", json.RawMessage(`{"trip_id":"t1"}`)); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"stateMachineArn": machine, "name": "t1", "input": `{"trip_id":"t1"}`,
		"traceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
	}
	if got := s.wantCalls("StartExecution"); !reflect.DeepEqual(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

func TestNoTraceHeaderIsSentWhenThereIsNone(t *testing.T) {
	m, s := serve(t, answer{body: started})
	for _, header := range []func(context.Context) string{nil, func(context.Context) string { return "" }} {
		m.TraceHeader = header
		if err := m.Start(t.Context(), "booking", "t1", json.RawMessage(`{}`)); err != nil {
			t.Fatal(err)
		}
		if _, sent := s.seen()[len(s.seen())-1].input["traceHeader"]; sent {
			t.Error("an empty trace header was sent")
		}
	}
}

func TestAStartThatExistsIsASuccessOnlyForTheSameInput(t *testing.T) {
	exists := refusal(400, "ExecutionAlreadyExists")
	tests := []struct {
		input    string
		describe answer
		want     string // the error's name
	}{
		{`{"trip_id":"t1"}`, answer{body: described}, ""},
		{`{"trip_id":"t2"}`, answer{body: described}, fault.NameIdempotencyMismatch},
		{`{"trip_id":"t1"}`, refusal(400, "ExecutionDoesNotExist"), fault.NameUnavailable},
		{`{"trip_id":"t1"}`, refusal(400, "AccessDeniedException"), fault.NameInternal},
	}
	for _, tt := range tests {
		m, s := serve(t, exists, tt.describe)
		err := m.Start(t.Context(), "booking", "t1", json.RawMessage(tt.input))
		if (err == nil) != (tt.want == "") || err != nil && fault.NameOf(err) != tt.want {
			t.Errorf("%s, %.40s: error %v, want %q", tt.input, tt.describe.body, err, tt.want)
		}
		s.wantCalls("StartExecution", "DescribeExecution")
	}
}

func TestProgress(t *testing.T) {
	m, s := serve(t, answer{body: described})
	got, err := m.Progress(t.Context(), "booking", "t1")
	want := app.Progress{
		Status: "FAILED", Error: "ServiceUnavailable", Cause: "{}", Redrives: 2,
		Started: time.UnixMilli(1799838000500).UTC(), Stopped: time.UnixMilli(1799838002250).UTC(),
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	s.wantCalls("DescribeExecution")
}

func TestFailedState(t *testing.T) {
	m, s := serve(t, answer{body: `{"events":[
		{"id":9,"previousEventId":8,"type":"ExecutionFailed","timestamp":1,"executionFailedEventDetails":{}},
		{"id":8,"previousEventId":7,"type":"LambdaFunctionFailed","timestamp":1}],"nextToken":"more"}`},
		answer{body: `{"events":[
		{"id":3,"previousEventId":2,"type":"TaskStateEntered","timestamp":1,"stateEnteredEventDetails":{"name":"CancelHotel"}},
		{"id":2,"previousEventId":0,"type":"TaskStateEntered","timestamp":1,"stateEnteredEventDetails":{"name":"ReserveFlight"}}]}`})
	if state, err := m.FailedState(t.Context(), "booking", "t1"); err != nil || state != "CancelHotel" {
		t.Errorf("state %q, %v", state, err)
	}
	last := s.wantCalls("GetExecutionHistory", "GetExecutionHistory")
	if last["reverseOrder"] != true || last["includeExecutionData"] != false || last["nextToken"] != "more" {
		t.Errorf("the history was asked for with %v", last)
	}
}

func TestProgressAsksForNoHistoryWhereNoStateIsTheCause(t *testing.T) {
	for _, status := range []string{"RUNNING", "SUCCEEDED", "TIMED_OUT", "ABORTED"} {
		m, s := serve(t, answer{body: strings.Replace(described, "FAILED", status, 1)})
		if p, err := m.Progress(t.Context(), "booking", "t1"); err != nil || p.Status != status || p.State != "" {
			t.Errorf("%s: %+v, %v", status, p, err)
		}
		if arn := s.wantCalls("DescribeExecution")["executionArn"]; arn != "arn:aws:states:eu-west-1:123456789012:execution:booking:t1" {
			t.Errorf("asked for %v", arn)
		}
	}
}

// TestHistoryIsTheEnginesJSON compares the events with the JSON of package history, which the local API shows.
func TestHistoryIsTheEnginesJSON(t *testing.T) {
	m, s := serve(t, file(t, "history.json"), file(t, "history.page2.json"))
	events, err := m.History(t.Context(), "booking", "t1")
	if err != nil || len(events) != 7 {
		t.Fatalf("%d events, %v; want 7", len(events), err)
	}
	raw, err := history.Encode(events)
	if err != nil {
		t.Fatal(err)
	}
	if last := s.wantCalls("GetExecutionHistory", "GetExecutionHistory"); last["nextToken"] != "page-2" || last["maxResults"] != 1000.0 {
		t.Errorf("the last page was asked for with %v", last)
	}
	started := history.Event{
		Timestamp: time.Date(2027, 1, 13, 11, 0, 0, 123e6, time.UTC), Type: "ExecutionStarted", ID: 1,
		ExecutionStarted: &history.ExecutionStartedDetails{Input: `{"trip_id":"t1"}`, RoleARN: "arn:aws:iam::123456789012:role/booking"},
	}
	failed := history.Event{
		Timestamp: time.Date(2027, 1, 13, 11, 0, 1, 500e6, time.UTC), Type: "LambdaFunctionFailed", ID: 5, PreviousEventID: 4,
		LambdaFunctionFailed: &history.FailureDetails{Error: "FlightUnavailable", Cause: `{"errorMessage":"sold out","errorType":"FlightUnavailable"}`},
	}
	for i, want := range map[int]history.Event{0: started, 4: failed} {
		if !sameValue(t, raw[i], want) {
			t.Errorf("event %d: %s, want the JSON of %+v", i+1, raw[i], want)
		}
	}
	if want := `{"id":6,"newerThanThisClientEventDetails":{"n":12345678901234567890},"previousEventId":5,` +
		`"timestamp":"2027-01-13T11:00:01.999Z","type":"SomethingNew"}`; string(raw[5]) != want {
		t.Errorf("an event that the client does not know: %s, want %s", raw[5], want)
	}
}

func sameValue(t *testing.T, raw json.RawMessage, v any) bool {
	t.Helper()
	marshalled, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(marshalled, &b); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(a, b)
}

func TestAHistoryThatCannotBeReadIsAnError(t *testing.T) {
	for _, body := range []string{`{"events":[{"id":1}]}`, `{"events":[{"id":1,"timestamp":1e300}]}`} {
		m, _ := serve(t, answer{body: body})
		if events, err := m.History(t.Context(), "booking", "t1"); err == nil {
			t.Errorf("%s: %+v", body, events)
		}
	}
}

func TestRedriveSendsOneTokenForAllAttempts(t *testing.T) {
	m, s := serve(t, answer{}, answer{body: `{"redriveDate":1799838000}`})
	if err := m.Redrive(t.Context(), "booking", "t1"); err != nil {
		t.Fatal(err)
	}
	second := s.wantCalls("RedriveExecution", "RedriveExecution")["clientToken"]
	if first := s.seen()[0].input["clientToken"]; first == nil || first != second {
		t.Errorf("tokens %v and %v, want one", first, second)
	}
}

func TestErrorsHaveTheKindsOfTheLocalEngine(t *testing.T) {
	const all = "start|progress|history|redrive"
	tests := []struct {
		of     string // the operations that can be answered so
		answer answer
		kind   fault.Kind
		name   string
		calls  int
	}{
		{"progress|history|redrive", refusal(400, "ExecutionDoesNotExist"), fault.NotFound, fault.NameNotFound, 1},
		{"redrive", refusal(400, "ExecutionNotRedrivable"), fault.Conflict, "NotRedrivable", 1},
		{"start|redrive", refusal(400, "ExecutionLimitExceeded"), fault.Unavailable, fault.NameUnavailable, 1},
		{all, refusal(400, "ThrottlingException"), fault.Unavailable, fault.NameThrottled, 2},
		{all, refusal(500, "InternalServerError"), fault.Unavailable, fault.NameUnavailable, 2},
		{all, refusal(503, "ServiceUnavailable"), fault.Unavailable, fault.NameUnavailable, 2},
		{all, answer{}, fault.Unavailable, fault.NameUnavailable, 2},
		{"start|progress|history", answer{status: 200, body: "<html>"}, fault.Unavailable, fault.NameUnavailable, 1},
		{all, refusal(400, "AccessDeniedException"), fault.Internal, fault.NameInternal, 1},
		{all, refusal(400, "StateMachineDoesNotExist"), fault.Internal, fault.NameInternal, 1},
		{all, refusal(403, "ExpiredTokenException"), fault.Internal, fault.NameInternal, 1},
	}
	operations := map[string]func(*StateMachines) error{
		"start":    func(m *StateMachines) error { return m.Start(t.Context(), "booking", "t1", json.RawMessage(`{}`)) },
		"progress": func(m *StateMachines) error { _, err := m.Progress(t.Context(), "booking", "t1"); return err },
		"history":  func(m *StateMachines) error { _, err := m.History(t.Context(), "booking", "t1"); return err },
		"redrive":  func(m *StateMachines) error { return m.Redrive(t.Context(), "booking", "t1") },
	}
	for _, tt := range tests {
		for name, operation := range operations {
			if !strings.Contains(tt.of, name) {
				continue
			}
			m, s := serve(t, tt.answer)
			err := operation(m)
			if err == nil || fault.KindOf(err) != tt.kind || fault.NameOf(err) != tt.name {
				t.Errorf("%s, %+v: error %v, want %v %s", name, tt.answer, err, tt.kind, tt.name)
			}
			if len(s.seen()) != tt.calls {
				t.Errorf("%s, %+v: %d calls, want %d", name, tt.answer, len(s.seen()), tt.calls)
			}
		}
	}
}

func TestNamesThatNoExecutionHas(t *testing.T) {
	for _, id := range []string{"", "a b", "a:b", "a/b", "ü", strings.Repeat("x", 81)} {
		m, s := serve(t, answer{body: started})
		if err := m.Start(t.Context(), "booking", id, json.RawMessage(`{}`)); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("Start %q: %v", id, err)
		}
		_, progress := m.Progress(t.Context(), "booking", id)
		_, history := m.History(t.Context(), "booking", id)
		for _, err := range []error{progress, history, m.Redrive(t.Context(), "booking", id)} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%q: error %v, want NotFound", id, err)
			}
		}
		if len(s.seen()) != 0 {
			t.Errorf("%q: %d calls", id, len(s.seen()))
		}
	}
}

func TestStateMachineARNs(t *testing.T) {
	good := []string{machine, machine + ":live", machine + ":7", "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:b"}
	for _, arn := range good {
		if err := CheckARN(arn); err != nil {
			t.Error(err)
		}
	}
	for _, arn := range []string{"", "booking", strings.Replace(machine, "stateMachine", "execution", 1), machine + ":a:b", machine + "\n"} {
		if CheckARN(arn) == nil {
			t.Errorf("%q was accepted", arn)
		}
	}
	m := New(nil, ARNs{"booking": machine + ":live", "cancellation": cancellation})
	arn, err := m.execution("booking", "t1")
	if err != nil || *arn != "arn:aws:states:eu-west-1:123456789012:execution:booking:t1" {
		t.Errorf("the execution of an alias: %v, %v", arn, err)
	}
	for arn, want := range map[string]string{
		machine: "booking", machine + ":7": "booking", machine + ":live": "booking", machine + "2": "", "": "",
		"arn:aws:states:eu-west-1:123456789012:stateMachine:trips-cancellation": "cancellation",
	} {
		if saga, ok := m.SagaOf(arn); saga != want || ok != (want != "") {
			t.Errorf("%s runs %q, %v; want %q", arn, saga, ok, want)
		}
	}
}

// TestEachSagaHasItsStateMachine: executions of both have the trip's id as their name.
func TestEachSagaHasItsStateMachine(t *testing.T) {
	const execution = "arn:aws:states:eu-west-1:123456789012:execution:trips-cancellation:t1"
	m, s := serve(t, answer{body: started}, answer{body: described}, answer{body: `{"events":[]}`}, answer{body: `{"events":[]}`}, answer{body: `{"redriveDate":1}`})
	for name, call := range map[string]func(saga string) error{
		"Start":       func(saga string) error { return m.Start(t.Context(), saga, "t1", json.RawMessage(`{}`)) },
		"Progress":    func(saga string) error { _, err := m.Progress(t.Context(), saga, "t1"); return err },
		"History":     func(saga string) error { _, err := m.History(t.Context(), saga, "t1"); return err },
		"FailedState": func(saga string) error { _, err := m.FailedState(t.Context(), saga, "t1"); return err },
		"Redrive":     func(saga string) error { return m.Redrive(t.Context(), saga, "t1") },
	} {
		before := len(s.seen())
		if err := call("refunds"); err == nil || fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), `"refunds"`) || len(s.seen()) != before {
			t.Errorf("%s of a saga that there is not: %v", name, err)
		}
		call("cancellation") // the answers are of some other call
		last := s.seen()[len(s.seen())-1].input
		if last["stateMachineArn"] != cancellation && last["executionArn"] != execution {
			t.Errorf("%s asks for %v", name, last)
		}
	}
}
