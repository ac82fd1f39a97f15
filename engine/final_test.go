package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
)

// An end that OnEnd refuses for good is kept as a dead notice, and the next engine does not call OnEnd for it.
func TestOnEndGivesUpOnWhatIsFinal(t *testing.T) {
	calls := 0
	b := newBench(t, failing, nil, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			calls++
			return fmt.Errorf("%w: no trip of the name %s", engine.ErrFinal, d.Name)
		}
	})
	b.start("by-hand", "{}")
	b.end("by-hand")
	b.reopen()
	b.virtual.Run()
	if calls != 1 {
		t.Errorf("OnEnd was called %d times, want once", calls)
	}
	dead := deadNotices(t, b)
	if len(dead) != 1 || dead[0].Execution != "by-hand" || dead[0].Status != asl.Failed ||
		!strings.Contains(dead[0].Reason, "no trip of the name by-hand") || !dead[0].At.Equal(b.virtual.Now().UTC()) {
		t.Fatalf("dead notices %+v", dead)
	}
	if err := b.Redrive(t.Context(), "by-hand"); err != nil {
		t.Fatal(err)
	}
	b.end("by-hand")
	if dead = deadNotices(t, b); calls != 2 || len(dead) != 1 {
		t.Errorf("after the end of a redrive: %d calls, %+v", calls, dead)
	}
}

func deadNotices(t *testing.T, b *bench) (all []engine.DeadNotice) {
	t.Helper()
	for n, err := range b.DeadNotices(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func TestAFinalErrorOfASuccessLeavesNothing(t *testing.T) {
	calls := 0
	b := newBench(t, twoSteps, steps(), func(o *engine.Options) {
		o.OnEnd = func(context.Context, engine.Description) error { calls++; return engine.ErrFinal }
	})
	b.start("a", "{}")
	b.end("a")
	if dead := deadNotices(t, b); calls != 1 || len(dead) != 0 {
		t.Errorf("%d calls, %+v", calls, dead)
	}
}

const single = `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "T", "End": true,
	"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}, "Caught": {"Type": "Pass", "End": true}}}`

// An empty output is null, white space included. One that is no JSON is an error that Retry and Catch see.
func TestOutputsOfTasks(t *testing.T) {
	big := `"` + strings.Repeat("x", asl.MaxData) + `"`
	caught := func(name string) string { return `"Error":"` + name + `"` }
	for _, test := range []struct {
		out  json.RawMessage
		want string
	}{
		{nil, "null"},
		{json.RawMessage{}, "null"},
		{json.RawMessage(" \t\r\n"), "null"},
		{json.RawMessage(" 1 "), "1"},
		{json.RawMessage("{"), caught(engine.ErrNameOutput)},
		{json.RawMessage("1 2"), caught(engine.ErrNameOutput)},
		{json.RawMessage("\"\xff\""), caught(engine.ErrNameOutput)},
		{json.RawMessage("\x00"), caught(engine.ErrNameOutput)},
		{json.RawMessage(big), "The state/task 'T' returned a result with a size exceeding the maximum number of bytes service limit."},
	} {
		b := newBench(t, single, map[string]engine.Task{
			"T": func(context.Context, json.RawMessage) (json.RawMessage, error) { return test.out, nil },
		})
		b.start("a", "{}")
		if d := b.end("a"); d.Status != asl.Succeeded || !strings.Contains(string(d.Output), test.want) {
			t.Errorf("%.20q: ended %s with %s (%s: %s), want %s", test.out, d.Status, d.Output, d.Error, d.Cause, test.want)
		}
	}
}

const whereAmI = `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T", "Parameters": {
	"execution.$": "$$.Execution.Id", "role.$": "$$.Execution.RoleArn", "machine.$": "$$.StateMachine.Id"}},
	"T": {"Type": "Task", "Resource": "T", "End": true}}}`

func TestTheContextObjectsPlace(t *testing.T) {
	echo := func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil }
	b := newBench(t, whereAmI, map[string]engine.Task{"T": echo})
	const atHome = `{"execution":"arn:aws:states:local:000000000000:execution:test:a",` +
		`"machine":"arn:aws:states:local:000000000000:stateMachine:test","role":"arn:aws:states:local:000000000000:role"}`
	b.start("a", "{}")
	if d := b.end("a"); string(d.Output) != atHome {
		t.Errorf("by default: %s", d.Output)
	}
	b.start("open", "{}") // its first step is not taken yet
	b.opt.Region, b.opt.Account, b.opt.Role = "eu-west-1", "123456789012", "arn:aws:iam::123456789012:role/saga"
	b.reopen()
	if d := b.end("open"); string(d.Output) != strings.ReplaceAll(atHome, ":a\"", ":open\"") {
		t.Errorf("an execution keeps what it was started with: %s", d.Output)
	}
	b.start("b", "{}")
	b.reopen()
	d := b.end("b")
	want := `{"execution":"arn:aws:states:eu-west-1:123456789012:execution:test:b",` +
		`"machine":"arn:aws:states:eu-west-1:123456789012:stateMachine:test","role":"arn:aws:iam::123456789012:role/saga"}`
	if string(d.Output) != want || d.ExecutionID != "arn:aws:states:eu-west-1:123456789012:execution:test:b" {
		t.Errorf("%s, id %s", d.Output, d.ExecutionID)
	}
	_, err := engine.Open(t.Context(), engine.Options{Name: "x", Definition: []byte(failing), Region: "eu:west"})
	if !errors.Is(err, engine.ErrInvalid) || !strings.Contains(err.Error(), "Region") {
		t.Errorf("a region that is none: %v", err)
	}
}
