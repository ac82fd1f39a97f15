package template

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
)

// intrinsic resolves a function of CloudFormation.
func (a at) intrinsic(object map[string]any) (string, error) {
	names := slices.Sorted(maps.Keys(object))
	if len(names) != 1 {
		return "", a.fail("it is %s, want a text or one function", kind(a.value))
	}
	in := a.get(names[0])
	switch names[0] {
	case "Ref":
		return in.ref()
	case "Fn::GetAtt":
		return in.attribute()
	case "Fn::Join":
		return in.join()
	case "Fn::Select":
		return in.choose()
	case "Fn::Sub":
		return in.substitute()
	}
	return "", a.fail("%s is not supported", names[0])
}

// pseudo are made-up values of what the account and the region would be. They have no colons, so that ARNs can be split.
var pseudo = map[string]string{
	"AWS::AccountId": "000000000000", "AWS::Partition": "aws", "AWS::Region": "region", "AWS::URLSuffix": "amazonaws.com",
	"AWS::StackName": "stack", "AWS::StackId": "stack-id",
}

func (a at) ref() (string, error) {
	id, ok := a.value.(string)
	if !ok {
		return "", a.fail("it is %s, want a name", kind(a.value))
	}
	return a.named(id)
}

func (a at) named(id string) (string, error) {
	if value, ok := pseudo[id]; ok {
		return value, nil
	}
	if p, ok := a.t.Parameters[id]; ok {
		if p.Default == nil {
			return "{" + id + "}", nil
		}
		return at{a.t, "Parameters." + id + ".Default", p.Default}.plain()
	}
	r := a.t.Resources[id]
	if r == nil {
		return "", a.fail("there is no resource or parameter %s", id)
	}
	return a.t.name(r)
}

// attribute is [id, attribute], or "id.attribute".
func (a at) attribute() (string, error) {
	var id, attribute string
	switch v := a.value.(type) {
	case string:
		id, attribute, _ = strings.Cut(v, ".")
	case []any:
		if len(v) == 2 {
			id, _ = v[0].(string)
			attribute, _ = v[1].(string)
		}
	}
	r := a.t.Resources[id]
	if r == nil || attribute == "" {
		return "", a.fail("it is %s, want a resource and its attribute", kind(a.value))
	}
	return a.t.attribute(r, attribute)
}

func (a at) join() (string, error) {
	separator, list, err := a.pair()
	if err != nil {
		return "", err
	}
	parts, err := list.texts()
	return strings.Join(parts, separator), err
}

// pair is [text, anything].
func (a at) pair() (string, at, error) {
	parts, err := a.list()
	if err != nil || len(parts) != 2 {
		return "", at{}, a.fail("it is %s, want a list of two", kind(a.value))
	}
	first, err := parts[0].text()
	return first, parts[1], err
}

// texts resolves a list, or the function Fn::Split, which makes one.
func (a at) texts() ([]string, error) {
	if object, ok := a.value.(map[string]any); ok {
		if len(object) != 1 || !a.has("Fn::Split") {
			return nil, a.fail("it is %s, want a list or Fn::Split", kind(a.value))
		}
		separator, of, err := a.get("Fn::Split").pair()
		if err != nil {
			return nil, err
		}
		text, err := of.text()
		return strings.Split(text, separator), err
	}
	items, err := a.list()
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if texts[i], err = item.text(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func (a at) choose() (string, error) {
	parts, err := a.list()
	if err != nil || len(parts) != 2 {
		return "", a.fail("it is %s, want a list of two", kind(a.value))
	}
	index, err := parts[0].number()
	if err != nil {
		return "", err
	}
	texts, err := parts[1].texts()
	if err != nil {
		return "", err
	}
	if index < 0 || index >= float64(len(texts)) || index != math.Trunc(index) {
		return "", a.fail("%v of a list of %d", index, len(texts))
	}
	return texts[int(index)], nil
}

var variable = regexp.MustCompile(`\$\{(!?)([^}]+)\}`)

func (a at) substitute() (string, error) {
	text, own := a.value, at{}
	if parts, err := a.list(); err == nil && len(parts) == 2 {
		text, own = parts[0].value, parts[1]
	}
	pattern, ok := text.(string)
	if !ok {
		return "", a.fail("it is %s, want a text, or a text and its variables", kind(a.value))
	}
	var failed error
	result := variable.ReplaceAllStringFunc(pattern, func(match string) string {
		parts := variable.FindStringSubmatch(match)
		if parts[1] == "!" {
			return "${" + parts[2] + "}"
		}
		value, err := a.substituted(parts[2], own)
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return result, failed
}

func (a at) substituted(name string, own at) (string, error) {
	if own.t != nil && own.has(name) {
		return own.get(name).text()
	}
	if strings.Contains(name, ".") {
		return at{a.t, a.path, name}.attribute()
	}
	return a.named(name)
}
