package browser

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/chromedp/chromedp"
)

// axePath is the accessibility checker, which npm ci installs.
const axePath = "../../node_modules/axe-core/axe.min.js"

// finding is a rule that elements of the page break.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible checks the page as it is now: no element breaks a rule of axe-core seriously.
func (p *tab) accessible() {
	p.Helper()
	for _, f := range p.audit() {
		for _, n := range f.Nodes {
			p.Errorf("%s: %s: %s\n%s\n%s", f.Impact, f.ID, f.Help, n.HTML, strings.TrimSpace(n.FailureSummary))
		}
	}
}

// audit returns the serious and critical findings. The script is injected by the debugger, whatever the page's policy.
func (p *tab) audit() []finding {
	p.Helper()
	axe, err := os.ReadFile(axePath)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(requireVariable) != "1" {
		p.Skip("axe-core is missing: npm ci")
	}
	if err != nil {
		p.Fatal(err)
	}
	if !value[bool](p, `typeof axe === "object"`) {
		p.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	}
	return value[[]finding](p, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary}))})))`)
}

// fits checks that the page needs no scrolling to the side.
func (p *tab) fits() {
	p.Helper()
	if over := value[[]string](p, `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre"))
		.map(e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 60)).concat(location.href)`); len(over) > 0 {
		p.Errorf("wider than the screen:\n%s", strings.Join(over, "\n"))
	}
}
