package lint

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"tripsaga/trip/saga"
)

// booking is what the tasks of the real saga are.
func booking() Options {
	opt := Options{
		Undo: map[string]string{}, Pivot: saga.Pivot(), Final: saga.Final(),
		Known: map[string][]string{}, Timeouts: map[string]time.Duration{},
	}
	for _, t := range saga.Tasks() {
		opt.Timeouts[t.Name] = t.CallTimeout()
		switch {
		case t.Compensation != "":
			opt.Undo[t.Name], opt.Known[t.Name] = t.Compensation, t.Business
		case t.Ends:
			opt.Record = append(opt.Record, t.Name)
		}
	}
	return opt
}

// edit changes a definition.
type edit func(t *testing.T, definition any)

func edited(t *testing.T, definition []byte, edits ...edit) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(definition, &v); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		e(t, v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func editedBooking(t *testing.T, edits ...edit) []byte {
	t.Helper()
	return edited(t, saga.Definition(), edits...)
}

// set puts a JSON value at a path such as "ReserveHotel/Catch/1/Next", from States on.
func set(path, value string) edit {
	return func(t *testing.T, definition any) {
		t.Helper()
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		within(t, definition, path, func(object map[string]any, key string) { object[key] = v })
	}
}

func drop(path string) edit {
	return func(t *testing.T, definition any) {
		t.Helper()
		within(t, definition, path, func(object map[string]any, key string) { delete(object, key) })
	}
}

// machine puts a JSON value into the definition itself.
func machine(field string, value any) edit {
	return func(_ *testing.T, definition any) { definition.(map[string]any)[field] = value }
}

func within(t *testing.T, definition any, path string, change func(object map[string]any, key string)) {
	t.Helper()
	at := definition.(map[string]any)["States"]
	steps := strings.Split(path, "/")
	for _, step := range steps[:len(steps)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				t.Fatalf("%s: no element %s", path, step)
			}
			at = v[i]
		}
	}
	object, ok := at.(map[string]any)
	if !ok {
		t.Fatalf("%s: no object", path)
	}
	change(object, steps[len(steps)-1])
}

// found are the findings in short: the rule and the path.
func found(t *testing.T, definition []byte, opt Options) []string {
	t.Helper()
	findings, err := Check(definition, opt)
	if err != nil {
		t.Fatalf("%v\n%s", err, definition)
	}
	short := []string{}
	for _, f := range findings {
		if f.Problem == "" || f.Advice == "" {
			t.Errorf("%s: no problem or no advice", f)
		}
		whole := f.Path == "$.States" || f.Path == "$.TimeoutSeconds"
		if whole != (f.State == "") || !whole && !strings.Contains(f.Path+".", ".States."+f.State+".") {
			t.Errorf("%s: is of the state %q", f, f.State)
		}
		short = append(short, f.Rule+" "+f.Path)
		t.Log(f)
	}
	return short
}
