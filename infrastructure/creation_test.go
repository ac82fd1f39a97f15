package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everyTemplate runs a test on all templates, those of another context included.
func everyTemplate(t *testing.T, test func(t *testing.T, s *template)) {
	for context, all := range map[string]map[string]*template{"standard": stacks(t), "customised": customised(t), "adopting": adopters(t)} {
		for stack, s := range all {
			t.Run(context+"/"+stack, func(t *testing.T) { test(t, s) })
		}
	}
}

// empty lists the paths of the empty texts in a value. The separator of Fn::Join is not a property.
func empty(path string, v any) (found []string) {
	switch v := v.(type) {
	case string:
		if v == "" {
			found = append(found, path)
		}
	case []any:
		if strings.HasSuffix(path, "Fn::Join") {
			v = v[1:]
		}
		for i, element := range v {
			found = append(found, empty(fmt.Sprintf("%s/%d", path, i), element)...)
		}
	case map[string]any:
		for key, value := range sorted(v) {
			found = append(found, empty(path+"/"+key, value)...)
		}
	}
	return found
}

// Services differ by region in what they make of an empty text: some take it for a missing property, some refuse it.
func TestNoPropertyIsEmpty(t *testing.T) {
	everyTemplate(t, func(t *testing.T, s *template) {
		for id, r := range sorted(s.Resources) {
			for _, path := range empty("", r.Properties) {
				t.Errorf("%s%s of %s is \"\"", name(id), path, r.Type)
			}
		}
	})
}

// unique reports whether a name has the stack's id in it, so that no other stack has or had it.
func unique(name any) bool {
	data, _ := json.Marshal(name)
	return strings.Contains(string(data), `"AWS::StackId"`)
}

// physicalName is the name that a template gives a resource; nil if CloudFormation generates one. Those of versions and
// aliases are unique within their parent only.
func (r resource) physicalName() any {
	_, kind, _ := strings.Cut(strings.TrimPrefix(r.Type, "AWS::"), "::")
	for _, property := range []string{kind + "Name", "Name"} {
		if n := r.Properties[property]; n != nil && kind != "Alias" && kind != "StateMachineAlias" {
			return n
		}
	}
	return nil
}

// What outlives its stack must not have a name that the next stack gives, too. A log group may outlive it in any case: the
// service that writes to it may create it again.
func TestWhatOutlivesItsStackDoesNotBlockTheNext(t *testing.T) {
	everyTemplate(t, func(t *testing.T, s *template) {
		for id, r := range sorted(s.Resources) {
			outlives := strings.HasPrefix(r.DeletionPolicy, "Retain") || r.Type == "AWS::Logs::LogGroup"
			if n := r.physicalName(); outlives && n != nil && !unique(n) {
				t.Errorf("%s is still there when its stack is created again, and has the fixed name %v", name(id), n)
			}
		}
	})
}

// waits is the length of the longest chain of resources that are created before one, itself included.
func (s *template) waits(id string, known map[string]int) int {
	if known[id] == 0 {
		longest := 0
		for _, before := range s.references(s.Resources[id]) {
			longest = max(longest, s.waits(before, known))
		}
		known[id] = longest + 1
	}
	return known[id]
}

// IAM takes up to 90 s to spread the rights of a role. So the pipe's role has them from its creation, no policy adds to
// it later, the role waits for no alias, and the pipe for all of them.
func TestThePipeFindsItsRightsInForce(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		role := s.named(t, "OutboxRole")
		if policies := list(role.at("Policies")); len(policies) != 1 {
			t.Errorf("the role is created with %d policies, want 1", len(policies))
		}
		for id, p := range s.ofType("AWS::IAM::Policy") {
			if slices.Contains(list(plain(p.at("Roles"))), any("${OutboxRole}")) {
				t.Errorf("%s is attached to the role when that exists already", name(id))
			}
		}
		var before []string
		for _, id := range s.references(s.named(t, "Outbox")) {
			before = append(before, name(id))
		}
		known := map[string]int{}
		chain := map[string]int{}
		for id := range s.Resources {
			chain[name(id)] = s.waits(id, known)
		}
		for id, r := range s.Resources {
			if !strings.HasSuffix(r.Type, "Alias") {
				continue
			}
			if chain[name(id)] <= chain["OutboxRole"] {
				t.Errorf("the role waits for %d resources in a row, %s for %d only", chain["OutboxRole"], name(id), chain[name(id)])
			}
			if !slices.Contains(before, name(id)) {
				t.Errorf("the pipe does not wait for %s", name(id))
			}
		}
	})
}
