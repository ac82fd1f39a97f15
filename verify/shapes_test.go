package verify

import (
	"context"
	"encoding/json"
	"testing"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table"
)

const patient = `"TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20, "MaxDelaySeconds": 60}]`

// mapped charges a card for each item in a Map state, and refunds each if one fails.
const mapped = `{"StartAt": "Items", "States": {
  "Items": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null, "Next": "Send",
    "ItemProcessor": {"StartAt": "Charge", "States": {"Charge": {"Type": "Task", "Resource": "${Charge}", "TimeoutSeconds": 10, "End": true,
      "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}]}}},
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Undo"}]},
  "Send": {"Type": "Task", "Resource": "${Send}", ` + patient + `, "End": true},
  "Undo": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null, "Next": "Failed",
    "ItemProcessor": {"StartAt": "Refund", "States": {"Refund": {"Type": "Task", "Resource": "${Refund}", ` + patient + `, "End": true}}}},
  "Failed": {"Type": "Fail", "Error": "SaleFailed"}}}`

// anotherWay pays by card, and by wallet if the card does not work.
const anotherWay = `{"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "${Charge}", "TimeoutSeconds": 10, "ResultPath": null, "Next": "Send",
    "Retry": [{"ErrorEquals": ["Declined"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Refund"}]},
  "Refund": {"Type": "Task", "Resource": "${Refund}", "ResultPath": null, ` + patient + `, "Next": "Reserve"},
  "Reserve": {"Type": "Task", "Resource": "${Reserve}", "ResultPath": null, ` + patient + `, "Next": "Send"},
  "Send": {"Type": "Task", "Resource": "${Send}", "ResultPath": null, ` + patient + `, "Next": "Enough"},
  "Enough": {"Type": "Choice", "Choices": [{"Variable": "$.cents", "NumericGreaterThan": 50, "Next": "Wait"}], "Default": "Sent"},
  "Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Later"},
  "Later": {"Type": "Task", "Resource": "${Release}", "ResultPath": null, ` + patient + `, "Next": "Sent"},
  "Sent": {"Type": "Succeed"}}}`

type basket struct {
	Items []order `json:"items"`
}

// TestShapes: sagas of other shapes pass, and are found when they are broken.
func TestShapes(t *testing.T) {
	two := basket{[]order{{"1", "good", 100}, {"2", "good", 100}}}
	bad := basket{[]order{{"1", "good", 100}, {"2", "bad", 100}}}
	later := func(tasks map[string]engine.Task, p *Program) map[string]engine.Task {
		tasks["Release"] = task(func(ctx context.Context, o order) error {
			_, err := barrier.Do(ctx, p.Table, o.step("LATER"), func(context.Context) (barrier.Effect[int], error) {
				return barrier.Effect[int]{Ops: []table.Op{table.Add(table.Key{PK: "STATISTICS", SK: "SOLD"}, "sold", 1, 0)}}, nil
			})
			return err
		})
		return tasks
	}
	for name, test := range map[string]struct {
		change func(s *Saga)
		broken bool
	}{
		"map": {func(s *Saga) {
			s.Definition, s.Compensations = []byte(mapped), map[string]string{"Charge": "Refund"}
			s.Scenarios = []Scenario{{Name: "both", Inputs: []any{two}}, {Name: "bad", Inputs: []any{bad}, Fails: "SaleFailed"}}
		}, false},
		"map without a refund": {func(s *Saga) {
			s.Definition, s.Compensations = []byte(mapped), map[string]string{"Charge": "Refund"}
			s.Scenarios = []Scenario{{Name: "bad", Inputs: []any{bad}, Fails: "SaleFailed"}}
			open := s.Open
			s.Open = func(p *Program) map[string]engine.Task {
				tasks := open(p)
				refund := tasks["Refund"]
				tasks["Refund"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					if info, _ := engine.InfoOf(ctx); info.Attempt > 0 {
						return nil, nil
					}
					return refund(ctx, in)
				}
				return tasks
			}
		}, true},
		"another way": {func(s *Saga) {
			s.Definition, s.Compensations, s.Optional = []byte(anotherWay), map[string]string{"Charge": "Refund"}, []string{"Charge"}
			s.Scenarios = []Scenario{{Name: "card", Inputs: []any{order{"1", "good", 100}}}, {Name: "wallet", Inputs: []any{order{"1", "bad", 20}}}}
			open := s.Open
			s.Open = func(p *Program) map[string]engine.Task { return later(open(p), p) }
		}, false},
		"another way, not back": {func(s *Saga) {
			s.Definition, s.Compensations, s.Optional = []byte(anotherWay), map[string]string{"Charge": "Refund"}, []string{"Charge"}
			s.Scenarios = []Scenario{{Name: "card", Inputs: []any{order{"1", "good", 100}}}, {Name: "wallet", Inputs: []any{order{"1", "bad", 20}}}}
			open := s.Open
			s.Open = func(p *Program) map[string]engine.Task {
				tasks := later(open(p), p)
				tasks["Refund"] = task(func(context.Context, order) error { return nil })
				return tasks
			}
		}, true},
		"a counter of attempts": {func(s *Saga) {
			s.Statistics = []string{"tried"}
			open := s.Open
			s.Open = func(p *Program) map[string]engine.Task {
				tasks := open(p)
				reserve := tasks["Reserve"]
				tasks["Reserve"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					if err := p.Table.Transact(ctx, table.Add(table.Key{PK: "STATISTICS", SK: "TRIED"}, "tried", 1, 0)); err != nil {
						return nil, fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "no count")
					}
					return reserve(ctx, in)
				}
				return tasks
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := theSale()
			s.Rest, s.Amounts = nil, nil
			s.Load = func(ctx context.Context, t table.Table) error {
				counter := func(pk, sk, name string, n int64) table.Op {
					return table.Put(table.Item{Key: table.Key{PK: pk, SK: sk}, Ints: map[string]int64{name: n}}, table.None)
				}
				return t.Transact(ctx, counter("SHOW", "SEATS", "free", 1), counter("STATISTICS", "SOLD", "sold", 0), counter("STATISTICS", "TRIED", "tried", 0))
			}
			test.change(&s)
			r, _ := exploreSaga(t, s)
			if (r.Found > 0) != test.broken {
				t.Errorf("%d violations in %d schedules: %v", r.Found, r.Schedules, r.Violations[:min(3, len(r.Violations))])
			}
		})
	}
}
