package template

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
)

// FuzzResource puts any resource in the place of one of the fixture's: the template is refused with the place that is
// wrong, or read, the same way twice.
func FuzzResource(f *testing.F) {
	data, err := os.ReadFile(fixture)
	if err != nil {
		f.Fatal(err)
	}
	var whole struct {
		Parameters json.RawMessage
		Resources  map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		f.Fatal(err)
	}
	parsed, err := Parse(data)
	if err != nil {
		f.Fatal(err)
	}
	seen := map[string]bool{} // one of each type
	for _, id := range slices.Sorted(maps.Keys(whole.Resources)) {
		if kind := parsed.Resources[id].Type; !seen[kind] {
			seen[kind] = true
			f.Add(id, []byte(whole.Resources[id]))
		}
	}
	f.Add("New", []byte(`{"Type":"AWS::Lambda::Alias","Properties":{"FunctionName":{"Ref":"New"}}}`))
	f.Add("New", []byte(`null`))
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		var added *resource
		if json.Unmarshal(text, &added) != nil {
			return
		}
		release := func() (*Release, error) {
			fresh := &Template{Parameters: parsed.Parameters, Resources: map[string]*resource{}}
			for other, r := range parsed.Resources {
				again := *r
				fresh.Resources[other] = &again
			}
			delete(fresh.Resources, id)
			if added != nil && added.Type != "" {
				again := *added
				again.id, fresh.Resources[id] = id, &again
			}
			return fresh.Release()
		}
		first, err := release()
		second, errAgain := release()
		if !reflect.DeepEqual(first, second) || (err == nil) != (errAgain == nil) {
			t.Errorf("read as %+v, %v and then as %+v, %v", first, err, second, errAgain)
		}
		var wrong *Error
		if err != nil && (!errors.As(err, &wrong) || wrong.Path == "" || wrong.Message == "") {
			t.Errorf("%q names no place", err)
		}
	})
}
