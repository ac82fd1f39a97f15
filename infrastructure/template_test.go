package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hash is what the CDK puts behind the identifiers of constructs to make logical ids: of a function's version, two.
var hash = regexp.MustCompile(`[0-9A-F]{8}([0-9a-f]{32})?$`)

// name is a logical id as the app's source has it.
func name(id string) string { return hash.ReplaceAllString(id, "") }

// named is the one resource of a name.
func (t *template) named(tb testing.TB, want string) resource {
	tb.Helper()
	var found []resource
	for id, r := range t.Resources {
		if name(id) == want {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("%d resources are named %s, want 1", len(found), want)
	}
	return found[0]
}

// at is the value at a path of names and indices, such as "Targets.0.Arn"; nil where the path leads nowhere.
func (r resource) at(path string) any {
	var v any = r.Properties
	for key := range strings.SplitSeq(path, ".") {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(parent) {
				return nil
			}
			v = parent[i]
		default:
			return nil
		}
	}
	return v
}

// has compares the values at paths, references written as symbolic writes them.
func (r resource) has(tb testing.TB, want map[string]any) {
	tb.Helper()
	for path, w := range sorted(want) {
		if got := plain(r.at(path)); !reflect.DeepEqual(got, asJSON(w)) {
			tb.Errorf("%s: %s is %v, want %v", r.Type, path, got, w)
		}
	}
}

// asJSON is v as it comes out of a template. It panics for what is no JSON, which would be equal to what is not there.
func asJSON(v any) (same any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &same)
	}
	if err != nil {
		panic(fmt.Sprintf("%v is no JSON: %v", v, err))
	}
	return same
}

// plain makes texts of the references in a value.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plain(v[i])
		}
		return all
	case map[string]any:
		if text, ok := symbolic(v); ok {
			return text
		}
		all := map[string]any{}
		for key := range v {
			all[key] = plain(v[key])
		}
		return all
	}
	return v
}

// symbolic makes one text of a reference: ${Table} of Ref, ${Table.Arn} of Fn::GetAtt, and the texts of both joined.
func symbolic(v any) (text string, ok bool) {
	if text, ok := v.(string); ok {
		return text, true
	}
	call, _ := v.(map[string]any)
	if len(call) != 1 {
		return "", false
	}
	for function, argument := range call {
		switch function {
		case "Ref":
			return "${" + name(argument.(string)) + "}", true
		case "Fn::GetAtt":
			path := argument.([]any)
			return fmt.Sprintf("${%s.%s}", name(path[0].(string)), path[1]), true
		case "Fn::Join":
			return joinedText(argument.([]any))
		case "Fn::Sub":
			text, ok := argument.(string)
			return text, ok
		case "Fn::Select", "Fn::Split":
			data, _ := json.Marshal(plain(argument))
			return fmt.Sprintf("${%s %s}", strings.TrimPrefix(function, "Fn::"), data), true
		}
	}
	return "", false
}

func joinedText(argument []any) (string, bool) {
	var parts []string
	for _, part := range argument[1].([]any) {
		text, ok := symbolic(part)
		if !ok {
			return "", false
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, argument[0].(string)), true
}

// list is a value that may stand alone.
func list(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func names(of map[string]resource) []string {
	var all []string
	for id := range of {
		all = append(all, name(id))
	}
	return slices.Sorted(slices.Values(all))
}

// retained reports whether a resource is kept when it is removed from its stack or the stack is deleted.
func (r resource) retained() bool {
	return r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain"
}

// retainedOnceMade reports the same, except for an update that created the resource and is rolled back.
func (r resource) retainedOnceMade() bool {
	return r.DeletionPolicy == "RetainExceptOnCreate" && r.UpdateReplacePolicy == "Retain"
}

// eachStage runs a test on both stages' templates.
func eachStage(t *testing.T, test func(t *testing.T, stage string, s *template)) {
	for stage, id := range map[string]string{staging: stagingStack, production: productionStack} {
		t.Run(stage, func(t *testing.T) { test(t, stage, stacks(t)[id]) })
	}
}

// No two resources have one name, so that a name says which is meant.
func TestNamesAreUnique(t *testing.T) {
	for stack, s := range stacks(t) {
		seen := map[string]bool{}
		for id := range maps.Keys(s.Resources) {
			if seen[name(id)] {
				t.Errorf("%s has two resources named %s", stack, name(id))
			}
			seen[name(id)] = true
		}
	}
}
