package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// references lists the logical ids that a resource refers to, and so is made after.
func (t *template) references(r resource) []string {
	found := map[string]bool{}
	for _, v := range []any{r.Properties, asJSON(r.UpdatePolicy)} {
		collect(v, found)
	}
	for _, id := range list(r.DependsOn) {
		found[id.(string)] = true
	}
	var all []string
	for id := range sorted(found) {
		if _, ok := t.Resources[id]; ok {
			all = append(all, id)
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9]+)[.}]`)

func collect(v any, found map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			collect(element, found)
		}
	case map[string]any:
		for key, argument := range v {
			switch key {
			case "Ref":
				found[argument.(string)] = true
			case "Fn::GetAtt":
				found[argument.([]any)[0].(string)] = true
			case "Fn::Sub":
				text, _ := list(argument)[0].(string)
				for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
					found[m[1]] = true
				}
			}
			collect(argument, found)
		}
	}
}

// cycle is a path from a resource back to itself; nil without a cycle.
func (t *template) cycle() []string {
	done := map[string]bool{}
	var path []string
	var visit func(id string) []string
	visit = func(id string) []string {
		if i := slices.Index(path, id); i >= 0 {
			return append(slices.Clone(path[i:]), id)
		}
		if done[id] {
			return nil
		}
		path = append(path, id)
		for _, next := range t.references(t.Resources[id]) {
			if c := visit(next); c != nil {
				return c
			}
		}
		path, done[id] = path[:len(path)-1], true
		return nil
	}
	for id := range sorted(t.Resources) {
		if c := visit(id); c != nil {
			return c
		}
	}
	return nil
}

// CloudFormation follows the references of update policies, too: an alias waits for its hook, which waits for the new
// versions of all functions. So no function, nor its role's policy, may refer to what refers to an alias.
func TestNoCycles(t *testing.T) {
	for stack, s := range stacks(t) {
		if c := s.cycle(); c != nil {
			for i := range c {
				c[i] = name(c[i])
			}
			t.Errorf("%s: these wait for each other: %s", stack, strings.Join(c, " -> "))
		}
	}
}
