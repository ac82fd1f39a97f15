package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	tablefaulty "tripsaga/table/faulty"
	"tripsaga/table/tabletest"
)

const asks = `{"StartAt": "Ask", "States": {
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "TimeoutSeconds": 3600,
    "Parameters": {"FunctionName": "ask", "Payload.$": "$$.Task.Token"}, "Next": "Ship",
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Ship"}]},
  "Ship": {"Type": "Task", "Resource": "ship", "End": true}}}`

var began = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// TestCallbacksUnderFaults: somebody answers after ten minutes, and once more when the answer to that is an error that leaves
// the outcome open.
func TestCallbacksUnderFaults(t *testing.T) {
	open := engine.ErrNoReply
	for plan, want := range map[string]struct {
		at      time.Duration // of the shipment
		shipped string
		heard   []error // by the sender
	}{
		"":                                    {10 * time.Minute, `"yes"`, []error{nil}},
		"SendTaskSuccess#1.reply=lost":        {10 * time.Minute, `"yes"`, []error{open, engine.ErrTaskTimedOut}},
		"SendTaskSuccess#1=die":               {11 * time.Minute, `"yes"`, []error{open, nil}},
		"SendTaskSuccess#*=die":               {time.Hour, "States.Timeout", []error{open, open}},
		"SendTaskSuccess#1=twice":             {10 * time.Minute, `"yes"`, []error{engine.ErrTaskTimedOut}},
		"SendTaskSuccess#1=again@5m":          {10 * time.Minute, `"yes"`, []error{nil}},
		"SendTaskSuccess#*=late@20m":          {30 * time.Minute, `"yes"`, []error{open, open}},
		"SendTaskSuccess#*=late@2h":           {time.Hour, "States.Timeout", []error{open, open}},
		"a.SendTaskSuccess#1.reply=fail:Slow": {10 * time.Minute, `"yes"`, []error{errors.New("Slow: injected")}},
		"b.SendTaskSuccess#*=die":             {10 * time.Minute, `"yes"`, []error{nil}},
	} {
		faults, err := sim.ParsePlan(plan)
		if err != nil {
			t.Fatal(err)
		}
		clock := sim.NewClock(began)
		var sender sim.Sender
		var heard []error
		var shipped []string
		answer := func(token string) error {
			err := sender.SendTaskSuccess(context.Background(), token, json.RawMessage(`"yes"`))
			heard = append(heard, err)
			return err
		}
		tasks := map[string]engine.Task{
			"ask": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
				token := strings.Trim(string(in), `"`)
				clock.AfterFunc(10*time.Minute, func() {
					if errors.Is(answer(token), open) && clock.Sleep(time.Minute) {
						_ = answer(token)
					}
				})
				return nil, nil
			},
			"ship": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
				shipped = append(shipped, clock.Now().Sub(began).String()+" "+string(in))
				return nil, nil
			},
		}
		eng, err := engine.Open(t.Context(), engine.Options{
			Name: "test", Definition: []byte(asks), Tasks: tasks, Table: tabletest.NewMemory(), Scheduler: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		sender = sim.Callbacks(eng, clock, faults.Decide)
		if err := eng.Start(t.Context(), "a", json.RawMessage(`{}`)); err != nil {
			t.Fatal(err)
		}
		for clock.Step() {
		}
		clock.Close()
		if len(shipped) != 1 || !strings.HasPrefix(shipped[0], want.at.String()+" ") || !strings.Contains(shipped[0], want.shipped) {
			t.Errorf("%q: shipped %q, want once after %s: %s", plan, shipped, want.at, want.shipped)
		}
		for i := range max(len(heard), len(want.heard)) {
			if i >= len(heard) || i >= len(want.heard) || !errors.Is(heard[i], want.heard[i]) && heard[i].Error() != want.heard[i].Error() {
				t.Errorf("%q: the sender heard %v, want %v", plan, heard, want.heard)
				break
			}
		}
	}
}

// TestASenderLeavesTheThreadToOthers: its answer, which cannot be written for a while, waits for virtual time.
func TestASenderLeavesTheThreadToOthers(t *testing.T) {
	clock := sim.NewClock(began)
	defer clock.Close()
	var eng *engine.Engine
	var token string
	var told []string
	tell := func(what string) { told = append(told, clock.Now().Sub(began).String()+" "+what) }
	answer := func() {
		err := eng.SendTaskSuccess(context.Background(), token, json.RawMessage(`"yes"`))
		tell("answered, " + map[bool]string{true: "acknowledged", false: "refused"}[err == nil])
	}
	failures := 0
	store := tablefaulty.Wrap(tabletest.NewMemory(), func(op tablefaulty.Op) tablefaulty.Fault {
		switch {
		case op.Kind != tablefaulty.Transact:
		case strings.Contains(string(op.Ops[0].Item.Data), `"submitted"`):
			clock.Go(answer)
		case strings.Contains(string(op.Ops[0].Item.Data), `"yes"`) && failures < 3:
			failures++
			return tablefaulty.Before(errors.New("connection reset"))
		}
		return tablefaulty.Fault{}
	})
	eng, err := engine.Open(t.Context(), engine.Options{
		Name: "test", Definition: []byte(asks), Table: store, Scheduler: clock, Tasks: map[string]engine.Task{
			"ask": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
				token = strings.Trim(string(in), `"`)
				return nil, nil
			},
			"ship": func(context.Context, json.RawMessage) (json.RawMessage, error) { tell("shipped"); return nil, nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Start(t.Context(), "a", json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	clock.AfterFunc(time.Millisecond, func() { tell("somebody else") })
	for clock.Step() {
	}
	if got := strings.Join(told, "; "); got != "1ms somebody else; 140ms shipped; 140ms answered, acknowledged" {
		t.Errorf("told: %s", got)
	}
}

// onThreads is a scheduler for senders that run on threads, such as an explorer's actors.
type onThreads struct {
	*sim.Virtual
	threads sim.Threads
}

func (s *onThreads) Await(begin func(done func())) bool {
	if s.threads.Running() == nil {
		return s.Virtual.Await(begin)
	}
	return s.threads.Await(s.Virtual, begin)
}

// TestACallbackAtAnyPoint sends an answer in the middle of each call that the engine makes to its table, in front of the time-out
// and after it: it waits for the worker, in whose call it runs, to be done.
func TestACallbackAtAnyPoint(t *testing.T) {
	acknowledged, refused := 0, 0
	for n := 1; ; n++ {
		s := &onThreads{Virtual: sim.NewVirtual(began)}
		var eng *engine.Engine
		var token, shipped string
		calls, answered := 0, false
		var err error
		answer := func() {
			err = eng.SendTaskSuccess(context.Background(), token, json.RawMessage(`"yes"`))
			answered = true
		}
		store := tablefaulty.Wrap(tabletest.NewMemory(), func(tablefaulty.Op) tablefaulty.Fault {
			if token == "" {
				return tablefaulty.Fault{}
			}
			if calls++; calls == n {
				s.threads.Start(answer)
			}
			return tablefaulty.Fault{}
		})
		eng, openErr := engine.Open(t.Context(), engine.Options{
			Name: "test", Definition: []byte(asks), Table: store, Scheduler: s, Tasks: map[string]engine.Task{
				"ask": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
					token = strings.Trim(string(in), `"`)
					return nil, nil
				},
				"ship": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
					shipped += string(in)
					return nil, nil
				},
			},
		})
		if openErr != nil {
			t.Fatal(openErr)
		}
		if err := eng.Start(t.Context(), "a", json.RawMessage(`{}`)); err != nil {
			t.Fatal(err)
		}
		s.Run()
		hit := calls >= n
		s.threads.Close()
		if !hit {
			break
		}
		want := `"yes"`
		if errors.Is(err, engine.ErrTaskTimedOut) {
			want, refused = `{"failure":{"Cause":"","Error":"States.Timeout"}}`, refused+1
		} else {
			acknowledged++
		}
		if !answered || err != nil && !errors.Is(err, engine.ErrTaskTimedOut) || shipped != want {
			t.Errorf("at call %d: answered %v, %v, shipped %s, want %s", n, answered, err, shipped, want)
		}
	}
	if acknowledged == 0 || refused == 0 {
		t.Errorf("%d answers acknowledged, %d refused, want some of both", acknowledged, refused)
	}
}
