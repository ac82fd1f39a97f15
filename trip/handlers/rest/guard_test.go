package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tripsaga/shared/fault"
)

func guarded() http.Handler {
	return Guard(newWorld().handler(), []string{"Trips.example.com", "proxy.internal:8443"})
}

func TestGuardHost(t *testing.T) {
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST:1": true, "127.0.0.1": true, "127.0.0.1:8080": true,
		"127.9.9.9:80": true, "[::1]": true, "[::1]:8080": true, "trips.example.com": true, "trips.example.com:443": true,
		"proxy.internal:8443": true, "proxy.internal:1": false, "evil.example": false, "evil.example:8080": false,
		"127.0.0.1.evil.example": false, "localhost.evil.example:8080": false, "10.0.0.1": false, "": false, "[::2]:8080": false,
	} {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		guarded().ServeHTTP(w, r)
		if allowed && w.Code != 200 {
			t.Errorf("host %q: %d %s", host, w.Code, w.Body)
		}
		if !allowed {
			wantProblem(t, w, 403, "Forbidden")
		}
	}
}

func TestGuardOrigin(t *testing.T) {
	for _, c := range []struct {
		method  string
		header  []string
		allowed bool
	}{
		{"GET", nil, true},
		{"POST", nil, true},
		{"GET", []string{"Origin", "http://127.0.0.1:8080"}, true},
		{"POST", []string{"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"}, true},
		{"POST", []string{"Sec-Fetch-Site", "none"}, true},
		{"GET", []string{"Origin", "http://evil.example"}, false},
		{"GET", []string{"Origin", "http://127.0.0.1:3000"}, false},
		{"GET", []string{"Origin", "null"}, false},
		{"GET", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, true}, // a link
		{"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, false},
		{"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, false},
		{"GET", []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, false},
		{"POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, false}, // a form
		{"POST", []string{"Origin", "http://evil.example"}, false},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"POST", []string{"Sec-Fetch-Site", "same-site"}, false},
	} {
		target := map[string]string{"GET": "/healthz", "POST": "/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/redrive"}[c.method]
		w := ask(guarded(), c.method, target, "", c.header...)
		if c.allowed && w.Code >= 400 {
			t.Errorf("%s %q: %d %s", c.method, c.header, w.Code, w.Body)
		}
		if !c.allowed {
			wantProblem(t, w, 403, "Forbidden")
		}
	}
}

func TestGuardBody(t *testing.T) {
	space := func(n int) string { return goodBooking + strings.Repeat(" ", n-len(goodBooking)) }
	for _, c := range []struct {
		name, target, body, contentType string
		status                          int
	}{
		{"booking", "/trips", goodBooking, "application/json; charset=utf-8", 202},
		{"largest booking", "/trips", space(64 << 10), "application/json", 202},
		{"too large", "/trips", space(64<<10 + 1), "application/json", 413},
		{"no type", "/trips", goodBooking, "", 415},
		{"form", "/trips", goodBooking, "application/x-www-form-urlencoded", 415},
		{"text", "/trips", goodBooking, "text/plain", 415},
		{"inventory", "/inventory", strings.Repeat("x", 100<<10), "text/csv", 200},
		{"inventory too large", "/inventory", strings.Repeat("x", 4<<20+1), "text/csv", 413},
		{"inventory as JSON", "/inventory", "{}", "application/json", 415},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
			r.Host = "localhost"
			r.Header.Set("Content-Type", c.contentType)
			if chunked {
				r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(c.body))
			}
			w := httptest.NewRecorder()
			guarded().ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("%s (chunked: %v): %d %s, want %d", c.name, chunked, w.Code, w.Body, c.status)
			}
			if c.status >= 400 {
				wantProblem(t, w, c.status, fault.NameInvalid)
			}
		}
	}
}

// TestBodies is the part of the guard that a server behind a gateway keeps: hosts and origins are the gateway's.
func TestBodies(t *testing.T) {
	h := newWorld().handler()
	foreign := []string{"Origin", "https://elsewhere.example", "Host", "id.execute-api.eu-west-1.amazonaws.com"}
	if answer := ask(h, "GET", "/trips", "", foreign...); answer.Code != 200 || answer.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a call from elsewhere: %d, %v", answer.Code, answer.Header())
	}
	wantProblem(t, ask(h, "POST", "/trips", goodBooking, "Content-Type", "text/plain"), 415, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", "/trips", strings.Repeat(" ", maxBody+1), "Content-Type", "application/json"), 413, fault.NameInvalid)
}

func TestGuardHeaders(t *testing.T) {
	w := ask(guarded(), "GET", "/healthz", "")
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

func TestServerIsBounded(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("%+v", s)
	}
}
