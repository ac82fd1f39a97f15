package history_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tripsaga/shared/history"
)

var began = time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC)

// event is one that happened some seconds after the beginning.
func event(seconds, id, previous int, kind string) history.Event {
	return history.Event{
		Timestamp: began.Add(time.Duration(seconds) * time.Second), Type: kind, ID: int64(id), PreviousEventID: int64(previous),
	}
}

func entered(seconds, id, previous int, kind, state string) history.Event {
	e := event(seconds, id, previous, kind+"StateEntered")
	e.StateEntered = &history.StateEnteredDetails{Name: state}
	return e
}

func failed(seconds, id, previous int, name, cause string) history.Event {
	e := event(seconds, id, previous, "LambdaFunctionFailed")
	e.LambdaFunctionFailed = &history.FailureDetails{Error: name, Cause: cause}
	return e
}

func succeeded(seconds, id, previous int, output string) history.Event {
	e := event(seconds, id, previous, "LambdaFunctionSucceeded")
	e.LambdaFunctionSucceeded = &history.OutputDetails{Output: output}
	return e
}

// TestBranchesTakeTurns: two branches are under way at the same time, and one of them is aborted when the other fails.
func TestBranchesTakeTurns(t *testing.T) {
	end := event(9, 13, 12, history.ExecutionFailed)
	end.ExecutionFailed = &history.FailureDetails{Error: "Broken"}
	x := history.Read([]history.Event{
		event(0, 1, 0, history.ExecutionStarted),
		entered(0, 2, 0, "Parallel", "Both"),
		event(0, 3, 2, "ParallelStateStarted"),
		entered(1, 4, 3, "Task", "Left"),
		entered(1, 5, 3, "Task", "Right"),
		event(1, 6, 4, "LambdaFunctionScheduled"),
		event(2, 7, 5, "LambdaFunctionScheduled"),
		failed(3, 8, 6, "Slow", `{"errorMessage":"not yet"}`),
		event(5, 9, 8, "LambdaFunctionScheduled"),
		failed(6, 10, 9, "Broken", "no JSON"),
		event(7, 11, 7, "TaskStateAborted"),
		event(8, 12, 3, "ParallelStateFailed"),
		end,
	})
	const s = time.Second
	want := history.Execution{
		Visits: []history.Visit{{"Both", 0}, {"Left", 2}, {"Right", 1}},
		Lines: []history.Line{
			{At: 1 * s, State: "Left", Attempt: 1, Took: 2 * s, Error: "Slow", Message: "not yet"},
			{At: 2 * s, State: "Right", Attempt: 1, Took: 5 * s, Error: history.Aborted},
			{At: 5 * s, State: "Left", Attempt: 2, Waited: 2 * s, Took: 1 * s, Error: "Broken", Message: "no JSON"},
		},
		Ended: true, Failure: &history.FailureDetails{Error: "Broken"},
	}
	if !reflect.DeepEqual(x, want) {
		t.Errorf("read  %+v\nwant  %+v", x, want)
	}
}

// TestARedriveCountsAttemptsAnew in its timeline, and adds them to those of the visit.
func TestARedriveCountsAttemptsAnew(t *testing.T) {
	events := []history.Event{
		event(0, 1, 0, history.ExecutionStarted),
		entered(0, 2, 0, "Task", "Pay"),
		event(0, 3, 2, "LambdaFunctionScheduled"),
		failed(1, 4, 3, "Down", ""),
		event(1, 5, 4, history.ExecutionFailed), // without details, which is no success
		event(60, 6, 5, history.ExecutionRedriven),
		event(60, 7, 6, "LambdaFunctionScheduled"),
		event(60, 8, 7, "LambdaFunctionStarted"),
		succeeded(62, 9, 8, `{"paid":true}`),
		event(63, 10, 9, "TaskStateExited"),
		entered(63, 11, 10, "Pass", "Note"),
		event(64, 12, 11, "PassStateExited"),
		event(64, 13, 12, history.ExecutionSucceeded),
	}
	x := history.Read(events)
	if want := []history.Visit{{"Pay", 2}, {"Note", 0}}; !slices.Equal(x.Visits, want) {
		t.Errorf("visits %v, want %v", x.Visits, want)
	}
	const s = time.Second
	want := []history.Line{
		{State: "Pay", Attempt: 1, Took: 1 * s, Error: "Down"},
		{At: 60 * s, Redriven: true},
		{At: 60 * s, State: "Pay", Attempt: 1, Took: 2 * s, Output: `{"paid":true}`},
		{At: 63 * s, State: "Note", Took: 1 * s},
	}
	if !slices.Equal(x.Lines, want) {
		t.Errorf("lines %+v\nwant  %+v", x.Lines, want)
	}
	if !x.Ended || x.Failure != nil || !slices.Equal(x.States(), []string{"Pay", "Note"}) {
		t.Errorf("ended %v, failure %v, states %q", x.Ended, x.Failure, x.States())
	}
	if x := history.Read(events[:5]); !x.Ended || x.Failure == nil {
		t.Errorf("an execution that has failed: ended %v, failure %v", x.Ended, x.Failure)
	}
	x = history.Read(events[:8])
	if l := x.Lines[len(x.Lines)-1]; x.Ended || !l.Running || l.Attempt != 1 {
		t.Errorf("an execution that is running: ended %v, %+v", x.Ended, l)
	}
}

// TestASubmittedTaskGoesOn: its attempt ends by the callback.
func TestASubmittedTaskGoesOn(t *testing.T) {
	submitted, answered := event(1, 5, 4, "TaskSubmitted"), event(60, 6, 5, "TaskSucceeded")
	submitted.TaskSubmitted = &history.IntegrationOutputDetails{OutputDetails: history.OutputDetails{Output: `"mailed"`}}
	answered.TaskSucceeded = &history.IntegrationOutputDetails{OutputDetails: history.OutputDetails{Output: `"yes"`}}
	x := history.Read([]history.Event{
		event(0, 1, 0, history.ExecutionStarted), entered(0, 2, 0, "Task", "Ask"), event(0, 3, 2, "TaskScheduled"),
		event(0, 4, 3, "TaskStarted"), submitted, answered,
	})
	if want := []history.Line{{State: "Ask", Attempt: 1, Took: time.Minute, Output: `"yes"`}}; !slices.Equal(x.Lines, want) {
		t.Errorf("lines %+v\nwant  %+v", x.Lines, want)
	}
	if texts := submitted.Texts(); !slices.Equal(texts, []string{`"mailed"`}) {
		t.Errorf("the reply's texts are %q", texts)
	}
}

func TestNoHistory(t *testing.T) {
	if x := history.Read(nil); x.Ended || x.Lines != nil || len(x.States()) != 0 {
		t.Errorf("read %+v", x)
	}
	if raw, err := history.Encode(nil); raw == nil || err != nil {
		t.Errorf("%v, %v; want an empty list", raw, err)
	}
}

// TestEncodeReturnsWhatWasParsed, with what this package does not know.
func TestEncodeReturnsWhatWasParsed(t *testing.T) {
	const known = `{"timestamp":"2027-01-15T09:30:00Z","type":"TaskStateEntered","id":2,"previousEventId":0,` +
		`"stateEnteredEventDetails":{"name":"Pay","input":"{}","inputDetails":{"truncated":false}}}`
	const strange = `{"id":3, "type":"SomethingNew", "newEventDetails":{"n":12345678901234567890}}`
	events, err := history.Decode([]json.RawMessage{json.RawMessage(known), json.RawMessage(strange)})
	if err != nil {
		t.Fatal(err)
	}
	events[0].Source = nil // as the engine makes it
	raw, err := history.Encode(events)
	if err != nil || string(raw[0]) != known || string(raw[1]) != strange {
		t.Errorf("%v\n%s\n%s", err, raw[0], raw[1])
	}
	if _, err := history.Decode([]json.RawMessage{json.RawMessage(`{"id":"x"}`)}); err == nil {
		t.Error("an id that is no number is read")
	}
}

func ExampleRead() {
	x := history.Read([]history.Event{
		event(0, 1, 0, history.ExecutionStarted),
		entered(0, 2, 0, "Task", "ReserveHotel"),
		event(0, 3, 2, "LambdaFunctionScheduled"),
		failed(1, 4, 3, "ServiceUnavailable", `{"errorType":"ServiceUnavailable","errorMessage":"try again later"}`),
		event(3, 5, 4, "LambdaFunctionScheduled"),
	})
	for _, l := range x.Lines {
		fmt.Printf("%s attempt %d: waited %s, took %s, running %t %s\n", l.State, l.Attempt, l.Waited, l.Took, l.Running, l.Message)
	}
	// Output:
	// ReserveHotel attempt 1: waited 0s, took 1s, running false try again later
	// ReserveHotel attempt 2: waited 2s, took 0s, running true
}
