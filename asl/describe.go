package asl

import (
	"maps"
	"slices"
	"strings"
)

// describeRule returns a rule of a Choice in words, for the labels of a diagram: `$.status StringEquals "paid"`.
func describeRule(v any) string {
	rule, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, name := range []string{"And", "Or"} {
		if parts, ok := rule[name].([]any); ok {
			return joinRules(parts, " "+strings.ToLower(name)+" ")
		}
	}
	if inner, ok := rule["Not"]; ok {
		return "not (" + describeRule(inner) + ")"
	}
	variable, _ := rule["Variable"].(string)
	for _, operator := range slices.Sorted(maps.Keys(rule)) {
		switch operator {
		case "Variable", "Next", "Comment":
			continue
		}
		return variable + " " + operator + " " + jsonText(rule[operator])
	}
	return variable
}

func joinRules(parts []any, with string) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = describeRule(part)
		if nested, ok := part.(map[string]any); ok && (nested["And"] != nil || nested["Or"] != nil) {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, with)
}
