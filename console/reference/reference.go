// Package reference is the console's page about the API. It turns an OpenAPI 3.1 document into what the page shows:
// operations by tag, their parameters, bodies and problems, the schemas, and a curl command for each operation.
//
// [Read] is a pure function and knows no operation by name. [Pages] serves its result.
package reference

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// API is what a page about a document shows. All texts are those of the document.
type API struct {
	Title, Version, Text string
	Tags                 []Tag
	Schemas              []Schema // by name
}

// Tag is a group of operations, by path.
type Tag struct {
	Name, Text string
	Operations []Operation
}

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path string
	Summary, Text    string
	Parameters       []Parameter
	Body             *Body // nil: it takes none
	Answers          []Answer
	Problems         []Answer // of the statuses from 400, and "default"
	Curl             string   // a command that makes the call
}

// Parameter is a value in the path, the query or a header.
type Parameter struct {
	In string // "path", "query", "header"
	Field
}

// Body is what is sent or answered.
type Body struct {
	Type    string // media type
	Of      Field  // the body itself
	Fields  []Field
	Example string // "" without one
}

// Answer is the answer with a status.
type Answer struct {
	Status, Text string
	Headers      []Field
	Body         *Body // nil: it has none
}

// Schema is a named schema of the document.
type Schema struct {
	Name, Text string
	Fields     []Field // its own; those of its fields are in their schemas
}

// Settings are what a document does not say.
type Settings struct {
	Base string // address of the API, without a slash at its end
	// Value returns a parameter's value for the command of an operation, "" for the document's own example.
	Value func(operation, parameter string) string
}

// Read returns the view of a document.
func Read(document []byte, s Settings) (API, error) {
	var d doc
	if err := json.Unmarshal(document, &d); err != nil {
		return API{}, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	api := API{Title: d.Info.Title, Version: d.Info.Version, Text: d.Info.Description, Tags: d.tags(s)}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		of := d.Components.Schemas[name]
		api.Schemas = append(api.Schemas, Schema{Name: name, Text: of.Description, Fields: d.fields(of, "", 0, nil)})
	}
	return api, nil
}

// tags groups the operations: first the document's tags in its order, then those that it only uses, by name.
func (d *doc) tags(s Settings) (tags []Tag) {
	for _, tag := range d.Tags {
		tags = append(tags, Tag{Name: tag.Name, Text: tag.Description})
	}
	used := map[string][]Operation{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := d.Paths[path][method]
			name := append(op.Tags, "other")[0]
			used[name] = append(used[name], d.operation(strings.ToUpper(method), path, op, s))
		}
	}
	for i := range tags {
		tags[i].Operations = used[tags[i].Name]
		delete(used, tags[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		tags = append(tags, Tag{Name: name, Operations: used[name]})
	}
	return slices.DeleteFunc(tags, func(t Tag) bool { return len(t.Operations) == 0 })
}

func (d *doc) operation(method, path string, op operation, s Settings) Operation {
	o := Operation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: op.Description}
	for _, p := range op.Parameters {
		f := d.field(p.Name, p.Schema)
		f.Required, f.Text = p.Required, cmp.Or(p.Description, f.Text)
		o.Parameters = append(o.Parameters, Parameter{p.In, f})
	}
	o.Body = d.body(op.RequestBody.Content, true)
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		a := d.answer(status, op.Responses[status])
		if status < "4" {
			o.Answers = append(o.Answers, a)
		} else {
			o.Problems = append(o.Problems, a)
		}
	}
	o.Curl = curl(o, s)
	return o
}

func (d *doc) answer(status string, r response) Answer {
	a := Answer{Status: status, Text: r.Description, Body: d.body(r.Content, false)}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		f := d.field(name, r.Headers[name].Schema)
		f.Text = cmp.Or(r.Headers[name].Description, f.Text)
		a.Headers = append(a.Headers, f)
	}
	return a
}

// body describes the first media type. The example of a request is made from its fields' examples if it has none itself.
func (d *doc) body(content map[string]media, request bool) *Body {
	if len(content) == 0 {
		return nil
	}
	kind := slices.Min(slices.Collect(maps.Keys(content)))
	m := content[kind]
	b := &Body{Type: kind, Of: d.field("", m.Schema), Fields: d.fields(m.Schema, "", deep, nil), Example: text(m.Example)}
	if b.Example == "" && request {
		b.Example = strings.TrimSpace(d.example(m.Schema, "", deep))
	}
	return b
}
