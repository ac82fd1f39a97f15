package template

import (
	"regexp"
	"slices"
)

// order reads which aliases wait for which, and whether all wait for the state machines. Aliases are in the order of
// [Release.Functions].
func (t *Template) order(r *Release) {
	aliases := t.of("AWS::Lambda::Alias")
	if len(aliases) != len(r.Functions) {
		return // one has an error
	}
	for i, alias := range aliases {
		before := map[string]bool{}
		t.before(alias, before)
		for j, other := range aliases {
			if i != j && before[other.id] {
				r.Functions[i].After = append(r.Functions[i].After, r.Functions[j].Handler)
			}
		}
		for _, machine := range t.of("AWS::StepFunctions::StateMachine") {
			r.DefinitionsFirst = r.DefinitionsFirst && before[machine.id]
		}
	}
}

// before adds everything that CloudFormation updates before the resource: what it refers to, its update policy included,
// what it names in DependsOn, and what those wait for.
func (t *Template) before(r *resource, found map[string]bool) {
	direct := map[string]bool{}
	references(r.Properties, direct)
	references(r.UpdatePolicy, direct)
	switch on := r.DependsOn.(type) {
	case string:
		direct[on] = true
	case []any:
		for _, id := range on {
			if id, ok := id.(string); ok {
				direct[id] = true
			}
		}
	}
	for id := range direct {
		if next := t.Resources[id]; next != nil && !found[id] {
			found[id] = true
			t.before(next, found)
		}
	}
}

var substituted = regexp.MustCompile(`\$\{([A-Za-z0-9]+)[.}]`)

func references(v any, found map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			references(element, found)
		}
	case map[string]any:
		for key, argument := range v {
			if slices.Contains([]string{"Ref", "Fn::GetAtt", "Fn::Sub"}, key) {
				named(argument, key == "Fn::Sub", found)
			}
			references(argument, found)
		}
	}
}

// named adds the resource that the argument of a function names: an id, "id.attribute", [id, attribute], or a text with
// placeholders.
func named(argument any, text bool, found map[string]bool) {
	if list, ok := argument.([]any); ok && len(list) > 0 {
		argument = list[0]
	}
	s, _ := argument.(string)
	if !text {
		s = "${" + s + "}"
	}
	for _, m := range substituted.FindAllStringSubmatch(s, -1) {
		found[m[1]] = true
	}
}
