package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table/embedded"
	tablefaulty "tripsaga/table/faulty"
	"tripsaga/table/tabletest"
)

const twoSteps = `{
  "StartAt": "First",
  "States": {
    "First": {"Type": "Task", "Resource": "first", "TimeoutSeconds": 10, "ResultPath": "$.first", "Next": "Second",
      "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]},
    "Second": {"Type": "Task", "Resource": "second", "TimeoutSeconds": 10, "ResultPath": "$.second", "End": true}
  }
}`

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// bench is an engine in virtual time over a table in memory whose pages are as short as the port allows, and how to make the next one over the same table.
type bench struct {
	t       *testing.T
	virtual *sim.Virtual
	opt     engine.Options
	*engine.Engine
}

func newBench(t *testing.T, definition string, tasks map[string]engine.Task, change ...func(*engine.Options)) *bench {
	t.Helper()
	v := sim.NewVirtual(epoch)
	b := &bench{t: t, virtual: v, opt: engine.Options{
		Name: "test", Definition: []byte(definition), Tasks: tasks, Table: tablefaulty.Pages(tabletest.NewMemory()), Scheduler: v,
		Seed: func() uint64 { return 7 },
	}}
	for _, c := range change {
		c(&b.opt)
	}
	b.reopen()
	return b
}

// reopen abandons the engine as a crash would, with whatever it had under way, and opens the next.
func (b *bench) reopen() {
	b.t.Helper()
	if err := b.tryReopen(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) tryReopen() (err error) {
	b.virtual = sim.NewVirtual(b.virtual.Now())
	b.opt.Scheduler = b.virtual
	b.Engine, err = engine.Open(b.t.Context(), b.opt)
	return err
}

func (b *bench) start(name, input string) {
	b.t.Helper()
	if err := b.Start(b.t.Context(), name, json.RawMessage(input)); err != nil {
		b.t.Fatalf("Start(%s): %v", name, err)
	}
}

func (b *bench) end(name string) engine.Description {
	b.t.Helper()
	b.virtual.Run()
	if d, err := b.Describe(b.t.Context(), name); err == nil && d.Status == asl.Running {
		b.t.Fatalf("%s is running, and nothing is left to run", name) // Wait would wait for ever
	}
	d, err := b.Wait(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("Wait(%s): %v", name, err)
	}
	return d
}

func (b *bench) types(name string) []string {
	b.t.Helper()
	events, err := b.History(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	types := make([]string, len(events))
	for i, ev := range events {
		types[i] = ev.Type
	}
	return types
}

func constant(out string) engine.Task {
	return func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(out), nil }
}

func fails(name string) engine.Task {
	return func(context.Context, json.RawMessage) (json.RawMessage, error) {
		return nil, &engine.TaskError{Name: name, Message: "as told"}
	}
}

func steps() map[string]engine.Task {
	return map[string]engine.Task{"first": constant("1"), "second": constant("2")}
}

func TestRunsToItsEnd(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	b.start("a", `{"in": true}`)
	d := b.end("a")
	if d.Status != asl.Succeeded || string(d.Output) != `{"first":1,"in":true,"second":2}` {
		t.Fatalf("ended %s with %s", d.Status, d.Output)
	}
	described, err := b.Describe(t.Context(), "a")
	if err != nil || described.Status != d.Status || string(described.Output) != string(d.Output) {
		t.Errorf("Describe = %+v, %v; Wait said %+v", described, err, d)
	}
	if b.OpenExecutions() != 0 {
		t.Errorf("%d executions open after the end", b.OpenExecutions())
	}
	want := []string{"ExecutionStarted",
		"TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited",
		"TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited",
		"ExecutionSucceeded"}
	if got := b.types("a"); !slices.Equal(got, want) {
		t.Errorf("history = %v", got)
	}
}

func TestStartTwiceIsStartOnce(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	b.start("a", `{"n": 1}`)
	b.start("a", `{"n":1}`)
	if err := b.Start(t.Context(), "a", json.RawMessage(`{"n":2}`)); !errors.Is(err, engine.ErrExists) {
		t.Errorf("other input while open: %v, want ErrExists", err)
	}
	b.end("a")
	if err := b.Start(t.Context(), "a", json.RawMessage(`{"n":1}`)); !errors.Is(err, engine.ErrExists) {
		t.Errorf("same input after the end: %v, want ErrExists", err)
	}
}

func TestStartRefuses(t *testing.T) {
	b := newBench(t, twoSteps, steps(), func(o *engine.Options) { o.MaxOpen = 1 })
	big := `"` + strings.Repeat("x", asl.MaxData) + `"`
	for _, c := range []struct{ name, input string }{
		{"", "{}"}, {"a b", "{}"}, {"a#b", "{}"}, {strings.Repeat("x", 81), "{}"}, {"a", "{"}, {"a", ""}, {"a", "\"\xff\""}, {"a", big},
	} {
		if err := b.Start(t.Context(), c.name, json.RawMessage(c.input)); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("Start(%.20q, %.20q) = %v, want ErrInvalid", c.name, c.input, err)
		}
	}
	b.start("a", "{}")
	if err := b.Start(t.Context(), "b", json.RawMessage("{}")); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("one more than MaxOpen: %v, want ErrBusy", err)
	}
	b.start("a", "{}") // known already: no new place is needed
	b.end("a")
	b.start("b", "{}")
}

func TestOpenRefuses(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	for name, change := range map[string]func(*engine.Options){
		"a function without a task": func(o *engine.Options) { o.Tasks = map[string]engine.Task{"first": constant("1")} },
		"a name":                    func(o *engine.Options) { o.Name = "a/b" },
		"a definition":              func(o *engine.Options) { o.Definition = []byte(`{"StartAt":"x","States":{}}`) },
	} {
		opt := b.opt
		change(&opt)
		if _, err := engine.Open(t.Context(), opt); err == nil {
			t.Errorf("%s: Open accepted it", name)
		}
	}
}

func TestTaskFailures(t *testing.T) {
	for name, c := range map[string]struct {
		task      engine.Task
		err, says string
	}{
		"named":     {fails("SoldOut"), "SoldOut", `{"errorMessage":"as told","errorType":"SoldOut"}`},
		"go type":   {func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, errors.New("x") }, "errorString", "x"},
		"panic":     {func(context.Context, json.RawMessage) (json.RawMessage, error) { panic("ouch") }, engine.ErrNamePanic, "ouch"},
		"not JSON":  {constant("{"), engine.ErrNameOutput, "not JSON"},
		"not UTF-8": {constant("\"\xff\""), engine.ErrNameOutput, "not JSON"},
		"too large": {constant(`"` + strings.Repeat("x", asl.MaxData) + `"`), asl.ErrDataLimitExceeded, ""},
		"no reply":  {func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, engine.ErrNoReply }, asl.ErrTimeout, ""},
		"huge cause": {func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return nil, errors.New(strings.Repeat("é", 1e6))
		}, "errorString", "é"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": c.task})
			b.start("a", "{}")
			d := b.end("a")
			if d.Error != c.err || !strings.Contains(d.Cause, c.says) {
				t.Errorf("ended %s, error %q, cause %.80q; want %q, %q", d.Status, d.Error, d.Cause, c.err, c.says)
			}
			if d.State != "Second" {
				t.Errorf("failed at %q, want Second", d.State)
			}
		})
	}
}

func TestRetriesInVirtualTime(t *testing.T) {
	plan, err := sim.ParsePlan("first#1=fail:Shaky\nfirst#2.reply=lost")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, twoSteps, nil, func(o *engine.Options) { o.Tasks = sim.Tasks(steps(), lateBound{o}, plan.Decide) })
	b.start("a", "{}")
	d := b.end("a")
	// One second after the error, ten of the time-out, two until the third attempt.
	if d.Status != asl.Succeeded || d.Stopped.Sub(d.Started) != 13*time.Second {
		t.Errorf("ended %s (%s) after %s, want SUCCEEDED after 13s", d.Status, d.Error, d.Stopped.Sub(d.Started))
	}
}

// lateBound is the scheduler that the options will have.
type lateBound struct{ o *engine.Options }

func (l lateBound) Now() time.Time { return l.o.Scheduler.Now() }
func (l lateBound) Go(f func())    { l.o.Scheduler.Go(f) }
func (l lateBound) AfterFunc(d time.Duration, f func()) engine.Timer {
	return l.o.Scheduler.AfterFunc(d, f)
}

// TestResumesAfterEachStep abandons the engine after every number of scheduler steps and lets the next one finish.
func TestResumesAfterEachStep(t *testing.T) {
	plan, err := sim.ParsePlan("first#1=fail:Shaky\nfirst#2.reply=lost")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		calls := map[string]int{}
		counted := map[string]engine.Task{"first": counts(calls, "first"), "second": counts(calls, "second")}
		b := newBench(t, twoSteps, nil, func(o *engine.Options) { o.Tasks = sim.Tasks(counted, lateBound{o}, plan.Decide) })
		b.start("a", "{}")
		more := true
		for i := 0; i < n && more; i++ {
			more = b.virtual.Step()
		}
		b.reopen()
		d := b.end("a")
		if d.Status != asl.Succeeded || calls["second"] != 1 {
			t.Fatalf("abandoned after %d steps: %s %s, second called %d times", n, d.Status, d.Error, calls["second"])
		}
		if !more {
			if n < 3 {
				t.Fatalf("the run took %d steps only, the test shows nothing", n)
			}
			return
		}
	}
}

func counts(calls map[string]int, name string) engine.Task {
	return func(context.Context, json.RawMessage) (json.RawMessage, error) {
		calls[name]++
		return json.RawMessage("1"), nil
	}
}

func TestTimersSurvive(t *testing.T) {
	b := newBench(t, `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`, nil)
	b.start("a", "{}")
	b.virtual.Step() // the first state is entered, the timer set
	b.reopen()
	d := b.end("a")
	if took := d.Stopped.Sub(d.Started); d.Status != asl.Succeeded || took != time.Hour {
		t.Errorf("ended %s after %s, want SUCCEEDED after 1h", d.Status, took)
	}
}

func TestEndsWithItsStart(t *testing.T) {
	for _, crash := range []bool{false, true} {
		b := newBench(t, `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Fail", "Error": "No"}}}`, nil)
		b.start("a", "{}")
		if crash {
			b.reopen()
		}
		if d := b.end("a"); d.Status != asl.Failed || d.Error != "No" || d.State != "F" {
			t.Errorf("crash %v: ended %+v", crash, d)
		}
	}
}

func TestKeepsItsDefinition(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	b.start("a", "{}")
	b.opt.Definition = []byte(`{"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}}`)
	b.reopen()
	if d := b.end("a"); string(d.Output) != `{"first":1,"second":2}` {
		t.Errorf("the open execution ended with %s: not under its own definition", d.Output)
	}
	b.start("b", "{}")
	if d := b.end("b"); string(d.Output) != `{}` {
		t.Errorf("the new execution ended with %s: not under the new definition", d.Output)
	}
}

func TestStop(t *testing.T) {
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	begun := make(chan struct{})
	hangs := func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	e, err := engine.Open(t.Context(), engine.Options{Name: "test", Definition: []byte(twoSteps), Table: store,
		Tasks: map[string]engine.Task{"first": hangs, "second": constant("2")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	<-begun
	d, err := e.Stop(t.Context(), "a", "Why", "because")
	if err != nil || d.Status != asl.Aborted || d.Error != "Why" || d.Cause != "because" {
		t.Fatalf("Stop = %+v, %v", d, err)
	}
	if again, err := e.Stop(t.Context(), "a", "Other", ""); err != nil || again.Error != "Why" {
		t.Errorf("stopping again = %+v, %v; want what was", again, err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestRedrive(t *testing.T) {
	broken := true
	second := func(context.Context, json.RawMessage) (json.RawMessage, error) {
		if broken {
			return nil, &engine.TaskError{Name: "Broken", Message: "still"}
		}
		return json.RawMessage("2"), nil
	}
	calls := map[string]int{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": counts(calls, "first"), "second": second})
	b.start("a", "{}")
	if err := b.Redrive(t.Context(), "a"); !errors.Is(err, engine.ErrNotRedrivable) {
		t.Errorf("redrive of an open execution: %v", err)
	}
	b.end("a")
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d := b.end("a"); d.Error != "Broken" || d.Redrives != 1 {
		t.Errorf("after the first redrive: %+v", d)
	}
	broken = false
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.reopen() // a redrive that was acknowledged is not forgotten
	d := b.end("a")
	if d.Status != asl.Succeeded || d.Redrives != 2 || calls["first"] != 1 {
		t.Errorf("after the second: %+v, first called %d times", d, calls["first"])
	}
	if err := b.Redrive(t.Context(), "a"); !errors.Is(err, engine.ErrNotRedrivable) {
		t.Errorf("redrive of a success: %v", err)
	}
	if err := b.Redrive(t.Context(), "nobody"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("redrive of nothing: %v", err)
	}
}

func TestRedriveOfAFailStateFailsAgain(t *testing.T) {
	b := newBench(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "No"}}}`, nil)
	b.start("a", "{}")
	b.end("a")
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d := b.end("a"); d.Status != asl.Failed || d.Error != "No" || d.Redrives != 1 {
		t.Errorf("ended %+v", d)
	}
}

func TestList(t *testing.T) {
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": fails("No")})
	for i := range 7 {
		b.start(fmt.Sprintf("x%d", i), "{}")
		b.end(fmt.Sprintf("x%d", i))
		b.virtual.AfterFunc(time.Second, func() {})
		b.virtual.Run()
	}
	b.start("open", "{}")
	var names []string
	q := engine.ListQuery{Limit: 3}
	for {
		page, cursor, err := b.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			names = append(names, d.Name)
		}
		if cursor == "" {
			break
		}
		q.Cursor = cursor
	}
	if got := strings.Join(names, " "); got != "open x6 x5 x4 x3 x2 x1 x0" {
		t.Errorf("all: %s", got)
	}
	running, _, err := b.List(t.Context(), engine.ListQuery{Status: asl.Running})
	if err != nil || len(running) != 1 || running[0].Name != "open" {
		t.Errorf("running: %v, %v", running, err)
	}
	for _, bad := range []engine.ListQuery{{Limit: -1}, {Limit: 1000}, {Status: "ODD"}, {Cursor: "!"}} {
		if _, _, err := b.List(t.Context(), bad); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("List(%+v) = %v, want ErrInvalid", bad, err)
		}
	}
}

func TestOnEndIsToldAtLeastOnce(t *testing.T) {
	var told []string
	deaf := true
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": fails("No")}, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			if deaf {
				return errors.New("not now")
			}
			told = append(told, d.Name+" "+d.Error)
			return nil
		}
	})
	b.start("a", "{}")
	for range 5 {
		b.virtual.Step()
	}
	deaf = false
	b.reopen()
	b.virtual.Run()
	if want := []string{"a No"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	b.reopen()
	b.virtual.Run()
	if len(told) != 1 {
		t.Errorf("told again after it was taken: %v", told)
	}
}

func TestTwoEnginesOneLoses(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	b.start("a", "{}")
	first, firstTime := b.Engine, b.virtual
	b.reopen()
	b.end("a")
	firstTime.Run()
	if _, err := first.Wait(t.Context(), "a"); err != nil {
		t.Fatalf("the other engine's end is there for all: %v", err)
	}
	types := b.types("a")
	if n := len(types); types[n-1] != "ExecutionSucceeded" || n != 12 {
		t.Errorf("history has %d events: %v", n, types)
	}
}

func TestSameSeedSameHistory(t *testing.T) {
	history := func() string {
		plan, err := sim.ParsePlan("first#1-2=fail:Shaky")
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, strings.Replace(twoSteps, `"MaxAttempts": 2`, `"MaxAttempts": 2, "JitterStrategy": "FULL"`, 1), nil,
			func(o *engine.Options) { o.Tasks = sim.Tasks(steps(), lateBound{o}, plan.Decide) })
		b.start("a", "{}")
		b.end("a")
		events, err := b.History(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if one, two := history(), history(); one != two {
		t.Errorf("histories differ:\n%s\n%s", one, two)
	}
}

// TestCloseKeepsRepliesAtWork closes the engine while a task is at work: its reply is journalled, the next state waits.
func TestCloseKeepsRepliesAtWork(t *testing.T) {
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	begun, finish := make(chan struct{}), make(chan struct{})
	calls := 0
	opt := engine.Options{Name: "test", Definition: []byte(twoSteps), Table: store, Tasks: map[string]engine.Task{
		"first": func(context.Context, json.RawMessage) (json.RawMessage, error) {
			calls++
			close(begun)
			<-finish
			return json.RawMessage("1"), nil
		},
		"second": constant("2"),
	}}
	e, err := engine.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	<-begun
	closed := make(chan error)
	go func() { closed <- e.Close(context.Background()) }()
	for e.Start(t.Context(), "a", json.RawMessage("{}")) == nil { // the same start, until the engine is closing
	}
	close(finish)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	e, err = engine.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Wait(t.Context(), "a")
	if err != nil || d.Status != asl.Succeeded || calls != 1 {
		t.Errorf("after reopening: %s, %v, first called %d times", d.Status, err, calls)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestHeartbeat(t *testing.T) {
	def := `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "t", "TimeoutSeconds": 100, "HeartbeatSeconds": 10, "End": true}}}`
	var b *bench
	beats := func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		for i := range 3 {
			b.virtual.AfterFunc(time.Duration(i*8)*time.Second, func() { engine.Heartbeat(ctx) })
		}
		return nil, engine.ErrNoReply
	}
	b = newBench(t, def, map[string]engine.Task{"t": beats})
	b.start("a", "{}")
	d := b.end("a")
	if took := d.Stopped.Sub(d.Started); d.Error != asl.ErrHeartbeatTimeout || took != 26*time.Second {
		t.Errorf("ended %s %s after %s, want States.HeartbeatTimeout after 26s", d.Status, d.Error, took)
	}
}
