package browser

import (
	"fmt"
	"testing"
)

// TestLooks opens every main page as users have set their browsers up: light and dark, on a desk and on a phone, in both
// languages, with names in several scripts and with markup in them. No page is wider than its screen, and none breaks a
// rule of axe-core seriously.
func TestLooks(t *testing.T) {
	s, v := serveVirtual(t, "")
	names := []string{`<script>alert("x")</script>`, `O'Hare "Q" & <b>Sons</b>`, "山田 花子", "عائشة محمد"}
	for _, name := range names {
		s.book(booking{name: name})
	}
	declined := s.book(booking{card: "tok_declined"})
	attention := s.book(booking{card: "tok_refund_stuck"})
	redriven := s.book(booking{card: "tok_refund_stuck"})
	v.Run()
	if err := s.sys.Engine.Redrive(t.Context(), redriven); err != nil {
		t.Fatal(err)
	}
	v.Run()
	running := s.book(booking{name: "Grace Hopper"})
	for range 3 {
		v.Step()
	}
	pages := map[string]string{ // a text of each page in English
		"/console/":                                names[0],
		"/console/?status=LOST&flight=!!":          "LOST",
		"/console/book":                            "tok_declined",
		"/console/inventory":                       "JL5",
		"/console/inventory?kind=hotels":           "TYO-PARK",
		"/console/ledger":                          "JPY",
		"/console/events":                          "TripConfirmed",
		"/console/nowhere":                         "NotFound",
		"/docs":                                    "/trips/{id}/redrive",
		"/console/trips/" + declined:               "PaymentDeclined",
		"/console/trips/" + running:                "Grace Hopper",
		"/console/trips/" + attention + "/redrive": "RefundPayment",
		"/console/trips/" + redriven:               "PaymentDeclined",
		"/console/trips/" + redriven + "/history":  "ExecutionRedriven",
		"/console/trips/" + attention + "/history?type=TaskFailed&q=x": "TaskFailed",
	}
	for i, l := range []look{{}, {dark: true, lang: "ja", width: 360, height: 740}, {dark: true}, {width: 360, height: 740}} {
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			p := openTab(t, s.base, l)
			p.allow("404 (Not Found)")
			p.allow("400 (Bad Request)")
			for path, text := range pages {
				p.visit(path)
				p.sees("main", text)
				p.fits()
				if i < 2 { // in each colour once
					p.accessible()
				}
			}
		})
	}
}
