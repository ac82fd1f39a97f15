package rest

import (
	"reflect"
	"strings"
	"testing"
)

// requests has for each use case of [Deps] a request that it serves.
var requests = map[string]struct{ method, target, body, contentType string }{
	"Book":     {"POST", "/trips", goodBooking, "application/json"},
	"Cancel":   {"POST", "/trips/" + someID + "/cancel", "", ""},
	"Quote":    {"GET", "/trips/" + someID + "/cancellation-quote", "", ""},
	"Details":  {"GET", "/trips/" + someID, "", ""},
	"Trips":    {"GET", "/trips", "", ""},
	"Flights":  {"GET", "/inventory/flights", "", ""},
	"Nights":   {"GET", "/inventory/hotels", "", ""},
	"Load":     {"POST", "/inventory", "kind", "text/csv"},
	"LastLoad": {"GET", "/inventory", "", ""},
	"Ledger":   {"GET", "/ledger", "", ""},
	"Health":   {"GET", "/healthz", "", ""},
}

// TestEveryUseCase lets each fail while all others work, several times, since a request that fails must hold nothing for ever.
// Then it checks that the cursor of a page is in the answer. It uses the fields of [Deps], so that no new use case is
// forgotten.
func TestEveryUseCase(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Deps]()) {
		if field.Type.Kind() != reflect.Func {
			continue
		}
		r, ok := requests[field.Name]
		if !ok {
			t.Errorf("no request of %s: add it to the table in usecases_test.go", field.Name)
			continue
		}
		asked := func(change func(out []reflect.Value)) (body string, code int) {
			deps := depsOf(newWorld())
			use := func([]reflect.Value) []reflect.Value {
				out := make([]reflect.Value, field.Type.NumOut())
				for i := range out {
					out[i] = reflect.New(field.Type.Out(i)).Elem()
				}
				change(out)
				return out
			}
			reflect.ValueOf(&deps).Elem().FieldByIndex(field.Index).Set(reflect.MakeFunc(field.Type, use))
			api := New(deps)
			for range maxLoads + 1 {
				answer := ask(api, r.method, r.target, r.body, "Content-Type", r.contentType)
				body, code = answer.Body.String(), answer.Code
			}
			return body, code
		}
		body, code := asked(func(out []reflect.Value) { out[len(out)-1].Set(reflect.ValueOf(full)) })
		if code != 503 || !strings.Contains(body, full.Message) {
			t.Errorf("%s fails: %s %s answers %d %s, want 503 and %q", field.Name, r.method, r.target, code, body, full.Message)
		}
		if page := field.Type.Out(0); page.Kind() == reflect.Struct {
			if _, ok := page.FieldByName("Cursor"); ok {
				body, code := asked(func(out []reflect.Value) { out[0].FieldByName("Cursor").SetString("further") })
				if code != 200 || !strings.Contains(body, `"next_cursor":"further"`) {
					t.Errorf("%s: %s %s answers %d %s, want the page's cursor", field.Name, r.method, r.target, code, body)
				}
			}
		}
	}
}
