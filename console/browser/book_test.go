package browser

import (
	"testing"
)

// TestBook books by the form: with errors first, and then as a user does, by keys and clicks, up to the trip's page.
func TestBook(t *testing.T) {
	s, v := serveVirtual(t, "")
	p := openTab(t, s.base, look{})
	p.visit("/console/")
	p.sees(".empty")
	p.keys("b")
	p.sees("h1", "Book a trip")
	p.fill("#name", "Grace O'Hare")
	p.fill("#email", "grace@nowhere")
	p.click(`.offer:has([value="JL5"])`)
	p.click(`.offer:has([value="TYO-PARK"])`)
	p.fill("#nights", "1")
	p.click(`[value="offers"]`)
	p.until(`document.querySelector("[name=offered]").value.includes("/1/")`)
	p.allow("400 (Bad Request)")
	p.click(".book .primary")
	p.sees("#email-problem")
	if got := value[string](p, `document.getElementById("name").value + document.querySelector("[name=flight]:checked").value`); got != "Grace O'HareJL5" {
		t.Errorf("the form has forgotten: %q", got)
	}
	p.fill("#email", "grace@example.com")
	p.click(".book .primary")
	p.until(`/^.console.trips./.test(location.pathname)`)
	id := value[string](p, `location.pathname.split("/").pop()`)

	list := openTab(t, s.base, look{})
	list.visit("/console/")
	list.sees(row(id), "Grace O'Hare", "Pending")
	p.sees(status("PENDING"))
	v.Run()
	list.sees(row(id), "Confirmed")
	p.sees(status("CONFIRMED"))
	p.sees(`#live[data-state="end"]`)
	p.sees(".trip-facts", "210,000 JPY")
}
