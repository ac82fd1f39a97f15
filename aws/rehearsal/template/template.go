// Package template reads from a synthesised CloudFormation template what decides a roll-out: the functions with their
// versions and aliases, CodeDeploy's groups with their traffic shifts, and the alarms that the groups watch.
//
// Names and ARNs that only CloudFormation knows are replaced by stand-ins, the same wherever they are referred to, so that
// an alarm's dimensions can be compared with a function's. Anything else that the package does not understand is an
// [Error] with its path: the package guesses nothing, and ignores no property of an alarm or a group.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Error is something in a template that is wrong or not supported.
type Error struct {
	Path    string // such as Resources.Alarm1.Properties.Period
	Message string
}

func (e *Error) Error() string { return e.Path + ": " + e.Message }

// Template is a parsed template.
type Template struct {
	Parameters map[string]parameter
	Resources  map[string]*resource

	version string // of every function
}

type parameter struct{ Default any }

type resource struct {
	id     string
	naming bool // its name is being resolved: detects a name that refers to itself

	Type         string
	Condition    string
	Properties   map[string]any
	UpdatePolicy map[string]any
	DependsOn    any
}

// Parse reads a template in JSON.
func Parse(data []byte) (*Template, error) {
	t := Template{version: NewVersion}
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("it is not a CloudFormation template in JSON: %w", err)
	}
	if len(t.Resources) == 0 {
		return nil, errors.New("it is not a CloudFormation template: it has no Resources")
	}
	for id, r := range t.Resources {
		if r == nil || r.Type == "" {
			return nil, &Error{"Resources." + id, "it has no Type"}
		}
		r.id = id
	}
	return &t, nil
}

// of returns the resources of a type, sorted by id.
func (t *Template) of(kind string) (all []*resource) {
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[id].Type == kind {
			all = append(all, t.Resources[id])
		}
	}
	return all
}

// at is a place in the template.
type at struct {
	t     *Template
	path  string
	value any
}

func (t *Template) properties(r *resource) at {
	return at{t, "Resources." + r.id + ".Properties", r.Properties}
}

// get returns a member. Its value is nil if it does not exist.
func (a at) get(name string) at {
	object, _ := a.value.(map[string]any)
	return at{a.t, a.path + "." + name, object[name]}
}

func (a at) has(name string) bool { return a.get(name).value != nil }

func (a at) fail(format string, args ...any) error {
	return &Error{a.path, fmt.Sprintf(format, args...)}
}

// only refuses all members but the named ones.
func (a at) only(names ...string) error {
	object, ok := a.value.(map[string]any)
	if !ok {
		return a.fail("it is %s, want an object", kind(a.value))
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(names, name) {
			return a.get(name).fail("it is not supported")
		}
	}
	return nil
}

func (a at) list() (items []at, err error) {
	if a.value == nil {
		return nil, nil
	}
	values, ok := a.value.([]any)
	if !ok {
		return nil, a.fail("it is %s, want a list", kind(a.value))
	}
	for i, v := range values {
		items = append(items, at{a.t, fmt.Sprintf("%s[%d]", a.path, i), v})
	}
	return items, nil
}

// kind describes a value in messages.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "missing"
	case map[string]any:
		return "an object with " + strings.Join(slices.Sorted(maps.Keys(v)), ", ")
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}
