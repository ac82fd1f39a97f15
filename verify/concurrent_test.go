package verify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify/story"
	"tripsaga/verify/world"
)

const parcelDefinition = `{"StartAt": "Reserve", "States": {
  "Reserve": {"Type": "Parallel", "Next": "Ask", "ResultPath": null, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Undo"}], "Branches": [
    {"StartAt": "Pack", "States": {"Pack": {"Type": "Task", "Resource": "${Pack}", "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"]}], "End": true}}},
    {"StartAt": "Book", "States": {"Book": {"Type": "Task", "Resource": "${Book}", "TimeoutSeconds": 30, "Retry": [{"ErrorEquals": ["States.ALL"]}], "End": true}}}]},
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Parameters": {"FunctionName": "${Ask}", "Payload": {"token.$": "$$.Task.Token"}},
    "TimeoutSeconds": 7200, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Undo"}], "End": true},
  "Undo": {"Type": "Parallel", "Next": "Failed", "ResultPath": null, "Branches": [
    {"StartAt": "Unpack", "States": {"Unpack": {"Type": "Task", "Resource": "${Unpack}", "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}], "End": true}}},
    {"StartAt": "Unbook", "States": {"Unbook": {"Type": "Task", "Resource": "${Unbook}", "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}], "End": true}}}]},
  "Failed": {"Type": "Fail", "Error": "NotSent"}
}}`

// theParcel has states that run concurrently, and one that waits for an answer.
func theParcel() Saga {
	token := table.Key{PK: "PARCEL", SK: "TOKEN"}
	answer := func(how func(context.Context, *engine.Engine, string) error) []Act {
		return []Act{{Name: "Boss", After: time.Hour, Do: func(ctx context.Context, p *Program) error {
			item, ok, err := p.Table.Get(ctx, token)
			if err == nil && !ok {
				err = errors.New("nobody has asked")
			}
			if err != nil {
				return err
			}
			return how(ctx, p.Engine, string(item.Data))
		}}}
	}
	return Saga{
		Definition: []byte(parcelDefinition),
		Open: func(p *Program) map[string]engine.Task {
			do := func(what string) engine.Task {
				return func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
					_, err := barrier.Do(ctx, p.Table, barrier.Step{Key: table.Key{PK: "PARCEL", SK: what}}, func(context.Context) (barrier.Effect[int], error) { return barrier.Effect[int]{}, nil })
					return nil, err
				}
			}
			undo := func(what string) engine.Task {
				return func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
					_, err := barrier.Undo(ctx, p.Table, table.Key{PK: "PARCEL", SK: what}, func(_ context.Context, n int) (int, []table.Op, bool, error) { return n, nil, true, nil })
					return nil, err
				}
			}
			return map[string]engine.Task{
				"Pack": do("PACK"), "Book": do("BOOK"), "Unpack": undo("PACK"), "Unbook": undo("BOOK"),
				"Ask": func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					var asked struct{ Token string }
					if err := json.Unmarshal(in, &asked); err != nil {
						return nil, err
					}
					return nil, p.Table.Transact(ctx, table.Put(table.Item{Key: token, Data: []byte(asked.Token)}, table.None))
				},
			}
		},
		Scenarios: []Scenario{
			{Name: "yes", Inputs: []any{1}, Acts: answer(func(ctx context.Context, e *engine.Engine, token string) error {
				return e.SendTaskSuccess(ctx, token, json.RawMessage("1"))
			})},
			{Name: "no", Inputs: []any{1}, Acts: answer(func(ctx context.Context, e *engine.Engine, token string) error {
				return e.SendTaskFailure(ctx, token, "Refused", "")
			})},
			{Name: "nobody", Inputs: []any{1}},
		},
		Words: map[string]string{"Pack": "the parcel was packed", "Boss": "the boss"},
	}
}

// TestStoriesOfConcurrentStates: retries, time-outs and answers are those of the branch and of the state that they belong to.
func TestStoriesOfConcurrentStates(t *testing.T) {
	p, err := theParcel().prepare()
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Subject: p.subject()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for id, wants := range map[string][]string{
		"yes:A.Ask#1=mute": {"    1.0 h  The boss called the program.", "    1.0 h  Ask: it succeeded, and no reply came in 1.0 h.", "In the end A is SUCCEEDED."},
		"no":               {"    1.0 h  Ask was answered with Refused, and the saga continued with Unpack: it succeeded.\n     1.0 h  The saga continued with Unbook: it succeeded."},
		"nobody":           {"    2.0 h  Ask got no answer in 2.0 h, and the saga continued with Un"},
		"yes:A.Ask#1=die":  {"    2.0 h  The failure was caught, and the saga continued with Un"},
		"yes:A.Pack#1=mute,A.Book#1=die": {
			"      10 s  Pack: the parcel was packed, and no reply came in 10 s.\n", "      11 s  Pack was retried 3 times over 37 s, each time with the same outcome: the parcel was packed, and no reply came in 10 s.\n",
			"      30 s  Book: no reply came in 30 s.\n", "      31 s  Book was retried after 31 s: it succeeded.\n", "      47 s  The 3 retries of Pack ended without success, and the saga continued with Un",
		},
	} {
		s, err := w.Subject().ParseSchedule(id)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := w.Trace(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		text := story.Text(w.Subject(), trace)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
}
