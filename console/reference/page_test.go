package reference_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tripsaga/console/page"
	"tripsaga/console/reference"
	"tripsaga/local"
)

// open serves the page over an API.
func open(api http.Handler) *page.Frame {
	f := page.New(slog.New(slog.DiscardHandler), "")
	reference.Pages(f, api)
	return f
}

func get(f http.Handler, lang string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest("GET", "http://127.0.0.1:8080/docs", nil), httptest.NewRecorder()
	r.Header.Set("Accept-Language", lang)
	f.ServeHTTP(w, r)
	return w
}

// attributes calls f for each attribute of a page.
func attributes(t *testing.T, body string, f func(element, name, value string)) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			f(n.Data, a.Key, a.Val)
		}
	}
}

func TestPage(t *testing.T) {
	server := served(t, local.Options{})
	f := open(server.Config.Handler)
	api := read(t, document(t, server), reference.Settings{Base: "http://127.0.0.1:8080"})
	for lang, heading := range map[string]string{"en": "<h1>API reference</h1>", "ja": "<h1>API リファレンス</h1>"} {
		w := get(f, lang)
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, heading) {
			t.Fatalf("%s: %d %.2000s", lang, w.Code, body)
		}
		var ids, links, commands []string
		attributes(t, body, func(element, name, value string) {
			switch {
			case name == "id":
				ids = append(ids, value)
			case name == "href" && strings.HasPrefix(value, "#"):
				links = append(links, value[1:])
			case name == "data-copy":
				commands = append(commands, value)
			case name == "style" || element == "style" || strings.HasPrefix(name, "on"):
				t.Errorf("%s: <%s %s=%q>", lang, element, name, value)
			}
		})
		for _, id := range ids {
			if strings.Count(" "+strings.Join(ids, " ")+" ", " "+id+" ") != 1 {
				t.Errorf("%s: the id %s is not unique", lang, id)
			}
		}
		for _, link := range links {
			if !slices.Contains(ids, link) {
				t.Errorf("%s: a link leads to #%s, which does not exist", lang, link)
			}
		}
		for _, s := range api.Schemas {
			if !slices.Contains(ids, "schema-"+s.Name) {
				t.Errorf("%s: there is no link to the schema %s", lang, s.Name)
			}
		}
		for id, op := range operations(api) {
			if !slices.Contains(ids, id) || !slices.Contains(commands, op.Curl) {
				t.Errorf("%s: the operation %s is not shown, or without its command", lang, id)
			}
		}
	}
}

// answers is an API that answers the same to everything but the paths in it.
type answers map[string]string

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := a[r.URL.RequestURI()]
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, body)
}

const paths = `{"paths": {
	"/trips/{id}": {"get": {"operationId": "get-trip", "summary": "</p><script>alert(1)</script>", "parameters": [{"in": "path", "name": "id", "required": true}]}},
	"/trips/{id}/redrive": {"post": {"operationId": "redrive-trip", "parameters": [{"in": "path", "name": "id", "required": true}]}}}}`

// TestTripsInCommands: a command names the newest trip, and the one of redrive a trip that can be redriven.
func TestTripsInCommands(t *testing.T) {
	api := answers{
		"/openapi.json": paths, "/trips?limit=1": `{"trips": [{"id": "newest"}]}`,
		"/trips?limit=1&status=NEEDS_ATTENTION": `{"trips": [{"id": "waiting"}]}`,
	}
	body := get(open(api), "en").Body.String()
	for _, want := range []string{"curl http://127.0.0.1:8080/trips/newest<", "curl -i -X POST http://127.0.0.1:8080/trips/waiting/redrive<"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "<script>") || strings.Contains(body, "no trip yet") {
		t.Error(body)
	}
	delete(api, "/trips?limit=1&status=NEEDS_ATTENTION")
	if body := get(open(api), "en").Body.String(); !strings.Contains(body, "/trips/newest/redrive<") {
		t.Error(body)
	}
	delete(api, "/trips?limit=1")
	if body := get(open(api), "en").Body.String(); !strings.Contains(body, "no trip yet") {
		t.Error(body)
	}
}

func TestFailures(t *testing.T) {
	for body, want := range map[string]int{"": http.StatusServiceUnavailable, "<html>": http.StatusInternalServerError} {
		api := answers{"/openapi.json": body}
		if body == "" {
			api = nil
		}
		if w := get(open(api), "en"); w.Code != want || !strings.Contains(w.Body.String(), "<nav") {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
}
