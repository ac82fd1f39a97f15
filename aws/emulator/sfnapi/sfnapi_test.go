package sfnapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/engine"
	"tripsaga/table/embedded"
)

const definition = `{"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "${Work}", "End": true}}}`

// world is an engine with one task, and a client of the API over it.
type world struct {
	*sfn.Client
	t      *testing.T
	engine *engine.Engine
	second *engine.Engine // another state machine, in the same store
	url    string
	trace  atomic.Value // of the last delivery
	fail   atomic.Bool
	open   chan struct{} // closed to let executions end whose input has "wait"
}

func newWorld(t *testing.T) *world { return newWorldWith(t, engine.Options{}, sfnapi.Options{}) }

// newWorldWith takes the bounds on redrives of opt.
func newWorldWith(t *testing.T, opt engine.Options, api sfnapi.Options) *world {
	t.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, open: make(chan struct{})}
	opt.Name, opt.Definition, opt.Table, opt.Tasks = "booking", []byte(definition), store, map[string]engine.Task{"Work": w.work}
	if w.engine, err = engine.Open(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	opt.Name = "second"
	if w.second, err = engine.Open(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sfnapi.New(api, sfnapi.Machine{ARN: machine, Engine: w.engine}, sfnapi.Machine{ARN: second, Engine: w.second}))
	t.Cleanup(func() {
		server.Close()
		if err := errors.Join(w.engine.Close(context.Background()), w.second.Close(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	w.url = server.URL
	w.Client = sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	return w
}

func (w *world) work(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
	info, _ := engine.InfoOf(ctx)
	w.trace.Store(info.Trace)
	if strings.Contains(string(input), "wait") {
		select {
		case <-w.open:
		case <-ctx.Done():
		}
	}
	if w.fail.Load() {
		return nil, &engine.TaskError{Name: "Broken", Message: "not now"}
	}
	return json.RawMessage(`{"done":true}`), nil
}

func (w *world) start(name, input string) *sfn.StartExecutionOutput {
	w.t.Helper()
	out, err := w.StartExecution(w.t.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(engine.StateMachineID("booking")), Name: aws.String(name), Input: aws.String(input),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) end(name string) {
	w.t.Helper()
	if _, err := w.engine.Wait(w.t.Context(), name); err != nil {
		w.t.Fatal(err)
	}
}

func TestStartAndDescribe(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Add(-time.Millisecond)
	out, err := w.StartExecution(t.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(engine.StateMachineID("booking")), Name: aws.String("trip-1"), Input: aws.String(`{"a":1}`),
		TraceHeader: aws.String("Root=1-2-3"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.StartDate.Before(before) || out.StartDate.After(time.Now()) {
		t.Errorf("started at %s", out.StartDate)
	}
	w.end("trip-1")
	d, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: out.ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	if *d.Name != "trip-1" || d.Status != types.ExecutionStatusSucceeded || *d.Input != `{"a":1}` || *d.Output != `{"done":true}` ||
		*d.StateMachineArn != engine.StateMachineID("booking") || d.StopDate.Before(*d.StartDate) || *d.TraceHeader != "Root=1-2-3" ||
		d.RedriveStatus != types.ExecutionRedriveStatusNotRedrivable || !d.InputDetails.Included || !d.OutputDetails.Included {
		t.Errorf("described as %+v", d)
	}
	if got := w.trace.Load(); got != "Root=1-2-3" {
		t.Errorf("the task's trace is %q", got)
	}
	bare, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: out.ExecutionArn, IncludedData: types.IncludedDataMetadataOnly})
	if err != nil || bare.Input != nil || bare.Output != nil {
		t.Errorf("the metadata: %+v, %v", bare, err)
	}
}

func TestStartIsIdempotentWhileOpen(t *testing.T) {
	w := newWorld(t)
	first := w.start("trip-1", `{"wait":1}`)
	if again := w.start("trip-1", `{"wait":1}`); *again.ExecutionArn != *first.ExecutionArn || !again.StartDate.Equal(*first.StartDate) {
		t.Errorf("started again: %+v, at first %+v", again, first)
	}
	w.fails("ExecutionAlreadyExists", func() error { return w.tryStart("trip-1", `{"wait":2}`) })
	close(w.open)
	w.end("trip-1")
	w.fails("ExecutionAlreadyExists", func() error { return w.tryStart("trip-1", `{"wait":1}`) })
}

func (w *world) tryStart(name, input string) error {
	_, err := w.StartExecution(w.t.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(engine.StateMachineID("booking")), Name: aws.String(name), Input: aws.String(input),
	})
	return err
}

// fails wants an error of this code, in the SDK's own type where it has one.
func (w *world) fails(code string, call func() error) {
	w.t.Helper()
	err := call()
	var coded smithy.APIError
	if !errors.As(err, &coded) || coded.ErrorCode() != code {
		w.t.Errorf("the error is %v, want %s", err, code)
	}
	if generic := new(smithy.GenericAPIError); errors.As(err, &generic) && !strings.HasSuffix(code, "Exception") && code != "InternalFailure" {
		w.t.Errorf("the SDK does not know %s", code)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	machine, unknown := engine.StateMachineID("booking"), engine.StateMachineID("other")
	execution := strings.Replace(machine, "stateMachine", "execution", 1) + ":none"
	ctx := t.Context()
	for _, c := range []struct {
		code string
		call func() error
	}{
		{"StateMachineDoesNotExist", func() error {
			_, err := w.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &unknown})
			return err
		}},
		{"InvalidArn", func() error {
			_, err := w.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String("booking")})
			return err
		}},
		{"InvalidName", func() error { return w.tryStart("a b", "{}") }},
		{"InvalidExecutionInput", func() error { return w.tryStart("a", "{") }},
		{"ValidationException", func() error { return w.tryStart("a", `"`+strings.Repeat("a", 262_144)+`"`) }},
		{"ExecutionDoesNotExist", func() error {
			_, err := w.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
			return err
		}},
		{"InvalidArn", func() error {
			_, err := w.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &machine})
			return err
		}},
		{"ExecutionDoesNotExist", func() error {
			_, err := w.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: &execution})
			return err
		}},
		{"ExecutionDoesNotExist", func() error {
			_, err := w.RedriveExecution(ctx, &sfn.RedriveExecutionInput{ExecutionArn: &execution})
			return err
		}},
		{"ExecutionDoesNotExist", func() error {
			_, err := w.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: &execution})
			return err
		}},
		{"InvalidToken", func() error {
			_, err := w.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &machine, NextToken: aws.String("***")})
			return err
		}},
		{"ValidationException", func() error { // a field that is not supported
			_, err := w.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &machine, RedriveFilter: types.ExecutionRedriveFilterRedriven})
			return err
		}},
	} {
		w.fails(c.code, c.call)
	}
}

func TestHistoryInPages(t *testing.T) {
	w := newWorld(t)
	arn := w.start("trip-1", `{}`).ExecutionArn
	w.start("trip-2", `{}`)
	w.end("trip-1")
	for _, reverse := range []bool{false, true} {
		var events []types.HistoryEvent
		in := &sfn.GetExecutionHistoryInput{ExecutionArn: arn, MaxResults: 2, ReverseOrder: reverse}
		for {
			page, err := w.GetExecutionHistory(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Events) == 0 || len(page.Events) > 2 {
				t.Fatalf("a page of %d", len(page.Events))
			}
			events = append(events, page.Events...)
			if in.NextToken = page.NextToken; in.NextToken == nil {
				break
			}
		}
		checkHistory(t, events, reverse)
	}
	page, err := w.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: arn, MaxResults: 1})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := w.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: arn, IncludeExecutionData: aws.Bool(false)})
	if err != nil {
		t.Fatal(err)
	}
	if e := bare.Events[1].StateEnteredEventDetails; *e.Name != "Work" || e.Input != nil {
		t.Errorf("without data: %+v", e)
	}
	other := strings.Replace(*arn, "trip-1", "trip-2", 1)
	w.fails("InvalidToken", func() error {
		_, err := w.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &other, NextToken: page.NextToken})
		return err
	})
}

func checkHistory(t *testing.T, events []types.HistoryEvent, reverse bool) {
	t.Helper()
	want := []types.HistoryEventType{"ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted",
		"LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded"}
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d", len(events), len(want))
	}
	for i, e := range events {
		id := i
		if reverse {
			id = len(want) - 1 - i
		}
		if e.Id != int64(id)+1 || e.Type != want[id] || time.Since(*e.Timestamp) > time.Minute {
			t.Errorf("reverse %v, event %d: %+v", reverse, i, e)
		}
		if e.Type == "TaskStateExited" && (*e.StateExitedEventDetails.Name != "Work" || *e.StateExitedEventDetails.Output != `{"done":true}`) {
			t.Errorf("details %+v", e.StateExitedEventDetails)
		}
	}
}

func TestRedrive(t *testing.T) {
	w := newWorld(t)
	w.fail.Store(true)
	arn := w.start("trip-1", `{}`).ExecutionArn
	w.end("trip-1")
	d, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
	if err != nil || d.Status != types.ExecutionStatusFailed || *d.Error != "Broken" || d.RedriveStatus != types.ExecutionRedriveStatusRedrivable ||
		*d.Cause != `{"errorMessage":"not now","errorType":"Broken"}` {
		t.Fatalf("after the failure: %+v, %v", d, err)
	}
	w.fail.Store(false)
	in := &sfn.RedriveExecutionInput{ExecutionArn: arn, ClientToken: aws.String("one")}
	first, err := w.RedriveExecution(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	w.end("trip-1")
	if again, err := w.RedriveExecution(t.Context(), in); err != nil || !again.RedriveDate.Equal(*first.RedriveDate) {
		t.Errorf("the same call again: %+v, %v", again, err)
	}
	w.fails("ExecutionNotRedrivable", func() error {
		_, err := w.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: arn})
		return err
	})
	d, err = w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
	if err != nil || d.Status != types.ExecutionStatusSucceeded || *d.RedriveCount != 1 || !d.RedriveDate.Equal(*first.RedriveDate) {
		t.Errorf("after the redrive: %+v, %v", d, err)
	}
}

// TestRedriveStatusFollowsTheBounds: what RedriveExecution would refuse is described as not redrivable.
func TestRedriveStatusFollowsTheBounds(t *testing.T) {
	for name, opt := range map[string]engine.Options{
		"1 times":      {MaxRedrives: 1},
		"ended 0s ago": {RedriveWithin: 1},
	} {
		w := newWorldWith(t, opt, sfnapi.Options{})
		w.fail.Store(true)
		arn := w.start("trip-1", `{}`).ExecutionArn
		w.end("trip-1")
		redrive := func() error {
			_, err := w.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: arn})
			return err
		}
		if opt.MaxRedrives > 0 {
			if err := redrive(); err != nil {
				t.Fatal(err)
			}
			w.end("trip-1")
		}
		w.fails("ExecutionNotRedrivable", redrive)
		d, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
		if err != nil || d.RedriveStatus != types.ExecutionRedriveStatusNotRedrivable || !strings.Contains(aws.ToString(d.RedriveStatusReason), name) {
			t.Errorf("%s: %s %q, %v", name, d.RedriveStatus, aws.ToString(d.RedriveStatusReason), err)
		}
	}
}

func TestStopAndList(t *testing.T) {
	w := newWorld(t)
	arn := w.start("trip-1", `{"wait":1}`).ExecutionArn
	w.start("trip-2", `{}`)
	w.end("trip-2")
	stop := &sfn.StopExecutionInput{ExecutionArn: arn, Error: aws.String("Enough"), Cause: aws.String("by hand")}
	if out, err := w.StopExecution(t.Context(), stop); err != nil || out.StopDate.IsZero() {
		t.Fatalf("StopExecution = %+v, %v", out, err)
	}
	machine := engine.StateMachineID("booking")
	page, err := w.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine, MaxResults: 1})
	if err != nil || len(page.Executions) != 1 || *page.Executions[0].Name != "trip-2" {
		t.Fatalf("the first page: %+v, %v", page, err)
	}
	page, err = w.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine, MaxResults: 1, NextToken: page.NextToken})
	if err != nil || len(page.Executions) != 1 || page.Executions[0].Status != types.ExecutionStatusAborted || page.NextToken != nil {
		t.Errorf("the second page: %+v, %v", page, err)
	}
	page, err = w.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: types.ExecutionStatusFailed})
	if err != nil || len(page.Executions) != 0 {
		t.Errorf("the failed: %+v, %v", page, err)
	}
}

// TestClosedEngine is answered with what an SDK tries again after.
func TestClosedEngine(t *testing.T) {
	w := newWorld(t)
	if err := w.engine.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := w.tryStart("trip-1", "{}")
	var answer interface{ HTTPStatusCode() int }
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusServiceUnavailable {
		t.Errorf("the error is %v, want status 503", err)
	}
}

func TestForeignHost(t *testing.T) {
	w := newWorld(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example:80"
	r.Header.Set("X-Amz-Target", "AWSStepFunctions.ListExecutions")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", answer.StatusCode)
	}
}
