package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify/story"
	"tripsaga/verify/world"
)

// sending is the sale with another task Send.
func sending(send func(deliveries int)) Saga {
	s := theSale()
	s.Scenarios, s.Depth, s.Workers = s.Scenarios[:1], 1, 1
	open := s.Open
	s.Open = func(p *Program) map[string]engine.Task {
		n, tasks := 0, open(p)
		right := tasks["Send"]
		tasks["Send"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			n++
			send(n)
			return right(ctx, in)
		}
		return tasks
	}
	return s
}

// TestATaskThatHangs: the first schedule in which a task does not return ends the test within its patience, and names the task.
func TestATaskThatHangs(t *testing.T) {
	const want = "A.Send#1 has not returned for 10s, by the clock."
	for name, hangs := range map[string]int{"always": 1, "second delivery": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang, began := make(chan struct{}), time.Now()
				defer close(hang)
				p, err := sending(func(n int) {
					if n == hangs {
						<-hang
					}
				}).prepare()
				if err != nil {
					t.Fatal(err)
				}
				cfg := p.config()
				err = p.play(t.Context(), cfg)
				if hangs > 1 && err == nil {
					err = foundBy(t, p, cfg)
				}
				if err == nil || !strings.Contains(err.Error(), strings.Replace(want, "A.Send#1 ", "", 1)) || !strings.Contains(err.Error(), "Send must not wait") {
					t.Errorf("%v, want %q", err, want)
				}
				if hangs == 1 && !strings.HasPrefix(err.Error(), "scenario sold: "+want) {
					t.Errorf("%v, want %q", err, want)
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("it took %s by the clock", took)
				}
			})
		})
	}
}

// foundBy explores, and returns what a failure shows as an error.
func foundBy(t *testing.T, p *prepared, cfg world.Config) error {
	r, _, err := p.run(t.Context(), cfg)
	if err != nil {
		return err
	}
	text, err := shortest(t.Context(), cfg, r, t.Name())
	if err != nil {
		return err
	}
	if !strings.Contains(text, "Schedule    sold:A.Send#1") || !strings.Contains(text, "\nAgain: VERIFY_REPLAY='sold:A.Send#1=twice' go test -v -run '^TestATaskThatHangs$/^second_delivery$' tripsaga/verify\n") {
		t.Errorf("no schedule in\n%s", text)
	}
	return fmt.Errorf("%s", text)
}

// asking asks until somebody has made it ready.
const asking = `{"StartAt": "Reserve", "States": {
  "Reserve": {"Type": "Task", "Resource": "${Reserve}", ` + patient + `, "ResultPath": "$.is", "Next": "Ready"},
  "Ready": {"Type": "Choice", "Choices": [{"Variable": "$.is.ready", "BooleanEquals": true, "Next": "Done"}], "Default": "Pause"},
  "Pause": {"Type": "Wait", "Seconds": 600, "Next": "Reserve"},
  "Done": {"Type": "Succeed"}}}`

func theAsking(writes bool) Saga {
	ready, asked := table.Key{PK: "READY", SK: "READY"}, table.Key{PK: "ASKED", SK: "ASKED"}
	return Saga{
		Definition: []byte(asking),
		Open: func(p *Program) map[string]engine.Task {
			return map[string]engine.Task{"Reserve": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				_, ok, err := p.Table.Get(ctx, ready)
				if err == nil && writes {
					err = p.Table.Transact(ctx, table.Add(asked, "asked", 1, 0))
				}
				return fmt.Appendf(nil, `{"ready": %t}`, ok), err
			}}
		},
		Load: func(ctx context.Context, t table.Table) error {
			return t.Transact(ctx, table.Put(table.Item{Key: asked, Ints: map[string]int64{"asked": 0}}, table.None))
		},
		Statistics: []string{"asked"},
		Scenarios: []Scenario{{Name: "one", Inputs: []any{order{ID: "1"}}, Acts: []Act{{Name: "Prepare", After: 15 * time.Minute, Do: func(ctx context.Context, p *Program) error {
			return p.Table.Transact(ctx, table.Put(table.Item{Key: ready}, table.None))
		}}}}},
	}
}

// TestALoopWaitsForALateCall: a saga that asks again and again comes to its end, also when the call that it waits for resumes at
// the end. The story counts how often it has asked.
func TestALoopWaitsForALateCall(t *testing.T) {
	r, cfg := exploreSaga(t, theAsking(false))
	if r.Found > 0 {
		t.Errorf("%d violations: %v", r.Found, r.Violations[:min(3, r.Found)])
	}
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := cfg.Subject.ParseSchedule("one:Prepare#1.put1=late@end")
	if err != nil {
		t.Fatal(err)
	}
	trace, err := w.Trace(t.Context(), s)
	if err != nil || Missed(s, trace.Result) != nil || len(trace.Violations) > 0 {
		t.Fatalf("%v, %v", err, trace.Violations)
	}
	if text := story.Short(cfg.Subject, trace, ""); !strings.Contains(text, "then Reserve 49 times;") {
		t.Error(text)
	}
	if r := played(t, theAsking(true), s.String()); r.Stuck {
		t.Errorf("a loop that writes: %v", r.Violations)
	}
}

// TestTooLongComesLast: of one schedule, what went wrong comes before how long that took, which says what was counted.
func TestTooLongComesLast(t *testing.T) {
	s := theSale()
	s.Definition = []byte(`{"StartAt": "Reserve", "States": {
	  "Reserve": {"Type": "Task", "Resource": "${Reserve}", "TimeoutSeconds": 10, "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Long"}]},
	  "Long": {"Type": "Wait", "Seconds": 345600, "Next": "Release"},
	  "Release": {"Type": "Task", "Resource": "${Release}", ` + patient + `, "Next": "Failed"},
	  "Failed": {"Type": "Fail", "Error": "SaleFailed"}}}`)
	s.Rest, s.Amounts, s.Refusals, s.Compensations = nil, nil, nil, map[string]string{"Reserve": "Release"}
	s.Scenarios = s.Scenarios[:1]
	s.Scenarios[0].Acts = []Act{{Name: "Nag", Do: func(context.Context, *Program) error { return fmt.Errorf("no") }}}
	r, _ := exploreSaga(t, s)
	long := slices.IndexFunc(r.Violations, func(v Violation) bool { return v.Invariant == world.InTime && v.ID == "sold:A.Reserve#1=fail" })
	if long < 1 || r.Violations[long-1].ID != r.Violations[long].ID || r.Violations[long-1].Invariant != outcomeKept {
		t.Fatalf("%d of %v", long, r.Violations)
	}
	const want = "it took 96h0m0s, though no fault outlasted the retries; allowed are 1h0m0s and the 68h15m0s that faults and other people let pass"
	if got := r.Violations[long].Detail; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestNoCatchHelps: the message names an input that does not fit, where a Catch would change nothing.
func TestNoCatchHelps(t *testing.T) {
	s := theSale()
	s.Definition, s.Compensations = []byte(mapped), map[string]string{"Charge": "Refund"}
	s.Scenarios = []Scenario{{Name: "none", Inputs: []any{basket{}}}}
	told := 0
	for _, v := range played(t, s, "none").Violations {
		if v.Invariant != stopsThere && v.Invariant != sagaEnded {
			continue
		}
		if told++; !strings.Contains(v.Detail, "at Items with States.Runtime, which no Catch and no Retry matches") {
			t.Errorf("%s: %s", v.Invariant, v.Detail)
		}
	}
	if told < 2 {
		t.Errorf("%d violations speak of it", told)
	}
}
