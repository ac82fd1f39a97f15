package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a user does and sees. A live page replaces its elements at any time, so every act finds them anew, and every look
// waits until the page is as expected.

// visit opens a page of the server.
func (p *tab) visit(path string) {
	p.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

// value is that of an expression in the page, or of its promise.
func value[T any](p *tab, expression string) T {
	p.Helper()
	v, err := run(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// until waits until the expression is true, looking at each change of the document. Where the page goes to another one
// meanwhile it waits there.
func (p *tab) until(expression string) {
	p.Helper()
	promise := fmt.Sprintf(`new Promise(resolve => {
		const holds = () => { try { return %s; } catch { return false; } }; // of a page that is only beginning
		const check = () => holds() && (watch.disconnect(), resolve(true));
		const watch = new MutationObserver(check);
		watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
		addEventListener("load", check); addEventListener("hashchange", check); addEventListener("scroll", check, true); addEventListener("focusin", check);
		check();
	})`, expression)
	ctx, cancel := context.WithTimeout(p.life, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](promise, chromedp.EvalAwaitPromise))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !left(err) {
			text, _ := run(p, chromedp.Evaluate[string](`document.body.innerText`))
			p.Fatalf("never true: %s: %v\n%s", expression, err, text)
		}
	}
}

// left reports whether an evaluation ended because its page was left.
func left(err error) bool {
	for _, text := range []string{"context was destroyed", "Cannot find context", "navigated or closed", "Promise was collected"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// js is a Go value as an expression.
func js(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// element is the expression of the first visible element that the CSS selector finds, undefined for none.
func element(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%s)].find(e => e.checkVisibility({visibilityProperty: true}))`, js(selector))
}

// sees waits until an element is visible, and its text contains all of these.
func (p *tab) sees(selector string, texts ...string) {
	p.Helper()
	p.until(fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.checkVisibility({visibilityProperty: true}) &&
		%s.every(text => e.innerText.includes(text)))`, js(selector), js(append([]string{}, texts...))))
}

// click clicks in the middle of an element, once it is visible.
func (p *tab) click(selector string) {
	p.Helper()
	p.until(element(selector))
	at := value[[]float64](p, fmt.Sprintf(`(() => { const e = %s; e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2]; })()`, element(selector)))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}

// fill types into a field in place of what it has.
func (p *tab) fill(selector, text string) {
	p.Helper()
	p.until(element(selector))
	p.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(e => { e.focus(); e.select && e.select(); })(%s)`, element(selector))))
	p.keys(text)
}

// keys types, as a keyboard does: a key that the page handles itself puts nothing into a field.
func (p *tab) keys(keys string) {
	p.Helper()
	p.until(`document.readyState === "complete"`) // its scripts run
	for _, r := range keys {
		events := kb.Encode(r)
		if len(events) == 3 { // down, char, up
			events[0].Text, events[0].UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			events = slices.Delete(events, 1, 2)
		}
		for _, e := range events {
			p.do(command(input.DispatchKeyEvent, *e))
		}
	}
}
