package asl

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInputsAreTheSameWithHistory compares what tasks get from an execution whose history nobody reads, which writes the text
// of Parameters without their value, with what they get from one whose history is read.
func TestInputsAreTheSameWithHistory(t *testing.T) {
	for _, params := range []string{
		`{"delivery":{"id.$":"$$.Execution.Id","name.$":"$$.Execution.Name","attempt.$":"$$.State.RetryCount"},"in.$":"$.in"}`,
		`{"a.$":"States.UUID()","a-b.$":"States.UUID()","list":[1,{"x.$":"$$.State.Name","y.$":"$$.StateMachine.Id"}],"z":{"c":[]}}`,
		`{"input.$":"$$.Execution.Input","start.$":"$$.Execution.StartTime"}`,
		`{"missing.$":"$.nowhere"}`,
		`{"missing.$":"$$.Execution.Nothing"}`,
		`{"large.$":"States.Format('{}{}', $.in, $.in)","again.$":"$.in"}`,
		`{}`,
	} {
		m, err := Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"${F}","End":true,"Parameters":` + params + `,
			"Retry":[{"ErrorEquals":["E"]}]}}}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{`"é<\n"`, `"` + strings.Repeat("x", 120<<10) + `"`} {
			effects := map[bool][]Effect{}
			for _, history := range []bool{false, true} {
				var rec func(HistoryEvent)
				if history {
					rec = func(HistoryEvent) {}
				}
				start := Event{Started: &Started{ExecutionID: "arn", Name: "n", StateMachineID: "m", Input: []byte(`{"in":` + in + `}`), Seed: 7}}
				now := time.Unix(1, 0)
				x, first, err := Step(m, nil, start, now, rec)
				if err != nil {
					t.Fatal(err)
				}
				effects[history] = append(effects[history], kept(first)...)
				if task := taskOf(first); task != 0 {
					for _, ev := range []Event{{Failed: &TaskFailed{Task: task, Error: "E"}}, {Fired: &TimerFired{Timer: 1}}} {
						_, next, err := Step(m, x, ev, now.Add(time.Minute), rec)
						if err != nil {
							t.Fatal(err)
						}
						effects[history] = append(effects[history], kept(next)...)
					}
				}
			}
			last := effects[false][len(effects[false])-1].StartTask
			if strings.Contains(params, "RetryCount") && (last == nil || !strings.Contains(string(last.Input), `{"attempt":1,"id":"arn","name":"n"}`)) {
				t.Errorf("the retry has the input %+v", last)
			}
			if !reflect.DeepEqual(effects[false], effects[true]) {
				t.Errorf("%s:\nwithout history %+v\nwith history    %+v", params, effects[false], effects[true])
			}
		}
	}
}

// kept returns a copy of effects that stays as it is when the execution takes its next step.
func kept(effects []Effect) []Effect {
	all := slices.Clone(effects)
	for i := range all {
		ef := &all[i]
		ef.StartTask, ef.SetTimer, ef.Ended = copied(ef.StartTask), copied(ef.SetTimer), copied(ef.Ended)
	}
	return all
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
