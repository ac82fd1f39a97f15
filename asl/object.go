package asl

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tripsaga/asl/expr"
)

// object reads one JSON object of a definition. It remembers the fields that are read, and close reports all others. So the
// code that reads the fields is also the list of the fields that are allowed.
type object struct {
	p      *parser
	path   string
	what   string // "a Task state", for messages
	graph  *graph // whose state this is, or is part of
	fields map[string]any
	known  []string
}

// object returns v as an object. If v is not an object, it adds a problem and ok is false.
func (p *parser) object(v any, path, what string) (*object, bool) {
	fields, ok := v.(map[string]any)
	if !ok {
		p.problem(path, "%s must be an object, is %s", what, kindOf(v))
		return nil, false
	}
	return &object{p: p, path: path, what: what, fields: fields}, true
}

// child returns v, which is at path inside o, as an object.
func (o *object) child(v any, path, what string) (*object, bool) {
	c, ok := o.p.object(v, path, what)
	if ok {
		c.graph = o.graph
	}
	return c, ok
}

func (o *object) get(name string) (any, bool) {
	o.known = append(o.known, name)
	v, ok := o.fields[name]
	return v, ok
}

func (o *object) at(name string) string { return join(o.path, name) }

func (o *object) problem(name, format string, args ...any) {
	o.p.problem(o.at(name), format, args...)
}

func (o *object) has(name string) bool { _, ok := o.fields[name]; return ok }

// text reads a string field.
func (o *object) text(name string) (string, bool) {
	v, ok := o.get(name)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		o.problem(name, "must be a string, is %s", kindOf(v))
	}
	return s, ok
}

// requiredText reads a string field that is required and must not be empty.
func (o *object) requiredText(name string) string {
	s, ok := o.text(name)
	if !o.has(name) {
		o.p.problem(o.path, "%s needs the field %q", o.what, name)
	} else if ok && s == "" {
		o.problem(name, "must not be empty")
	}
	return s
}

func (o *object) flag(name string) bool {
	v, ok := o.get(name)
	if !ok {
		return false
	}
	b, isBool := v.(bool)
	if !isBool {
		o.problem(name, "must be true or false, is %s", kindOf(v))
	}
	return b
}

// integer reads a whole number from least to most, without quotes, fraction or exponent.
func (o *object) integer(name string, least, most, absent int) int {
	v, ok := o.get(name)
	if !ok {
		return absent
	}
	number, isNumber := v.(json.Number)
	n, err := strconv.Atoi(string(number))
	if !isNumber || err != nil || n < least || n > most {
		o.problem(name, "must be a whole number from %d to %d, is %s", least, most, shown(v))
		return absent
	}
	return n
}

func (o *object) array(name string) ([]any, bool) {
	v, ok := o.get(name)
	if !ok {
		return nil, false
	}
	a, isArray := v.([]any)
	if !isArray {
		o.problem(name, "must be an array, is %s", kindOf(v))
	}
	return a, isArray
}

// template reads a payload template.
func (o *object) template(name string) *expr.Template {
	v, ok := o.get(name)
	if !ok {
		return nil
	}
	if _, isObject := v.(map[string]any); !isObject {
		o.problem(name, "must be an object, is %s", kindOf(v))
		return nil
	}
	t, err := expr.ParseTemplate(v)
	if err != nil {
		o.p.syntax(o.at(name), err)
		return nil
	}
	return t
}

// referencePath reads a path that names exactly one place.
func (o *object) referencePath(name string) *expr.Path {
	s, ok := o.text(name)
	if !ok {
		return nil
	}
	p, err := expr.ParseReferencePath(s)
	if err != nil {
		o.problem(name, "%s", err)
		return nil
	}
	return p
}

// syntax adds the error of a template or a choice rule as a problem, at its place inside the value at path.
func (p *parser) syntax(path string, err error) {
	var e *expr.SyntaxError
	if errors.As(err, &e) {
		p.problem(path+e.Path, "%s", e.Message)
		return
	}
	p.problem(path, "%s", err)
}

// syntaxMessage returns the error of a template or a choice rule without its place.
func syntaxMessage(err error) string {
	var e *expr.SyntaxError
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// refuse adds a problem if the definition has a field that Step Functions supports and this package does not.
func (o *object) refuse(name, why string) {
	if _, ok := o.get(name); ok {
		o.problem(name, "%s", why)
	}
	o.known = o.known[:len(o.known)-1]
	delete(o.fields, name)
}

// either adds a problem if both of two mutually exclusive fields are present.
func (o *object) either(a, b string) {
	if o.has(a) && o.has(b) {
		o.problem(b, "%s and %s exclude each other", a, b)
	}
}

// close adds a problem for each field that was not read.
func (o *object) close() {
	o.text("Comment")
	for name := range o.fields {
		if slices.Contains(o.known, name) {
			continue
		}
		slices.Sort(o.known)
		o.problem(name, "%s has no such field; allowed are %s", o.what, strings.Join(slices.Compact(o.known), ", "))
	}
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}

// shown returns a value for a message: the value if it is short, else its kind.
func shown(v any) string {
	switch v := v.(type) {
	case json.Number:
		return string(v)
	case string:
		if len(v) <= MaxName {
			return strconv.Quote(v)
		}
	case bool:
		return fmt.Sprint(v)
	}
	return kindOf(v)
}
