package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds every act and every wait. It is not a measure: a page that is right answers in milliseconds.
const patience = 30 * time.Second

// look is how a user has set the browser up. The zero value is a light desktop in English.
type look struct {
	lang          string // Accept-Language
	dark          bool
	width, height int64 // default 1200 by 800
}

// tab is a page with its own cookies. What goes wrong in it without being asked for is in wrong.
type tab struct {
	*testing.T
	life context.Context // of the tab
	base string          // address of the server

	mu      sync.Mutex
	wrong   []string
	allowed []string // parts of texts of wrong that are expected
}

// openTab opens a tab that fails its test if something went wrong in it.
func openTab(t *testing.T, base string, l look) *tab {
	t.Helper()
	p := newTab(t, base, l)
	t.Cleanup(func() {
		for _, w := range p.problems() {
			t.Error(w)
		}
	})
	return p
}

func newTab(t *testing.T, base string, l look) *tab {
	t.Helper()
	p := &tab{T: t, base: base}
	var stop func()
	p.life, stop = chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	t.Cleanup(stop)
	if err := chromedp.Do(p.life); err != nil { // opens it, without a deadline: that would bound its life
		t.Fatal(err)
	}
	scheme := map[bool]string{false: "light", true: "dark"}[l.dark]
	p.do(
		chromedp.EmulateViewport(cmp.Or(l.width, 1200), cmp.Or(l.height, 800)),
		command(audits.Enable, cdp.Empty{}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
	)
	if l.lang != "" {
		p.do(command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l.lang}}))
	}
	return p
}

func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// hear notes the events of the tab that are problems.
func (p *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.note("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if slices.Contains([]string{"error", "warning", "assert"}, string(e.Type)) {
			text, _ := json.Marshal(e.Args)
			p.note("console.%s: %s", e.Type, text)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.note("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			p.note("Content-Security-Policy: %s blocked %q", d.ViolatedDirective, d.BlockedURL)
		}
	case *network.EventRequestWillBeSent:
		p.request(e.Request.URL)
	case *network.EventWebSocketCreated:
		p.request(e.URL)
	}
}

// request notes a request that leaves the machine.
func (p *tab) request(address string) {
	u, err := url.Parse(address)
	if err == nil && slices.Contains([]string{"data", "blob", "about"}, u.Scheme) || err == nil && u.Hostname() == "127.0.0.1" {
		return
	}
	p.note("request to another machine: %s", address)
}

func (p *tab) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

// allow expects problems with this text: a page that does not exist is logged as an error, for example.
func (p *tab) allow(text string) { p.allowed = append(p.allowed, text) }

// problems are those so far, the ones of this moment included.
func (p *tab) problems() []string {
	chromedp.Run(p.life, chromedp.Evaluate[bool](`new Promise(resolve => setTimeout(() => resolve(true)))`, chromedp.EvalAwaitPromise))
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.wrong), func(w string) bool {
		return slices.ContainsFunc(p.allowed, func(text string) bool { return strings.Contains(w, text) })
	})
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if _, err := run(p, chromedp.Steps(steps...)); err != nil {
		p.Fatal(err, p.problems())
	}
}

func run[T any](p *tab, a chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.life, patience)
	defer cancel()
	return chromedp.Run(ctx, a)
}
