package reference_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tripsaga/console/reference"
	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// served is the API of a new system with the demo inventory.
func served(t *testing.T, opt local.Options) *httptest.Server {
	t.Helper()
	sys, err := local.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close(t.Context()) })
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(rest.Guard(sys.API(nil), nil))
	t.Cleanup(server.Close)
	return server
}

func document(t *testing.T, server *httptest.Server) []byte {
	t.Helper()
	answer, err := http.Get(server.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t *testing.T, document []byte, s reference.Settings) reference.API {
	t.Helper()
	api, err := reference.Read(document, s)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func operations(api reference.API) map[string]reference.Operation {
	all := map[string]reference.Operation{}
	for _, tag := range api.Tags {
		for _, op := range tag.Operations {
			all[op.ID] = op
		}
	}
	return all
}

func TestTheAPIsDocument(t *testing.T) {
	api := read(t, document(t, served(t, local.Options{})), reference.Settings{Base: "http://127.0.0.1:8080"})
	var tags, names []string
	for _, tag := range api.Tags {
		tags = append(tags, tag.Name)
		if tag.Text == "" {
			t.Errorf("the tag %s has no description", tag.Name)
		}
	}
	if want := []string{"trips", "sagas", "inventory", "events", "operation"}; !slices.Equal(tags, want) {
		t.Errorf("tags %q, want %q", tags, want)
	}
	for _, s := range api.Schemas {
		names = append(names, s.Name)
	}
	for id, op := range operations(api) {
		if op.Summary == "" || len(op.Answers) == 0 || len(op.Problems) < 4 || !strings.HasPrefix(op.Curl, "curl ") {
			t.Errorf("%s is shown by half: %+v", id, op)
		}
		for _, b := range bodies(op) {
			for _, f := range append(b.Fields, b.Of) {
				if f.Schema != "" && !slices.Contains(names, f.Schema) || f.Type == "" && f.Name != "errors[].value" {
					t.Errorf("%s %s: type %q of schema %q", id, f.Name, f.Type, f.Schema)
				}
			}
		}
	}
	book := operations(api)["book-trip"]
	var fields []string
	for _, f := range book.Body.Fields {
		fields = append(fields, strings.Repeat("  ", f.Depth)+f.Name)
	}
	want := []string{
		"traveler", "  traveler.name", "  traveler.email", "flight", "  flight.number", "  flight.date", "  flight.seats",
		"hotel", "  hotel.id", "  hotel.check_in", "  hotel.check_out", "  hotel.rooms", "payment", "  payment.card_token", "currency",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("fields of a booking %q, want %q", fields, want)
	}
	seats := book.Body.Fields[6]
	if seats.Type != "integer" || !seats.Required || seats.Minimum != "1" || seats.Maximum != "9" || !slices.Equal(seats.Examples, []string{"2"}) {
		t.Errorf("seats: %+v", seats)
	}
	if card := book.Body.Fields[13]; card.Pattern != "^(tok|pm)_[A-Za-z0-9_]{1,60}$" {
		t.Errorf("card token: %+v", card)
	}
	if c := book.Body.Fields[14]; !slices.Contains(c.Enum, "JPY") || c.MinLength != "3" || c.Text != "ISO 4217." {
		t.Errorf("currency: %+v", c)
	}
}

func bodies(op reference.Operation) (all []reference.Body) {
	if op.Body != nil {
		all = append(all, *op.Body)
	}
	for _, a := range slices.Concat(op.Answers, op.Problems) {
		if a.Body != nil {
			all = append(all, *a.Body)
		}
	}
	return all
}

func TestUnusualDocuments(t *testing.T) {
	const odd = `{"paths": {
		"/a/{x y}": {"put": {"operationId": "a", "tags": ["late"], "parameters": [
			{"in": "path", "name": "x y", "required": true, "schema": {"type": "string", "examples": ["it's / <b>"]}},
			{"in": "query", "name": "q", "required": true, "schema": {"type": "integer", "enum": [7, 8]}},
			{"in": "header", "name": "H", "required": true, "schema": {"type": "string"}}],
			"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}},
			"responses": {"204": {"description": "Done"}, "default": {"description": "Not"}}}},
		"/b": {"get": {"operationId": "b", "responses": {"200": {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}}}},
		"tags": [{"name": "unused"}, {"name": "late", "description": "Last but first."}],
		"components": {"schemas": {"Node": {"type": ["object", "null"], "required": ["gone", "label"], "properties": {
			"label": {"type": "string", "default": "it's"}, "many": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
			"any": {}, "missing": {"$ref": "#/components/schemas/Nowhere"}, "by": {"type": "object", "additionalProperties": {"type": "number"}}}}}}}`
	api := read(t, []byte(odd), reference.Settings{Base: "http://h", Value: func(op, name string) string {
		return map[string]string{"a H": "set"}[op+" "+name]
	}})
	if len(api.Tags) != 2 || api.Tags[0].Name != "late" || api.Tags[1].Name != "other" {
		t.Fatalf("tags %+v", api.Tags)
	}
	a := operations(api)["a"]
	const want = `curl -i -X PUT 'http://h/a/it%27s%20%2F%20%3Cb%3E?q=7' \
  -H 'H: set' \
  -H 'Content-Type: application/json' \
  --data-binary '{
  "label": "it'\''s",
  "any": "text",
  "by": {},
  "many": [],
  "missing": "text"
}'`
	if a.Curl != want {
		t.Errorf("curl\n%s\nwant\n%s", a.Curl, want)
	}
	if got := operations(api)["b"].Curl; got != "curl -N http://h/b" {
		t.Errorf("a stream: %s", got)
	}
	var types []string
	for _, f := range api.Schemas[0].Fields {
		types = append(types, f.Name+" "+f.Type)
	}
	if want := []string{"label string", "any ", "by object of number", "many array of Node", "missing Nowhere"}; !slices.Equal(types, want) {
		t.Errorf("types %q, want %q", types, want)
	}
	if _, err := reference.Read([]byte("<html>"), reference.Settings{}); err == nil {
		t.Error("a page is read as a document")
	}
}
