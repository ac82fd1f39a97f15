package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestProblemsAreSeen opens pages that do what no page of the console may do.
func TestProblemsAreSeen(t *testing.T) {
	script := func(text string) string { return `<script nonce="n">` + text + `</script>` }
	for name, test := range map[string]struct{ html, want string }{
		"nothing":           {`<p>fine</p>`, ""},
		"an exception":      {script(`throw new Error("thrown")`), "thrown"},
		"a rejection":       {script(`Promise.reject(new Error("rejected"))`), "rejected"},
		"console.error":     {script(`console.error("said")`), "said"},
		"an inline script":  {`<script>document.title = "ran"</script>`, "script-src"},
		"an inline style":   {`<p style="color: red">red</p>`, "style-src"},
		"another machine":   {`<img alt="" src="http://example.com/x.png">`, "request to another machine: http://example.com/x.png"},
		"a missing picture": {`<img alt="" src="/missing.png">`, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTab(t, content(t, test.html, "img-src 'self' data: http://example.com; script-src 'nonce-n'; default-src 'none'"), look{})
			p.visit("/")
			got := p.problems()
			if test.want == "" && len(got) > 0 || test.want != "" && !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			p.allow("")
			if got := p.problems(); len(got) > 0 {
				t.Errorf("allowed, and reported: %q", got)
			}
		})
	}
}

// content serves a page with this body and policy.
func content(t *testing.T, body, policy string) (base string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Security-Policy", policy)
			fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title><link rel="icon" href="data:,"><body><main><h1>x</h1>%s`, body)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestAuditFinds opens a page that cannot be read, used without a mouse, or shown on a phone.
func TestAuditFinds(t *testing.T) {
	base := content(t, `<p style="color:#ccc;background:#fff">pale</p><input><button></button><div style="width:2000px">wide</div>`,
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	p := openTab(t, base, look{width: 360, height: 740})
	p.visit("/")
	var rules []string
	for _, f := range p.audit() {
		rules = append(rules, f.ID)
	}
	slices.Sort(rules)
	if want := []string{"button-name", "color-contrast", "label"}; !slices.Equal(rules, want) {
		t.Errorf("found %q, want %q", rules, want)
	}
	if !value[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("a page of 2000 pixels fits")
	}
}

// TestActs uses a page that changes while it is used.
func TestActs(t *testing.T) {
	p := openTab(t, content(t, `<form><label>Name <input id="name" value="old"></label> <button id="go" type="button">Go</button></form>
		<p id="out"></p><p hidden class="note">hidden</p><p class="note">shown</p>
		<script nonce="n">
		go.onclick = () => requestAnimationFrame(() => { out.outerHTML = '<p id="out">' + document.querySelector("#name").value + '</p>'; });
		</script>`, "script-src 'nonce-n'; default-src 'none'; img-src data:"), look{})
	p.visit("/")
	p.fill("#name", "O'Hare")
	p.click("#go")
	p.sees("#out", "O'Hare")
	p.sees(".note", "shown")
	if value[bool](p, element(".note")+`.innerText.includes("hidden")`) {
		t.Error("a hidden element is found")
	}
	dark := openTab(t, p.base, look{dark: true, width: 360, height: 740, lang: "ja"})
	dark.visit("/")
	if got := value[string](dark, `[matchMedia("(prefers-color-scheme: dark)").matches, innerWidth].join()`); got != "true,360" {
		t.Errorf("dark and narrow: %s", got)
	}
}
