package reference

import (
	"encoding/json"
	"slices"
)

// doc is the part of an OpenAPI document that is shown.
type doc struct {
	Info       struct{ Title, Version, Description string }
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Parameters                        []parameter
	RequestBody                       struct{ Content map[string]media }
	Responses                         map[string]response
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                schema
}

type media struct {
	Schema  schema
	Example json.RawMessage
}

type response struct {
	Description string
	Content     map[string]media
	Headers     map[string]parameter
}

type schema struct {
	Ref                                    string `json:"$ref"`
	Type                                   types
	Format, Description                    string
	Pattern, PatternDescription            string
	Properties                             map[string]schema
	Required                               []string
	Items                                  *schema
	AdditionalProperties                   additional
	Enum, Examples                         []json.RawMessage
	Minimum, Maximum, MinLength, MaxLength json.Number
	Default                                json.RawMessage
}

// types reads a schema's type, which is a name or a list of names.
type types []string

func (t *types) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(t))
	}
	*t = types{""}
	return json.Unmarshal(data, &(*t)[0])
}

// additional reads additionalProperties, which is a truth value or the schema of the values.
type additional struct{ of *schema }

func (a *additional) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return nil
	}
	return json.Unmarshal(data, &a.of)
}

// order lists the properties: the required ones as the document lists them, then the others by name.
func (s schema) order() []string {
	names := slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool {
		_, ok := s.Properties[name]
		return !ok
	})
	var others []string
	for name := range s.Properties {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

// text is a value for people: a string without its quotes, anything else as JSON, "" for none.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

func texts(values []json.RawMessage) (all []string) {
	for _, v := range values {
		all = append(all, text(v))
	}
	return all
}
