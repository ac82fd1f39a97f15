package browser

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"tripsaga/console"
	"tripsaga/console/lab"
	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// serveLab serves what the command serves with --lab.
func serveLab(t *testing.T) string {
	t.Helper()
	l, err := lab.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, local.Options{WrapTasks: l.Tasks})
	log := slog.New(slog.DiscardHandler)
	labbed := httptest.NewServer(rest.Guard(console.New(s.sys.API(log), console.Options{
		UseCases: s.sys.UseCases(log), LatestEvents: s.sys.LatestEvents, Sagas: s.sys.Sagas(), Pages: l.Pages, ThrowAway: true,
	}), nil))
	t.Cleanup(labbed.Close)
	return labbed.URL
}

// TestLabPages checks both pages in every look, one of them at a violation.
func TestLabPages(t *testing.T) {
	base := serveLab(t)
	for _, l := range []look{{}, {dark: true}, {lang: "ja", width: 360, height: 740}} {
		p := openTab(t, base, l)
		for _, path := range []string{
			"/console/lab", "/console/lab/play?schedule=two:A.ReserveHotel%231=mute&at=30", "/console/lab/play?schedule=nowhere", "/console/lab/play?schedule=booked",
			"/console/lab/play?mutant=refund-not-wired&schedule=booked:A.ProcessPayment%231=mute",
		} {
			p.visit(path)
			if path == "/console/lab/play?schedule=nowhere" {
				p.allow("400")
			}
			p.sees(".banner")
			p.fits()
			if l.width == 0 {
				p.accessible()
			}
		}
	}
}

// TestLabSteps plays a schedule: by keys, by its run button, and with a fault that it adds.
func TestLabSteps(t *testing.T) {
	p := openTab(t, serveLab(t), look{})
	p.visit("/console/lab")
	p.click(`a[aria-label="Watch: booked"]`)
	at := func(frame int) { // the run button is shown when the scripts listen
		p.until(fmt.Sprintf(`document.querySelector("#at")?.value === "%d" && document.querySelector("#lab-run")?.hidden === false`, frame))
	}
	at(0)
	for i := range 6 {
		p.keys(kb.ArrowRight)
		at(i + 1)
	}
	p.keys(kb.ArrowLeft)
	p.sees("tr.here", "A.ReserveFlight#1.get1")
	p.click("#lab-next")
	p.sees("tr.here", "A.ReserveFlight#1.put1")
	p.click(`.lab-whatif a[href*="%3Dlost"]`)
	p.sees(".lab-hit", "lost")
	p.sees("tr.here", "A.ReserveFlight#1.put1")
	p.click("#lab-run")
	p.sees("#lab-run", "Pause")
	p.until(`Number(document.querySelector("#at")?.value) >= 8`)
	p.click("#lab-run")
	p.sees("#lab-run", "Run")
}

// TestLabNextBooking: what is set happens to the next booking of the server.
func TestLabNextBooking(t *testing.T) {
	p := openTab(t, serveLab(t), look{})
	p.visit("/console/lab#next")
	p.fill("#plan", "ReserveHotel fails at every")
	p.click(`form[action="/console/lab/arm"] button`)
	p.until(`location.pathname === "/console/book"`)
	p.visit("/console/lab")
	p.sees("#main", "The next booking:", "ReserveHotel#*=fail:ServiceUnavailable")
}
