package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	tablefaulty "tripsaga/table/faulty"
	"tripsaga/table/tabletest"
)

// approval asks somebody, for an hour, who must say every minute that he is still thinking; and records the answer.
const approval = `{"StartAt": "Count", "States": {
  "Count": {"Type": "Task", "Resource": "count", "ResultPath": "$.n", "Next": "Approve"},
  "Approve": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "TimeoutSeconds": 3600,
    "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}, "ResultPath": "$.answer", "Next": "Record",
    "Retry": [{"ErrorEquals": ["Undecided"], "IntervalSeconds": 1}],
    "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.answer", "Next": "Record"}]},
  "Record": {"Type": "Task", "Resource": "record", "InputPath": "$.answer", "End": true}}}`

var beating = strings.Replace(approval, `"TimeoutSeconds": 3600`, `"TimeoutSeconds": 3600, "HeartbeatSeconds": 60`, 1)

// asked is a bench with an approval. It keeps the tokens that were handed out, and what was recorded.
type asked struct {
	*perishable
	tokens   []string
	recorded []string
	ask      func(ctx context.Context, token string) (json.RawMessage, error)
}

func newAsked(t *testing.T, definition string, change ...func(*engine.Options)) *asked {
	t.Helper()
	a := &asked{ask: func(context.Context, string) (json.RawMessage, error) { return json.RawMessage(`"mailed"`), nil }}
	a.perishable = newPerishable(t, a.tasks(), append([]func(*engine.Options){func(o *engine.Options) {
		o.Definition = []byte(definition)
	}}, change...)...)
	return a
}

func (a *asked) tasks() map[string]engine.Task {
	return map[string]engine.Task{
		"count": constant(`1`),
		"ask": func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			var payload struct{ Token string }
			if err := json.Unmarshal(in, &payload); err != nil {
				return nil, err
			}
			a.tokens = append(a.tokens, payload.Token)
			return a.ask(ctx, payload.Token)
		},
		"record": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
			a.recorded = append(a.recorded, string(in))
			return in, nil
		},
	}
}

// until runs what is due before the time d after the start.
func (a *asked) until(d time.Duration) {
	a.t.Helper()
	for {
		at, ok := a.virtual.Next()
		if !ok || at.After(epoch.Add(d)) {
			a.virtual.Advance(epoch.Add(d).Sub(a.virtual.Now()))
			return
		}
		a.virtual.Step()
	}
}

func (a *asked) sends(what string, err, want error) {
	a.t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		a.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (a *asked) success(token, output string) error {
	return a.SendTaskSuccess(a.t.Context(), token, json.RawMessage(output))
}

func TestCallback(t *testing.T) {
	a := newAsked(t, approval)
	a.start("a", "{}")
	a.until(time.Minute)
	if d, err := a.Describe(t.Context(), "a"); err != nil || d.Status != asl.Running || len(a.tokens) != 1 || len(a.tokens[0]) > 1024 {
		t.Fatalf("%s, %v, tokens %q", d.Status, err, a.tokens)
	}
	token := a.tokens[0]
	a.sends("not JSON", a.success(token, "{"), engine.ErrInvalidOutput)
	a.sends("nothing", a.success(token, ""), engine.ErrInvalidOutput)
	a.sends("too large", a.success(token, `"`+strings.Repeat("x", asl.MaxData)+`"`), engine.ErrInvalidOutput)
	a.sends("no token", a.success("", "1"), engine.ErrInvalidToken)
	a.sends("no token", a.success(strings.Repeat("A", 2000), "1"), engine.ErrInvalidToken)
	a.sends("forged", a.success("A"+token[1:], "1"), engine.ErrInvalidToken)
	a.sends("of another execution", a.success(token+"AAAA", "1"), engine.ErrInvalidToken)
	a.sends("success", a.success(token, `{"ok": true}`), nil)
	for range 2 {
		a.sends("success again", a.success(token, "1"), engine.ErrTaskTimedOut)
		a.sends("failure afterwards", a.SendTaskFailure(t.Context(), token, "E", "c"), engine.ErrTaskTimedOut)
		a.sends("heartbeat afterwards", a.SendTaskHeartbeat(t.Context(), token), engine.ErrTaskTimedOut)
		if d := a.end("a"); d.Status != asl.Succeeded || string(d.Output) != `{"ok":true}` {
			t.Fatalf("ended %s %s", d.Status, d.Output)
		}
		a.sends("forged, after the end", a.success("A"+token[1:], "1"), engine.ErrInvalidToken)
	}
	want := "TaskScheduled TaskStarted TaskSubmitted TaskSucceeded"
	if got := strings.Join(a.types("a"), " "); !strings.Contains(got, want) {
		t.Errorf("history %s, want %s in it", got, want)
	}
}

// TestCallbackFails: each attempt has its own token, and those before are worth nothing.
func TestCallbackFails(t *testing.T) {
	a := newAsked(t, approval)
	a.start("a", "{}")
	a.until(time.Minute)
	a.sends("failure", a.SendTaskFailure(t.Context(), a.tokens[0], "Undecided", "ask again"), nil)
	a.until(2 * time.Minute)
	if len(a.tokens) != 2 || a.tokens[0] == a.tokens[1] {
		t.Fatalf("tokens %q", a.tokens)
	}
	a.sends("the first token", a.success(a.tokens[0], "1"), engine.ErrTaskTimedOut)
	a.sends("failure", a.SendTaskFailure(t.Context(), a.tokens[1], "Refused", "too dear"), nil)
	if d := a.end("a"); d.Status != asl.Failed || d.Error != "Refused" || d.Cause != "too dear" || d.State != "Approve" {
		t.Fatalf("ended %+v", d)
	}
	if err := a.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a.until(3 * time.Minute)
	a.sends("a token from before the redrive", a.success(a.tokens[1], "1"), engine.ErrTaskTimedOut)
	a.sends("the redrive's token", a.success(a.tokens[2], "1"), nil)
	if d := a.end("a"); d.Status != asl.Succeeded {
		t.Fatalf("redriven, ended %s", d.Status)
	}
}

// TestTheFunctionOfACallbackFails the state.
func TestTheFunctionOfACallbackFails(t *testing.T) {
	a := newAsked(t, approval)
	a.ask = func(context.Context, string) (json.RawMessage, error) { return nil, &engine.TaskError{Name: "NoMail"} }
	a.start("a", "{}")
	if d := a.end("a"); d.Status != asl.Failed || d.Error != "NoMail" {
		t.Fatalf("ended %s %s", d.Status, d.Error)
	}
	a.sends("success", a.success(a.tokens[0], "1"), engine.ErrTaskTimedOut)
}

// TestStoppedWhileItWaits for a callback.
func TestStoppedWhileItWaits(t *testing.T) {
	a := newAsked(t, approval)
	a.start("a", "{}")
	a.until(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Stop would wait for virtual time, which only this test moves
	_, _ = a.Stop(ctx, "a", "Why", "")
	a.end("a")
	a.sends("success", a.success(a.tokens[0], "1"), engine.ErrTaskTimedOut)
}

// TestCallbackBeforeTheReply lets the function answer its own token: in the middle of the execution, and as the last thing
// that happens in it, which ends the function's context.
func TestCallbackBeforeTheReply(t *testing.T) {
	last := strings.Replace(approval, `"Next": "Record",`, `"End": true,`, 1)
	last = strings.Replace(last, `"ResultPath": "$.answer", "Next": "Record"}]`, `"Next": "Record"}]`, 1)
	for name, definition := range map[string]string{"middle": approval, "last": last} {
		a := newAsked(t, definition)
		a.ask = func(ctx context.Context, token string) (json.RawMessage, error) {
			a.sends(name, a.SendTaskSuccess(ctx, token, json.RawMessage(`"at once"`)), nil)
			a.sends(name+", again", a.SendTaskSuccess(context.WithoutCancel(ctx), token, json.RawMessage(`2`)), engine.ErrTaskTimedOut)
			return json.RawMessage(`"mailed"`), nil
		}
		a.start("a", "{}")
		if d := a.end("a"); d.Status != asl.Succeeded || !strings.Contains(string(d.Output), "at once") {
			t.Errorf("%s: ended %s %s", name, d.Status, d.Output)
		}
		if got := strings.Join(a.types("a"), " "); strings.Contains(got, "TaskSubmitted") {
			t.Errorf("%s: history %s", name, got)
		}
	}
}

// TestATokenOutlivesCrashes: the holder of a token may answer it after a crash at any moment, of which the journal need have
// only what was durable. Then the deadline is still that of the first delivery.
func TestATokenOutlivesCrashes(t *testing.T) {
	for _, lucky := range []int{0, 1, 2, 5, 100} {
		a := newAsked(t, approval)
		a.ask = func(_ context.Context, token string) (json.RawMessage, error) {
			after := a.crashed(lucky)
			a.sends("during the delivery", after.SendTaskSuccess(t.Context(), token, json.RawMessage(`"early"`)), nil)
			if d := after.end("a"); string(d.Output) != `"early"` {
				t.Errorf("lucky %d: answered during the delivery, ended %s %s", lucky, d.Status, d.Output)
			}
			return json.RawMessage(`"mailed"`), nil
		}
		a.start("a", "{}")
		a.until(time.Minute)
		a.ask = func(context.Context, string) (json.RawMessage, error) { return nil, nil }
		b := &asked{perishable: a.crashed(lucky)}
		b.until(3599 * time.Second)
		a.sends("in time, after a crash", b.success(a.tokens[0], `"late"`), nil)
		if d := b.end("a"); d.Status != asl.Succeeded || string(d.Output) != `"late"` {
			t.Errorf("lucky %d: ended %s %s", lucky, d.Status, d.Output)
		}
	}
}

// TestTheDeadlineOutlivesCrashes.
func TestTheDeadlineOutlivesCrashes(t *testing.T) {
	for _, c := range []struct {
		definition string
		beats      []time.Duration
		end        time.Duration
		err        string
	}{
		{approval, nil, time.Hour, asl.ErrTimeout},
		{beating, []time.Duration{50 * time.Second, 100 * time.Second}, 160 * time.Second, asl.ErrHeartbeatTimeout},
	} {
		a := newAsked(t, c.definition)
		a.start("a", "{}")
		for _, at := range c.beats {
			a.until(at)
			a.sends("heartbeat", a.SendTaskHeartbeat(t.Context(), a.tokens[0]), nil)
			a.perishable = a.crashed(0)
		}
		a.until(c.end - time.Second)
		a.perishable = a.crashed(0)
		d := a.end("a")
		if took := d.Stopped.Sub(d.Started); took != c.end || !slices.Equal(a.recorded, []string{`{"Cause":"","Error":"` + c.err + `"}`}) {
			t.Errorf("ended %s after %s, recorded %q, want %s after %s", d.Status, took, a.recorded, c.err, c.end)
		}
		if len(c.beats) > 0 && len(a.tokens) != 1 {
			t.Errorf("asked %d times, although the reply was durable", len(a.tokens))
		}
		a.sends("too late", a.success(a.tokens[0], "1"), engine.ErrTaskTimedOut)
		a.sends("too late", a.SendTaskHeartbeat(t.Context(), a.tokens[0]), engine.ErrTaskTimedOut)
	}
}

// TestTheDeadlineIsOverBeforeTheRestart: an answer cannot overtake the time-out of a state that ended while no process ran.
func TestTheDeadlineIsOverBeforeTheRestart(t *testing.T) {
	for definition, ended := range map[string]string{approval: asl.ErrTimeout, beating: asl.ErrHeartbeatTimeout} {
		a := newAsked(t, definition)
		a.start("a", "{}")
		a.until(50 * time.Second)
		a.virtual.Advance(time.Hour)
		after := a.crashed(0)
		a.sends("success, immediately after the restart", after.SendTaskSuccess(t.Context(), a.tokens[0], json.RawMessage(`"late"`)), engine.ErrTaskTimedOut)
		a.sends("heartbeat, immediately after the restart", after.SendTaskHeartbeat(t.Context(), a.tokens[0]), engine.ErrTaskTimedOut)
		if d := after.end("a"); !strings.Contains(string(d.Output), ended) {
			t.Errorf("ended %s %s, want %s", d.Status, d.Output, ended)
		}
	}
}

// TestAnAcknowledgedCallbackOutlivesCrashes crashes right after the acknowledgement.
func TestAnAcknowledgedCallbackOutlivesCrashes(t *testing.T) {
	a := newAsked(t, approval)
	a.start("a", "{}")
	a.until(time.Minute)
	a.sends("success", a.success(a.tokens[0], `"yes"`), nil)
	after := a.crashed(0)
	a.sends("again, after a crash", after.SendTaskFailure(t.Context(), a.tokens[0], "Refused", ""), engine.ErrTaskTimedOut)
	if d := after.end("a"); d.Status != asl.Succeeded || string(d.Output) != `"yes"` {
		t.Errorf("after a crash: %s %s", d.Status, d.Output)
	}
}

// TestOneOfManyAnswersWins lets callbacks of all kinds meet the time-out at one instant, in many orders.
func TestOneOfManyAnswersWins(t *testing.T) {
	won := map[string]int{}
	for seed := range uint64(60) {
		a := newAsked(t, approval)
		a.virtual.Shuffle(rand.New(rand.NewPCG(seed, 1)))
		a.start("a", "{}")
		a.until(time.Minute)
		var winners []string
		for _, answer := range []string{`"yes"`, `"no"`, `"perhaps"`} {
			a.virtual.AfterFunc(epoch.Add(time.Hour).Sub(a.virtual.Now()), func() {
				if err := a.success(a.tokens[0], answer); err == nil {
					winners = append(winners, answer)
				} else if !errors.Is(err, engine.ErrTaskTimedOut) {
					t.Error(err)
				}
			})
		}
		a.end("a")
		if len(winners) == 0 {
			winners = []string{`{"Cause":"","Error":"States.Timeout"}`}
		}
		if !slices.Equal(winners, a.recorded) {
			t.Errorf("seed %d: %q were acknowledged, %q recorded", seed, winners, a.recorded)
		}
		won[winners[0]]++
	}
	if len(won) != 4 {
		t.Errorf("winners %v, want each of the four at times", won)
	}
}

// TestTheFunctionAfterItsCallback: a success leaves its context alone, a failure ends it, and what has not begun is not called.
func TestTheFunctionAfterItsCallback(t *testing.T) {
	a := newAsked(t, approval)
	var after, failed error
	a.ask = func(ctx context.Context, token string) (json.RawMessage, error) {
		if len(a.tokens) == 1 {
			a.sends("failure", a.SendTaskFailure(ctx, token, "Undecided", ""), nil)
			failed = ctx.Err()
			return nil, nil
		}
		a.sends("success", a.SendTaskSuccess(ctx, token, json.RawMessage("1")), nil)
		after = ctx.Err()
		return nil, nil
	}
	a.start("a", "{}")
	a.until(2 * time.Second)
	if len(a.tokens) != 2 || failed == nil || after != nil {
		t.Errorf("asked %d times; after a failure the context is %v, after a success %v", len(a.tokens), failed, after)
	}
	pause := strings.Replace(approval, `"Next": "Record",`, `"Next": "Pause",`, 1)
	a = newAsked(t, strings.Replace(pause, `"Record": {`, `"Pause": {"Type": "Wait", "Seconds": 9, "Next": "Record"}, "Record": {`, 1))
	a.start("a", "{}")
	for len(a.tokens) == 0 {
		a.virtual.Step()
	}
	b := &asked{perishable: a.crashed(0)}
	b.sends("success", b.success(a.tokens[0], "1"), nil)
	if b.end("a"); len(a.tokens) != 1 {
		t.Errorf("asked %d times, the last time after the answer", len(a.tokens))
	}
}

// TestCallbackJournalFaults lets every write fail once, before or after its effect.
func TestCallbackJournalFaults(t *testing.T) {
	for name, fault := range journalFaults {
		for n := 1; callbackFault(t, name, n, fault); n++ {
		}
	}
}

func callbackFault(t *testing.T, name string, n int, fault tablefaulty.Fault) (hit bool) {
	t.Helper()
	writes := 0
	a := newAsked(t, beating)
	a.opt.Table = tablefaulty.Wrap(a.opt.Table, func(op tablefaulty.Op) tablefaulty.Fault {
		if op.Kind != tablefaulty.Transact || op.Ops[0].Key.PK == "MACHINE#test" {
			return tablefaulty.Fault{}
		}
		if writes++; writes != n {
			return tablefaulty.Fault{}
		}
		hit = true
		return fault
	})
	a.reopen()
	for a.Start(t.Context(), "a", json.RawMessage("{}")) != nil { // its outcome is unknown: the caller tries again
	}
	a.until(30 * time.Second)
	what := fmt.Sprintf("%s at write %d", name, n)
	a.sends(what, a.SendTaskHeartbeat(t.Context(), a.tokens[0]), nil)
	a.sends(what, a.success(a.tokens[0], `"yes"`), nil)
	if d := a.end("a"); string(d.Output) != `"yes"` || !slices.Equal(a.recorded, []string{`"yes"`}) {
		t.Errorf("%s: ended %s %s, recorded %q", what, d.Status, d.Output, a.recorded)
	}
	return hit
}

// TestAnAnswerByAnotherEngine lets another engine, which took the execution over, accept another answer before each call that
// ours makes to the table.
func TestAnAnswerByAnotherEngine(t *testing.T) {
	for n := 1; answeredElsewhere(t, n); n++ {
	}
}

func answeredElsewhere(t *testing.T, n int) (hit bool) {
	t.Helper()
	a := newAsked(t, approval)
	plain, calls := a.opt.Table, -1<<40
	other := &asked{perishable: &perishable{bench: &bench{t: t, virtual: a.virtual, opt: a.opt}}}
	var theirs error
	a.opt.Table = tablefaulty.Wrap(plain, func(tablefaulty.Op) tablefaulty.Fault {
		if calls++; calls != n {
			return tablefaulty.Fault{}
		}
		hit = true
		return tablefaulty.CrashBefore(func() {
			other.reopen()
			theirs = other.success(a.tokens[0], `"theirs"`)
		})
	})
	a.reopen()
	a.start("a", "{}")
	a.until(time.Minute)
	calls = 0
	ours := a.success(a.tokens[0], `"ours"`)
	calls = -1 << 40
	a.virtual.Run()
	if hit {
		other.virtual.Run()
	}
	d, err := a.Describe(t.Context(), "a")
	want := map[[2]bool]string{{true, false}: `"ours"`, {false, true}: `"theirs"`, {true, true}: "one of them"}[[2]bool{ours == nil, hit && theirs == nil}]
	if err != nil || string(d.Output) != want {
		t.Errorf("call %d: ours %v, theirs %v; ended %s %s, want %s, %v", n, ours, theirs, d.Status, d.Output, want, err)
	}
	return hit
}

// TestTheWriteOfACallbackFailsForGood, and its sender does not wait for ever.
func TestTheWriteOfACallbackFailsForGood(t *testing.T) {
	eng, token := writesNever(t, tablefaulty.Before(&table.Conflict{}))
	if err := eng.SendTaskSuccess(t.Context(), token, json.RawMessage(`"never"`)); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sent: %v, want ErrClosed", err)
	}
	if err := eng.SendTaskSuccess(t.Context(), token, json.RawMessage(`"yes"`)); err != nil {
		t.Errorf("sent again: %v", err)
	}
	if d, err := eng.Wait(t.Context(), "a"); err != nil || string(d.Output) != `"yes"` {
		t.Errorf("ended %s %s, %v", d.Status, d.Output, err)
	}
}

// writesNever opens an engine in real time, whose writes meet the fault when they have the text never. Its execution "a" has
// handed out the token.
func writesNever(t *testing.T, fault tablefaulty.Fault) (eng *engine.Engine, token string) {
	t.Helper()
	a := &asked{}
	tokens := make(chan string, 2)
	a.ask = func(_ context.Context, token string) (json.RawMessage, error) { tokens <- token; return nil, nil }
	faulty := tablefaulty.Wrap(tabletest.NewMemory(), func(op tablefaulty.Op) tablefaulty.Fault {
		if op.Kind != tablefaulty.Transact || !strings.Contains(string(op.Ops[0].Item.Data), "never") {
			return tablefaulty.Fault{}
		}
		return fault
	})
	eng, err := engine.Open(t.Context(), engine.Options{Name: "test", Definition: []byte(approval), Tasks: a.tasks(), Table: faulty})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eng.Close(context.Background()) })
	if err := eng.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	return eng, <-tokens
}

// TestCloseWhileACallbackIsWritten.
func TestCloseWhileACallbackIsWritten(t *testing.T) {
	writing, sent := make(chan struct{}), make(chan error)
	eng, token := writesNever(t, tablefaulty.Delay(func(ctx context.Context) error { close(writing); <-ctx.Done(); return ctx.Err() }))
	go func() { sent <- eng.SendTaskSuccess(t.Context(), token, json.RawMessage(`"never"`)) }()
	<-writing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = eng.Close(ctx)
	if err := <-sent; !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sent: %v, want ErrClosed", err)
	}
	if err := eng.SendTaskSuccess(t.Context(), token, json.RawMessage("1")); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sent afterwards: %v, want ErrClosed", err)
	}
}

// TestCallbacksInRealTime come from many goroutines at once.
func TestCallbacksInRealTime(t *testing.T) {
	a := &asked{}
	tokens := make(chan string, 1)
	a.ask = func(_ context.Context, token string) (json.RawMessage, error) { tokens <- token; return nil, nil }
	eng, err := engine.Open(t.Context(), engine.Options{Name: "test", Definition: []byte(beating), Tasks: a.tasks(), Table: tabletest.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close(context.Background())
	if err := eng.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	token := <-tokens
	var won atomic.Int64
	var senders sync.WaitGroup
	for range 20 {
		senders.Go(func() {
			err := eng.SendTaskSuccess(t.Context(), token, json.RawMessage("1"))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, engine.ErrTaskTimedOut) {
				t.Error(err)
			}
		})
	}
	d, err := eng.Wait(t.Context(), "a")
	senders.Wait()
	if err != nil || d.Status != asl.Succeeded || won.Load() != 1 {
		t.Errorf("%s, %v, %d acknowledged", d.Status, err, won.Load())
	}
}
