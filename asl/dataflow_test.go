package asl

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// TestDataFlow replays each machine of testdata/run and compares the steps of its data flow with what the engine recorded
// in the history: the input and output of each visit, what each task was given and returned, and the fields of the
// definition, each of which must have its step.
func TestDataFlow(t *testing.T) {
	seen := map[string]int{}
	each(t, "testdata/run/*.txtar", func(t *testing.T, a *archive) {
		d := newDriver(t, a.get("machine.json"))
		redrives := d.script(a.get("script"))
		d.start(a.get("input.json"))
		for range redrives {
			d.redrive()
		}
		var x *Execution
		flows := map[int64][]DataStep{}
		for _, entry := range d.journal {
			next, _, err := Watch(d.machine, x, entry.event, entry.at, nil, func(s DataStep) {
				flows[s.Visit] = append(flows[s.Visit], s)
				seen[s.Field]++
			})
			if err != nil {
				t.Fatal(err)
			}
			x = next
		}
		checkFlows(t, d, flows)
	})
	for _, field := range []string{
		DataInput, "InputPath", "Parameters", "ItemsPath", "ItemSelector", DataResult, "ResultSelector", "Assign", "ResultPath", "OutputPath", DataError, DataOutput,
	} {
		if seen[field] == 0 {
			t.Errorf("no case has the step %s", field)
		}
	}
}

func checkFlows(t *testing.T, d *driver, flows map[int64][]DataStep) {
	t.Helper()
	all := slices.Concat(slices.Collect(maps.Values(flows))...)
	for i := range d.events {
		e := &d.events[i]
		switch {
		case e.StateEntered != nil:
			checkFlow(t, e, flows[e.ID], e.StateEntered.Input, DataInput)
			checkFields(t, d.machine, flows[e.ID])
		case e.StateExited != nil:
			left := slices.DeleteFunc(slices.Clone(all), func(s DataStep) bool { return s.State != e.StateExited.Name })
			checkFlow(t, e, left, e.StateExited.Output, DataOutput)
		case e.LambdaFunctionScheduled != nil:
			checkFlow(t, e, all, e.LambdaFunctionScheduled.Input, "Parameters", "InputPath", DataInput)
		case e.LambdaFunctionSucceeded != nil && len(e.LambdaFunctionSucceeded.Output) <= MaxData:
			checkFlow(t, e, all, e.LambdaFunctionSucceeded.Output, DataResult)
		case e.TaskSucceeded != nil:
			checkFlow(t, e, all, e.TaskSucceeded.Output, DataResult)
		}
		if f := e.Failure(); f != nil {
			text, _ := json.Marshal(map[string]string{"Error": f.Error, "Cause": f.Cause})
			checkFlow(t, e, all, string(text), DataError)
		}
	}
	for visit, flow := range flows {
		for i := range flow[:len(flow)-1] {
			if flow[i].Field == DataOutput {
				t.Errorf("visit %d: the output is followed by %s", visit, flow[i+1].Field)
			}
		}
	}
}

// checkFlow requires that a step of one of the fields is the recorded text.
func checkFlow(t *testing.T, e *HistoryEvent, flow []DataStep, text string, fields ...string) {
	t.Helper()
	for i := range flow {
		if slices.Contains(fields, flow[i].Field) && sameJSON(flow[i].JSON(), []byte(text)) {
			return
		}
	}
	t.Errorf("event %d, %s: no step %q is %.200s", e.ID, e.Type, fields, text)
}

// checkFields requires a step of each field that the state of a visit which succeeded has.
func checkFields(t *testing.T, m *Machine, flow []DataStep) {
	t.Helper()
	var state *state
	find(m.root, flow[0].State, &state)
	has := func(field string) bool {
		return slices.ContainsFunc(flow, func(s DataStep) bool { return s.Field == field })
	}
	if !has(DataOutput) || has(DataError) || state == nil {
		return
	}
	items, isMap := state.body.(*mapping) // which keeps its Parameters itself
	for field, defined := range map[string]bool{
		"InputPath": state.input != selection{}, "OutputPath": state.output != selection{}, "ResultPath": state.placement != placement{},
		"Parameters": state.params != nil || isMap && items.selector != nil && items.selectorField == "Parameters", "ResultSelector": state.selector != nil,
	} {
		if has(field) != defined {
			t.Errorf("visit %d of %s: step %s %v, defined %v", flow[0].Visit, state.name, field, has(field), defined)
		}
	}
}

func find(g *graph, name string, found **state) {
	g.walk(func(st *state) {
		if st.name == name {
			*found = st
		}
		for _, inner := range st.graphs() {
			find(inner, name, found)
		}
	})
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestField(t *testing.T) {
	m, err := Parse([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"b": 1.50, "a.$": "$.x"}, "InputPath": null, "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"Parameters": `{"a.$":"$.x","b":1.50}`, "InputPath": "null", "OutputPath": ""} {
		if got := string(m.Field("A", field)); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	if m.Field("B", "Type") != nil {
		t.Error("a state that does not exist has a field")
	}
}

// TestPending lists what an execution waits for: a task with its time-out, a retry, a wait, and after the end nothing but
// where it stopped.
func TestPending(t *testing.T) {
	d := newDriver(t, `{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "a", "TimeoutSeconds": 9, "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "b", "Retry": [{"ErrorEquals": ["Down"], "IntervalSeconds": 5, "MaxAttempts": 1}], "End": true}}},
		{"StartAt": "C", "States": {"C": {"Type": "Wait", "Seconds": 60, "End": true}}}]}}}`)
	d.deliver(Event{Started: &Started{Name: "x", Input: []byte("{}")}})
	d.deliver(Event{Failed: &TaskFailed{Task: 2, Error: "Down"}})
	var got []Pending
	for _, p := range d.x.Pending() {
		p.Visit = 0
		got = append(got, p)
	}
	want := []Pending{{State: "A", Task: 1, Timeout: 1}, {State: "B", Attempt: 1, Retry: 3}, {State: "C", Wait: 2}}
	if !reflect.DeepEqual(got, want) || d.x.Stopped() != nil {
		t.Errorf("pending %+v, want %+v; stopped %q", got, want, d.x.Stopped())
	}
	d.deliver(Event{Failed: &TaskFailed{Task: 1, Error: "Broken"}})
	if got := d.x.Stopped(); d.x.Status() != Failed || d.x.Pending() != nil || !slices.Equal(got, []string{"A", "B", "C"}) {
		t.Errorf("%s: pending %+v, stopped %q", d.x.Status(), d.x.Pending(), got)
	}
}
