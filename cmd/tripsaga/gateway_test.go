package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// gateway stands before a server: it may answer calls itself, and change answers.
type gateway struct {
	t      *testing.T
	proxy  *httputil.ReverseProxy
	before func(w http.ResponseWriter, r *http.Request) (done bool) // nil for none
	edits  []edit
	posts  int // bookings so far
}

// edit changes the answers of one kind of call.
type edit struct {
	at     string // see kindOf
	change func(doc any)
}

func startGateway(t *testing.T, server string, g *gateway) (url_ string) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	g.t = t
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: g.modify,
	}
	ts := httptest.NewServer(g)
	t.Cleanup(ts.Close)
	return ts.URL
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		g.posts++
	}
	if g.before != nil && g.before(w, r) {
		return
	}
	g.proxy.ServeHTTP(w, r)
}

// kindOf names a call: "book 2" is the second booking or cancellation, "quote" what a cancellation costs, "trip" a trip's details, "list" the list of all trips,
// "list PENDING" of those, "flights", "nights" and "ledger" are what they say; before the first booking each has the
// word "first" before it.
func (g *gateway) kindOf(r *http.Request) string {
	kind := map[string]string{"/inventory/flights": "flights", "/inventory/hotels": "nights", "/ledger": "ledger"}[r.URL.Path]
	switch {
	case r.Method == http.MethodPost:
		return "book " + strconv.Itoa(g.posts)
	case r.URL.Path == "/trips":
		kind = strings.TrimSpace("list " + r.URL.Query().Get("status"))
	case strings.HasSuffix(r.URL.Path, "/history"):
		kind = "history"
	case strings.HasSuffix(r.URL.Path, "/cancellation-quote"):
		kind = "quote"
	case strings.HasPrefix(r.URL.Path, "/trips/"):
		kind = "trip"
	}
	if g.posts == 0 {
		kind = "first " + kind
	}
	return kind
}

func (g *gateway) modify(answer *http.Response) error {
	for _, e := range g.edits {
		if e.at == g.kindOf(answer.Request) {
			rewrite(g.t, answer, e.change)
		}
	}
	return nil
}

func rewrite(t *testing.T, answer *http.Response, change func(any)) {
	var doc any
	if err := json.NewDecoder(answer.Body).Decode(&doc); err != nil {
		if answer.Request.Context().Err() == nil { // or the client has gone meanwhile
			t.Errorf("%s: %v", answer.Request.URL, err)
		}
		return
	}
	change(doc)
	body, err := json.Marshal(doc)
	if err != nil {
		t.Error(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// set puts a value at a path such as "saga.states.0.name"; nil removes a member.
func set(path string, value any) func(any) {
	return func(doc any) {
		names := strings.Split(path, ".")
		last := names[len(names)-1]
		for _, name := range names[:len(names)-1] {
			doc = child(doc, name)
		}
		switch at := doc.(type) {
		case []any:
			i, _ := strconv.Atoi(last)
			at[i] = value
		case map[string]any:
			at[last] = value
			if value == nil {
				delete(at, last)
			}
		}
	}
}

// child makes the member where it is missing.
func child(doc any, name string) any {
	if list, ok := doc.([]any); ok {
		i, _ := strconv.Atoi(name)
		return list[i]
	}
	object := doc.(map[string]any)
	if object[name] == nil {
		object[name] = map[string]any{}
	}
	return object[name]
}
