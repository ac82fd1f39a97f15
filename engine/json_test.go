package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table/memory"
)

type parcel struct {
	Pieces int `json:"pieces"`
}

func double(_ context.Context, p parcel) (parcel, error) {
	if p.Pieces < 0 {
		return p, errors.New("fewer than none")
	}
	return parcel{2 * p.Pieces}, nil
}

func TestJSON(t *testing.T) {
	task := engine.JSON(double)
	for _, test := range []struct{ in, out, err string }{
		{`{"pieces": 3, "failure": {"Error": "Late"}}`, `{"pieces":6}`, ""}, // what the saga has added is ignored
		{`null`, `{"pieces":0}`, ""},
		{`{"pieces": -1}`, "", "fewer than none"},
		{`{"pieces": "three"}`, "", "the input of the task: json: cannot unmarshal string into Go struct field parcel.pieces of type int"},
		{``, "", "the input of the task: unexpected end of JSON input"},
	} {
		out, err := task(t.Context(), json.RawMessage(test.in))
		if string(out) != test.out || test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err) {
			t.Errorf("%s: %s, %v; expected: %s, %s", test.in, out, err, test.out, test.err)
		}
	}
	if _, err := task(t.Context(), json.RawMessage(`[]`)); fault.KindOf(err) != fault.Invalid || !fault.Is(err, fault.NameInvalid) {
		t.Errorf("a list for an object: %v of kind %s", err, fault.KindOf(err))
	}
}

// TestJSONNamesTheTask lets a definition match the error of an input that cannot be decoded, and show where it was.
func TestJSONNamesTheTask(t *testing.T) {
	const definition = `{"StartAt": "Pack", "States": {"Pack": {"Type": "Task", "Resource": "double", "End": true,
	  "Retry": [{"ErrorEquals": ["InvalidRequest"], "MaxAttempts": 0}]}}}`
	e, err := engine.Open(t.Context(), engine.Options{Name: "m", Definition: []byte(definition), Table: memory.New(),
		Tasks: map[string]engine.Task{"double": engine.JSON(double)}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if err := e.Start(t.Context(), "x", json.RawMessage(`{"pieces": "three"}`)); err != nil {
		t.Fatal(err)
	}
	end, err := e.Wait(t.Context(), "x")
	if err != nil || end.Error != "InvalidRequest" || !strings.Contains(end.Cause, "the input of task double at state Pack: json: cannot unmarshal") {
		t.Errorf("%+v, %v", end, err)
	}
}
