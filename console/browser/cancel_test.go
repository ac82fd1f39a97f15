package browser

import (
	"testing"

	"tripsaga/trip/domain"
)

// TestCancel cancels a trip by the form that shows what it costs, and follows the second saga.
func TestCancel(t *testing.T) {
	s, v := serveVirtual(t, "")
	id := s.book(booking{})
	v.Run()
	q, err := s.sys.App.CancellationQuote(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	v.Advance(q.Departs.Sub(v.Now()) / 20 * 19) // hours before the departure
	for _, l := range []look{{}, {width: 360, height: 740}, {lang: "ja", width: 360, height: 740}} {
		p := openTab(t, s.base, l)
		p.visit("/console/trips/" + id + "/cancel")
		p.sees("#quote", "JPY")
		p.accessible()
		p.fits()
		if !value[bool](p, `[...document.querySelectorAll("h1")].every(e => {
			const at = e.textContent.indexOf("キャンセル"), r = document.createRange();
			if (at < 0) return true;
			r.setStart(e.firstChild, at); r.setEnd(e.firstChild, at + 5);
			return new Set([...r.getClientRects()].map(b => b.top)).size == 1; })`) {
			t.Error("the heading breaks inside a word")
		}
		if gap := value[float64](p, `(() => { const [a, b] = [...document.querySelectorAll(".confirm :is(button, .button)")].map(e => e.getBoundingClientRect());
			return Math.max(b.left - a.right, b.top - a.bottom); })()`); gap < 4 {
			t.Errorf("%g pixels between the buttons", gap)
		}
	}
	p := openTab(t, s.base, look{})
	p.visit("/console/trips/" + id)
	p.keys("c")
	p.sees("h1", "Cancel this trip?")
	p.sees("#policy", "168 h or more before", "50 %")
	p.fill("#reason", "plans changed")
	p.click(".confirm .primary")
	p.sees(".notice", "accepted")
	p.sees(status("CANCELLING"))
	p.sees("#cancellation", "plans changed", "Refund")
	p.accessible()
	v.Run()
	p.sees(status("CANCELLED"))
	p.sees("#money", "Refunded", "a fee of")
	p.sees("#timeline-table", "RefundBooking")
	p.accessible()
	p.fits()
	p.click(`.tabs a[href$="?saga=booking#saga"]`)
	p.sees("#timeline-table", "ProcessPayment")
	p.allow("409 (Conflict)")
	p.visit("/console/trips/" + id + "/cancel")
	p.sees("h1", "already cancelled")
	if d, err := s.sys.Cancellations.Describe(t.Context(), id); err != nil || d.Machine != domain.CancellationSaga {
		t.Errorf("%+v, %v", d, err)
	}
}
