package template

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// text resolves a value that must exist.
func (a at) text() (string, error) {
	if object, ok := a.value.(map[string]any); ok {
		return a.intrinsic(object)
	}
	return a.plain()
}

// plain returns a text where functions are not allowed.
func (a at) plain() (string, error) {
	switch v := a.value.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", a.fail("it is %s, want a text", kind(a.value))
}

// textOr returns the text, or other if the value is missing.
func (a at) textOr(other string) (string, error) {
	if a.value == nil {
		return other, nil
	}
	return a.text()
}

// want refuses any other text.
func (a at) want(only string) error {
	text, err := a.text()
	if err == nil && text != only {
		return a.fail("it is %q, want %s", text, only)
	}
	return err
}

func (a at) number() (float64, error) {
	text, err := a.text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, a.fail("it is %q, want a number", text)
	}
	return n, nil
}

// integer accepts 1 to the largest Integer of CloudFormation.
func (a at) integer() (int, error) {
	n, err := a.number()
	if err == nil && (n < 1 || n > math.MaxInt32 || n != math.Trunc(n)) {
		return 0, a.fail("it is %v, want a whole number from 1 to %d", n, math.MaxInt32)
	}
	return int(n), err
}

func (a at) seconds() (time.Duration, error) {
	n, err := a.integer()
	return time.Duration(n) * time.Second, err
}

func (a at) truth() (bool, error) {
	switch v := a.value.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		if is, err := strconv.ParseBool(v); err == nil {
			return is, nil
		}
	}
	return false, a.fail("it is %s, want true or false", kind(a.value))
}

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

// pseudo has stand-ins for the values of the account and the region. They have no colons, so that ARNs can be split.
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

// attribute resolves [id, attribute] or "id.attribute".
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

// pair takes [text, anything] apart.
func (a at) pair() (string, at, error) {
	parts, err := a.list()
	if err != nil || len(parts) != 2 {
		return "", at{}, a.fail("it is %s, want a list of two", kind(a.value))
	}
	first, err := parts[0].text()
	return first, parts[1], err
}

// texts resolves a list, or Fn::Split, which makes one.
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

// The version numbers: the version in use until the release, and the one that the template makes.
const (
	OldVersion = "1"
	NewVersion = "2"
)

// nameProperty is, by resource type, the property with the resource's name, which Ref returns.
var nameProperty = map[string]string{
	"AWS::Lambda::Function":             "FunctionName",
	"AWS::CloudWatch::Alarm":            "AlarmName",
	"AWS::CodeDeploy::DeploymentGroup":  "DeploymentGroupName",
	"AWS::CodeDeploy::DeploymentConfig": "DeploymentConfigName",
	"AWS::CodeDeploy::Application":      "ApplicationName",
}

// name returns what Ref returns: the ARN of a version or an alias; for others the name in the template, or the logical id
// in place of a name that CloudFormation would generate.
func (t *Template) name(r *resource) (string, error) {
	if r.naming {
		return "", t.nameOf(r).fail("it refers to itself")
	}
	r.naming = true
	defer func() { r.naming = false }()
	switch r.Type {
	case "AWS::Lambda::Version":
		return t.qualified(r, t.version)
	case "AWS::Lambda::Alias":
		alias, err := t.properties(r).get("Name").text()
		if err != nil {
			return "", err
		}
		return t.qualified(r, alias)
	}
	if nameProperty[r.Type] != "" {
		return t.nameOf(r).textOr(r.id)
	}
	return r.id, nil
}

// nameOf returns the place that a resource's name depends on.
func (t *Template) nameOf(r *resource) at {
	property := nameProperty[r.Type]
	if property == "" {
		property = "FunctionName" // of a version and an alias
	}
	return t.properties(r).get(property)
}

const functionARN = "arn:aws:lambda:region:000000000000:function:"

func (t *Template) qualified(r *resource, qualifier string) (string, error) {
	f, err := t.functionOf(r)
	if err != nil {
		return "", err
	}
	name, err := t.name(f)
	return functionARN + name + ":" + qualifier, err
}

// functionOf returns the function that a version or an alias belongs to.
func (t *Template) functionOf(r *resource) (*resource, error) {
	in := t.properties(r).get("FunctionName")
	name, err := in.text()
	if err != nil {
		return nil, err
	}
	for _, f := range t.of("AWS::Lambda::Function") {
		own, err := t.name(f)
		if err != nil {
			return nil, err
		}
		if name == own || name == functionARN+own {
			return f, nil
		}
	}
	return nil, in.fail("there is no function %q", name)
}

// attribute returns what GetAtt returns, or a stand-in for attributes that nothing here depends on.
func (t *Template) attribute(r *resource, attribute string) (string, error) {
	switch {
	case r.Type == "AWS::Lambda::Version" && attribute == "Version":
		return t.version, nil
	case r.Type == "AWS::Lambda::Function" && attribute == "Arn":
		name, err := t.name(r)
		return functionARN + name, err
	}
	return "{" + r.id + "." + attribute + "}", nil
}
