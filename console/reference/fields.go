package reference

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// deep is how many objects within each other a body shows. A schema inside itself is shown once.
const deep = 8

// Field is a value with a name. Limits that do not exist are "".
type Field struct {
	Name                 string // by its path in the body: "traveler.name", "flights[].number", "currencies.*"
	Depth                int    // 0 at the top of a body
	Type                 string // "string", "array of string", "object"; of values with a schema its name
	Format               string
	Schema               string // name of its schema, or of that of its items; "" without one
	Required, Nullable   bool
	Text                 string
	Minimum, Maximum     string
	MinLength, MaxLength string
	Pattern, PatternText string
	Default              string
	Enum, Examples       []string
}

// many is the number of values beyond which a page folds them.
const many = 12

// Many reports whether the field has too many values to read at a glance.
func (f Field) Many() bool { return len(f.Enum) > many }

// Limited reports whether anything but its type limits or explains the value.
func (f Field) Limited() bool {
	return f.Minimum+f.Maximum+f.MinLength+f.MaxLength+f.Pattern+f.PatternText+f.Default != "" || len(f.Enum)+len(f.Examples) > 0
}

// Key is the last part of the name.
func (f Field) Key() string { return f.Name[strings.LastIndexByte(f.Name, '.')+1:] }

// Within is the name without its last part.
func (f Field) Within() string { return strings.TrimSuffix(f.Name, f.Key()) }

func (d *doc) resolve(s schema) (name string, to schema) {
	name = strings.TrimPrefix(s.Ref, "#/components/schemas/")
	if name == "" {
		return "", s
	}
	return name, d.Components.Schemas[name]
}

func (d *doc) field(name string, s schema) Field {
	ref, to := d.resolve(s)
	f := Field{
		Name: name, Schema: ref, Text: cmp.Or(s.Description, to.Description), Format: to.Format,
		Minimum: to.Minimum.String(), Maximum: to.Maximum.String(), MinLength: to.MinLength.String(), MaxLength: to.MaxLength.String(),
		Pattern: to.Pattern, PatternText: to.PatternDescription,
		Default: text(to.Default), Enum: texts(to.Enum), Examples: texts(to.Examples), Nullable: slices.Contains(to.Type, "null"),
	}
	for _, t := range to.Type {
		if t != "null" {
			f.Type = t
		}
	}
	switch inner := cmp.Or(to.Items, to.AdditionalProperties.of); {
	case ref != "":
		f.Type = ref
	case inner != nil:
		of := d.field("", *inner)
		f.Schema, f.Type = of.Schema, strings.TrimSuffix(f.Type+" of "+of.Type, " of ")
	}
	return f
}

// fields lists the fields of an object, and below each the fields of its own value while levels are left. Within are the
// schemas around it, outermost first.
func (d *doc) fields(s schema, prefix string, levels int, within []string) (all []Field) {
	name, to := d.resolve(s)
	switch {
	case name != "" && slices.Contains(within, name):
		return nil
	case to.Items != nil:
		return d.fields(*to.Items, prefix+"[]", levels, within)
	case to.AdditionalProperties.of != nil && len(to.Properties) == 0:
		return d.fields(*to.AdditionalProperties.of, prefix+".*", levels, within)
	}
	within = append(slices.Clone(within), name)
	for _, key := range to.order() {
		f := d.field(strings.TrimPrefix(prefix+"."+key, "."), to.Properties[key])
		f.Depth, f.Required = len(within)-1, slices.Contains(to.Required, key)
		all = append(all, f)
		if levels > 0 {
			all = append(all, d.fields(to.Properties[key], f.Name, levels-1, within)...)
		}
	}
	return all
}

// example makes a value of the schema, with what the document gives for it; indent is that of its line.
func (d *doc) example(s schema, indent string, levels int) string {
	_, to := d.resolve(s)
	given := slices.Concat(to.Examples, []json.RawMessage{to.Default}, to.Enum)
	if i := slices.IndexFunc(given, func(v json.RawMessage) bool { return v != nil }); i >= 0 {
		return string(given[i])
	}
	switch {
	case slices.Contains(to.Type, "object") && len(to.Properties) > 0 && levels > 0:
		var lines []string
		for _, key := range to.order() {
			name, _ := json.Marshal(key)
			lines = append(lines, indent+"  "+string(name)+": "+d.example(to.Properties[key], indent+"  ", levels-1))
		}
		return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
	case slices.Contains(to.Type, "object"):
		return "{}"
	case slices.Contains(to.Type, "array"):
		return "[]"
	case slices.Contains(to.Type, "integer"), slices.Contains(to.Type, "number"):
		return cmp.Or(to.Minimum.String(), "1")
	case slices.Contains(to.Type, "boolean"):
		return "true"
	}
	return `"text"`
}
