package browser

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/domain"
)

// status is the selector of a trip's status at the head of its page.
func status(s string) string { return fmt.Sprintf(`.heading [data-status=%q]`, s) }

// trip opens the page of a trip, once it is live.
func (p *tab) trip(id string) {
	p.Helper()
	p.visit("/console/trips/" + id)
	p.sees("#live", "")
	p.until(`document.getElementById("live").dataset.state`)
}

// TestHotelFull books the last rooms in two windows: the second saga takes its seats back before one's eyes.
func TestHotelFull(t *testing.T) {
	s, v := serveVirtual(t, "")
	p := openTab(t, s.base, look{})
	p.visit("/console/book?day=2027-03-31")
	p.click(`.offer:has([value="JL5"])`)
	p.click(`.offer:has([value="KYO-RYOKAN"])`)
	for range 8 {
		s.book(booking{hotel: "KYO-RYOKAN"})
	}
	v.Run()
	p.click(".book .primary")
	p.sees(status("PENDING"))
	v.Run()
	p.sees(status("FAILED"))
	p.sees(".failure", "HotelUnavailable")
	p.sees("#records", "refused", "given back", "No money has moved")
	p.sees(".timeline", "ReserveHotel", "CancelFlight")
}

// TestReplyLost follows a payment whose first reply is lost: the page says when it is tried again, and shows that it was
// charged once.
func TestReplyLost(t *testing.T) {
	s, v := serveVirtual(t, "ProcessPayment#1.reply=lost")
	id := s.book(booking{})
	p := openTab(t, s.base, look{})
	p.stopClock()
	p.trip(id)
	p.sees(status("PENDING"))
	p.sees(".next .task", "ReserveFlight", "attempt 1")
	for !waits(s, id) {
		v.Step()
	}
	p.sees(".next .retry", "ProcessPayment", "Attempt 2")
	p.until(`document.querySelector(".next [data-until]").textContent.endsWith(" s")`)
	v.Run()
	p.sees(status("CONFIRMED"))
	p.sees(".timeline", "attempt 2")
	p.sees(`#live[data-state="end"]`)
	if n := value[int](p, `document.querySelectorAll("#ledger tbody").length`); n != 1 {
		t.Errorf("%d entries in the ledger, want one charge", n)
	}
}

// waits reports whether the execution waits for the next attempt of a task.
func waits(s *server, id string) bool {
	s.Helper()
	view, err := s.sys.Sagas().View(s.Context(), domain.BookingSaga, id)
	if err != nil {
		s.Fatal(err)
	}
	return len(view.Pending) == 1 && view.Pending[0].Retry != 0
}

// TestRedrive redrives trips that need attention: one whose confirmation could not be recorded, which is confirmed then, and
// one whose refund was refused, which is refunded and fails then.
func TestRedrive(t *testing.T) {
	for name, test := range map[string]struct{ faults, card, stopped, end, money string }{
		"confirmed": {"BookingConfirmed#1=fail:InvalidRequest", "tok_ok", "BookingConfirmed", "CONFIRMED", "moves no money"},
		"refunded":  {"", "tok_refund_stuck", "RefundPayment", "FAILED", "refunds what was charged"},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := serveVirtual(t, test.faults)
			id := s.book(booking{card: test.card})
			v.Run()
			p := openTab(t, s.base, look{})
			p.visit("/console/")
			p.click(".attention li a")
			p.sees(".alarm", "Needs attention", test.stopped)
			p.accessible()
			p.click(".alarm .button")
			p.sees("h1", "Redrive this trip?")
			p.sees(".path", test.stopped)
			p.sees(".confirm", test.money)
			p.accessible()
			p.click(".confirm .primary")
			p.sees(".notice", "redriven")
			v.Run()
			p.sees(status(test.end))
			p.allow("409 (Conflict)")
			p.visit("/console/trips/" + id + "/redrive")
			p.sees("h1", "cannot be redriven")
		})
	}
}

// TestNothingIsRedrivenTwice sends the form of a redrive after another window has sent it.
func TestNothingIsRedrivenTwice(t *testing.T) {
	s, v := serveVirtual(t, "")
	id := s.book(booking{card: "tok_refund_stuck"})
	v.Run()
	first, second := openTab(t, s.base, look{}), openTab(t, s.base, look{})
	for _, p := range []*tab{first, second} {
		p.visit("/console/trips/" + id + "/redrive")
	}
	first.click(".confirm .primary")
	first.sees(".notice")
	v.Run()
	second.click(".confirm .primary")
	second.sees(".notice", "was redriven")
	if d, err := s.sys.Engine.Describe(t.Context(), id); err != nil || d.Redrives != 1 {
		t.Errorf("%d redrives, %v", d.Redrives, err)
	}
}

// endless counts to 6,200 and makes nearly the 25,000 events that an execution may have.
const endless = `{"StartAt": "Begin", "States": {
	"Begin": {"Type": "Pass", "Result": {"n": 0}, "Next": "Count"},
	"Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "More"},
	"More": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 6200, "Next": "Count"}], "Default": "Done"},
	"Done": {"Type": "Succeed"}}}`

// TestLongHistory opens an execution of nearly 25,000 events: its page is as small as any other's, and its history is read
// by the page, filtered, and from a link to one event.
func TestLongHistory(t *testing.T) {
	v := sim.NewVirtual(begin)
	s := serve(t, local.Options{Scheduler: v, Booking: local.Definition{Source: []byte(endless)}, Seed: rand.Uint64})
	id := s.book(booking{})
	v.Run()
	p := openTab(t, s.base, look{})
	p.trip(id)
	p.sees("#history", "24806")
	if n := value[int](p, `document.querySelectorAll("*").length`); n > 3000 {
		t.Errorf("the page has %d elements", n)
	}
	p.click("#history a")
	p.sees("main", "Page 1 of")
	if n := value[int](p, `document.querySelectorAll("table.history tbody tr").length`); n != 100 {
		t.Errorf("%d events on a page, want 100", n)
	}
	p.click(`[rel="last"]`)
	p.sees("table.history", "ExecutionSucceeded")
	p.fill("#q", "6199")
	p.keys("\r")
	p.until(`location.search.includes("q=6199")`)
	p.sees("table.history", "Count")
	p.fits()
	if text := value[string](p, `document.querySelector("main").innerText`); strings.Contains(text, "No event fits") {
		t.Error(text)
	}
}
