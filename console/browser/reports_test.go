package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"tripsaga/report"
	"tripsaga/verify"
	"tripsaga/verify/play"
	"tripsaga/verify/play/bench"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// reports are pages as the command writes them with --html, by their paths.
func reports(t *testing.T) map[string]*report.Page {
	t.Helper()
	var demo play.Demo
	end, err := demo.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opt := verify.Options{World: world.Config{Subject: trip.Product()}, Depth: 1, Scenarios: []string{"flight-full"}, OneIn: 20}
	explored, err := verify.Explore(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	b := bench.Bench{Dir: t.TempDir(), Trips: 30, Concurrency: 2, Progress: func(string, int) (step, done func()) { return func() {}, func() {} }}
	measured, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	explored.Found, explored.Violations = 1, []verify.Violation{{ID: "booked:A.ReserveHotel#1=fail", Invariant: trip.Product().AllInvariants()[0].Name, Detail: "<b>"}}
	explored.Explored[0].Broken = 1
	explored.Broken[trip.Product().AllInvariants()[0].Name] = 1
	return map[string]*report.Page{
		"/demo":   end.Page(nil),
		"/verify": explored.Page(verify.About{Options: opt, Definition: "O'Hare's <saga>", Replay: "tripsaga verify --replay"}),
		"/bench":  measured.Page(nil),
	}
}

// TestReports opens the pages that the command writes, in each colour, on a desk and on a phone.
func TestReports(t *testing.T) {
	pages := reports(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := pages[r.URL.Path]
		if page == nil {
			http.NotFound(w, r)
			return
		}
		html, err := page.HTML()
		if err != nil {
			t.Error(err)
		}
		w.Write(html)
	}))
	t.Cleanup(server.Close)
	for path, page := range pages {
		for _, l := range []look{{}, {dark: true, width: 360, height: 740}} {
			p := openTab(t, server.URL, l)
			p.allow("/favicon.ico")
			p.visit(path)
			p.sees("h1", page.Title)
			p.fits()
			p.accessible()
			if !value[bool](p, `getComputedStyle(document.querySelector(".verdict")).display === "flex"`) {
				p.Errorf("%s: its policy refuses its own style sheet", path)
			}
		}
	}
}
