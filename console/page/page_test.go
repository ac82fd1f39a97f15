package page

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"tripsaga/shared/fault"
)

var sample = Parse(fstest.MapFS{
	"texts.json": {Data: []byte(`{"hello": {"en": "Hello", "ja": "こんにちは"}}`)},
	"form.html":  {Data: []byte(`<h1>{{t "hello"}}</h1><form method="post">{{token}}</form>{{bdi .}}`)},
})

// frame has a page at /console/form, and counts how often its form has reached the handler.
func frame() (f *Frame, sent *int) {
	f, sent = New(slog.New(slog.DiscardHandler), ""), new(int)
	f.Handle("/console/form", func(r *Request) (Page, error) {
		return Page{Templates: sample, Name: "form.html", Data: r.URL.Query().Get("name"), Title: "Form"}, nil
	})
	f.Handle("/console/fails", func(r *Request) (Page, error) {
		switch r.URL.Query().Get("how") {
		case "panic":
			panic("how")
		case "invalid":
			return Page{}, fault.Invalidf("day", "%q is no day", "<script>")
		}
		return Page{}, fault.New(fault.NotFound, fault.NameNotFound, "no trip")
	})
	f.HandlePost("/console/form", func(*Request) (Page, error) {
		*sent++
		return Page{Redirect: "/console/form"}, nil
	})
	return f, sent
}

func get(f *Frame, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func post(f *Frame, form url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/console/form", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func tokenIn(t *testing.T, body string) string {
	t.Helper()
	_, after, ok := strings.Cut(body, `name="token" value="`)
	token, _, ok2 := strings.Cut(after, `"`)
	if !ok || !ok2 || token == "" {
		t.Fatalf("no token in %s", body)
	}
	return token
}

// TestFormNeedsItsToken sends a form with and without what proves that it was rendered for this browser.
func TestFormNeedsItsToken(t *testing.T) {
	f, sent := frame()
	w := get(f, "/console/form")
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies %v", cookies)
	}
	token := tokenIn(t, w.Body.String())
	other := get(f, "/console/form").Result().Cookies()
	restarted, _ := frame()
	for name, try := range map[string]func() *httptest.ResponseRecorder{
		"no token":        func() *httptest.ResponseRecorder { return post(f, nil, cookies...) },
		"tampered":        func() *httptest.ResponseRecorder { return post(f, url.Values{"token": {"x" + token[1:]}}, cookies...) },
		"no cookie":       func() *httptest.ResponseRecorder { return post(f, url.Values{"token": {token}}) },
		"other browser":   func() *httptest.ResponseRecorder { return post(f, url.Values{"token": {token}}, other...) },
		"other process":   func() *httptest.ResponseRecorder { return post(restarted, url.Values{"token": {token}}, cookies...) },
		"token in target": func() *httptest.ResponseRecorder { return get(f, "/console/form?token="+token) },
	} {
		if w := try(); name != "token in target" && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "StaleForm")) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if *sent != 0 {
		t.Fatalf("%d forms were taken", *sent)
	}
	if w := post(f, url.Values{"token": {token}}, cookies...); w.Code != http.StatusSeeOther || *sent != 1 {
		t.Errorf("with its token: %d, taken %d", w.Code, *sent)
	}
}

// TestHostileText escapes what comes from outside, and shows what cannot be seen.
func TestHostileText(t *testing.T) {
	f, _ := frame()
	body := get(f, "/console/form?name="+url.QueryEscape("O'Hare <script>alert(1)</script>\u202e")).Body.String()
	if !strings.Contains(body, `<bdi>O&#39;Hare &lt;script&gt;alert(1)&lt;/script&gt;\u202e</bdi>`) {
		t.Error(body)
	}
	if body := get(f, "/console/fails?how=invalid").Body.String(); !strings.Contains(body, `day: &#34;&lt;script&gt;&#34; is no day`) {
		t.Error(body)
	}
}

func TestLanguage(t *testing.T) {
	f, _ := frame()
	for _, test := range []struct{ accept, cookie, want string }{
		{"", "", "Hello"}, {"ja,en;q=0.5", "", "こんにちは"}, {"de, fr", "", "Hello"}, {"ja", "en", "Hello"}, {"en", "ja", "こんにちは"}, {"en", "xx", "Hello"},
	} {
		body := get(f, "/console/form", "Accept-Language", test.accept, "Cookie", langCookie+"="+test.cookie).Body.String()
		if !strings.Contains(body, "<h1>"+test.want+"</h1>") {
			t.Errorf("%v: %s", test, body)
		}
	}
	w := get(f, "/console/form?name=x&lang=ja")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/console/form?name=x" {
		t.Errorf("the switch leads to %d %q", w.Code, to)
	}
}

// TestFailures are pages, each with its status.
func TestFailures(t *testing.T) {
	f, _ := frame()
	for target, want := range map[string]struct {
		status int
		text   string
	}{
		"/console/fails":             {404, "no trip"},
		"/console/fails?how=invalid": {400, "day: "},
		"/console/fails?how=panic":   {500, "InternalError"},
		"/console/nowhere":           {404, "/console/nowhere"},
	} {
		if w := get(f, target); w.Code != want.status || !strings.Contains(w.Body.String(), want.text) || !strings.Contains(w.Body.String(), "<nav") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// TestFormThatIsKept is shown again, by its own handler, when its token is not valid.
func TestFormThatIsKept(t *testing.T) {
	f, sent := frame()
	f.HandleForm("/console/kept", func(*Request) (Page, error) {
		*sent++
		return Page{Redirect: "/"}, nil
	}, func(r *Request) (Page, error) {
		return Page{Templates: sample, Name: "form.html", Data: r.PostForm.Get("name"), Status: http.StatusForbidden}, nil
	})
	r := httptest.NewRequest("POST", "/console/kept", strings.NewReader("name=Ada&token=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "<bdi>Ada</bdi>") || *sent != 0 {
		t.Errorf("%d %s, sent %d", w.Code, w.Body, *sent)
	}
}

// TestMethods answers a wrong method with those that are allowed.
func TestMethods(t *testing.T) {
	f, sent := frame()
	for _, test := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"DELETE", "/console/form", 405, "GET, HEAD, POST"},
		{"POST", "/console/fails", 405, "GET, HEAD"},
		{"PUT", "/console/nowhere", 404, ""},
		{"HEAD", "/console/form", 200, ""},
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q", test.method, test.target, w.Code, w.Header().Get("Allow"))
		}
	}
	if *sent != 0 {
		t.Errorf("%d forms were taken", *sent)
	}
}

// TestBrokenRequests says what is wrong with the request itself.
func TestBrokenRequests(t *testing.T) {
	f, _ := frame()
	for _, target := range []string{"/console/form?name=%zz", "/console/form?a;b", "/console/form?%"} {
		if w := get(f, target); w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "zz\"") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, test := range []struct {
		kind, body string
		status     int
	}{
		{"application/json", "{}", 415}, {"", "a=b", 415},
		{"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", maxForm), 413},
		{"application/x-www-form-urlencoded", "a=%zz", 400},
	} {
		r := httptest.NewRequest("POST", "/console/form", strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.kind)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s %.20s: %d, want %d", test.kind, test.body, w.Code, test.status)
		}
	}
}

// TestSwitch is on every page that can be loaded again, errors included.
func TestSwitch(t *testing.T) {
	f, _ := frame()
	w := get(f, "/console/nowhere?x=1&lang=ja")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/console/nowhere?x=1" || len(w.Result().Cookies()) != 1 {
		t.Errorf("on a page that does not exist: %d %q", w.Code, to)
	}
	if body := get(f, "/console/nowhere", "Accept-Language", "ja").Body.String(); !strings.Contains(body, "というページはありません") || !strings.Contains(body, `class="switch"`) {
		t.Error(body)
	}
	if body := post(f, nil).Body.String(); strings.Contains(body, `class="switch"`) {
		t.Error("the answer to a form leads to an address that loses the form")
	}
}
