package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// statement is one of a policy, its references written as symbolic writes them.
type statement struct {
	effect             string
	principals         []string // of a role's trust: "Service lambda.amazonaws.com"
	actions, resources []string
	conditions         map[string]map[string][]string // operator, key, values
}

// statements are those of all policies of a role.
func (t *template) statements(tb testing.TB, role string) (all []statement) {
	tb.Helper()
	for id, r := range t.Resources {
		switch {
		case r.Type == "AWS::IAM::Role" && name(id) == role:
			for _, p := range list(r.at("Policies")) {
				all = append(all, readStatements(tb, p.(map[string]any)["PolicyDocument"])...)
			}
		case r.Type == "AWS::IAM::Policy" && slices.Contains(texts(tb, r.at("Roles")), "${"+role+"}"):
			all = append(all, readStatements(tb, r.at("PolicyDocument"))...)
		}
	}
	return all
}

// trust is who may assume a role.
func (t *template) trust(tb testing.TB, role string) []statement {
	tb.Helper()
	return readStatements(tb, t.named(tb, role).at("AssumeRolePolicyDocument"))
}

// readStatements takes what this app writes, and nothing that it would not understand.
func readStatements(tb testing.TB, document any) (all []statement) {
	tb.Helper()
	for _, s := range list(document.(map[string]any)["Statement"]) {
		var read statement
		for key, v := range s.(map[string]any) {
			switch key {
			case "Effect":
				read.effect = v.(string)
			case "Action":
				read.actions = texts(tb, v)
			case "Principal":
				for kind, who := range sorted(v.(map[string]any)) {
					for _, one := range texts(tb, who) {
						read.principals = append(read.principals, kind+" "+one)
					}
				}
			case "Resource":
				read.resources = texts(tb, v)
			case "Condition":
				read.conditions = readConditions(tb, v)
			case "Sid":
			default:
				tb.Fatalf("a policy has %s: %v", key, v)
			}
		}
		all = append(all, read)
	}
	return all
}

func readConditions(tb testing.TB, v any) map[string]map[string][]string {
	tb.Helper()
	all := map[string]map[string][]string{}
	for operator, keys := range v.(map[string]any) {
		all[operator] = map[string][]string{}
		for key, values := range keys.(map[string]any) {
			all[operator][key] = texts(tb, values)
		}
	}
	return all
}

// texts are a value, or each of a list, as texts.
func texts(tb testing.TB, v any) (all []string) {
	tb.Helper()
	for _, one := range list(v) {
		text, ok := symbolic(one)
		if !ok {
			tb.Fatalf("%v is no text", one)
		}
		all = append(all, text)
	}
	return all
}

// request is what IAM is asked.
type request struct {
	action, resource string
	context          map[string][]string
}

// allowed decides as IAM does: what is allowed somewhere and denied nowhere.
func allowed(all []statement, r request) bool {
	allow := false
	for _, s := range all {
		if s.covers(r) {
			if s.effect == "Deny" {
				return false
			}
			allow = true
		}
	}
	return allow
}

func (s *statement) covers(r request) bool {
	return matchesAny(s.actions, r.action) && matchesAny(s.resources, r.resource) && s.holds(r.context)
}

// holds is true where every condition is; ForAllValues is true of no values, too.
func (s *statement) holds(context map[string][]string) bool {
	for operator, keys := range s.conditions {
		for key, patterns := range keys {
			values := context[key]
			switch operator {
			case "ForAllValues:StringLike":
				if slices.ContainsFunc(values, func(v string) bool { return !matchesAny(patterns, v) }) {
					return false
				}
			case "StringEquals":
				if len(values) != 1 || !slices.Contains(patterns, values[0]) {
					return false
				}
			default:
				panic(fmt.Sprintf("the condition %s is not understood here", operator))
			}
		}
	}
	return true
}

func matchesAny(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, s) })
}

// matches compares with a pattern of IAM, in which * matches any characters, also the separators of an ARN.
func matches(pattern, s string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for i := len(head); i <= len(s); i++ {
		if matches(rest, s[i:]) {
			return true
		}
	}
	return false
}

func TestAllowed(t *testing.T) {
	keys := func(k ...string) map[string]map[string][]string {
		return map[string]map[string][]string{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": k}}
	}
	all := []statement{
		{effect: "Allow", actions: []string{"dynamodb:GetItem", "dynamodb:Scan"}, resources: []string{"t"}, conditions: keys("TRIP#*", "DAYS")},
		{effect: "Allow", actions: []string{"states:Start*"}, resources: []string{"m:*:x"},
			conditions: map[string]map[string][]string{"StringEquals": {"q": {"live"}}}},
		{effect: "Deny", actions: []string{"states:StartSync"}, resources: []string{"*"}},
	}
	key := func(k ...string) map[string][]string { return map[string][]string{"dynamodb:LeadingKeys": k} }
	for _, tt := range []struct {
		request
		want bool
	}{
		{request{"dynamodb:GetItem", "t", key("TRIP#1")}, true},
		{request{"dynamodb:GetItem", "t", key("TRIP#1", "DAYS")}, true},
		{request{"dynamodb:GetItem", "t", key("TRIP#1", "FLIGHT#1")}, false},
		{request{"dynamodb:GetItem", "t", key("DAYSX")}, false},
		{request{"dynamodb:GetItem", "t/index", key("TRIP#1")}, false},
		{request{"dynamodb:PutItem", "t", key("TRIP#1")}, false},
		{request{"dynamodb:Scan", "t", nil}, true}, // which is why nobody is given it
		{request{"states:StartExecution", "m:a:b:x", map[string][]string{"q": {"live"}}}, true},
		{request{"states:StartExecution", "m:a:b:x", map[string][]string{"q": {"other"}}}, false},
		{request{"states:StartExecution", "m:a:b:x", nil}, false},
		{request{"states:StartExecution", "m:a:b:y", map[string][]string{"q": {"live"}}}, false},
		{request{"states:StartSync", "m:a:x", map[string][]string{"q": {"live"}}}, false},
	} {
		if got := allowed(all, tt.request); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.request, got, tt.want)
		}
	}
}
