package browser

import (
	"testing"

	"tripsaga/local"
)

// TestDocs reads the API's reference: in two languages, light and dark, on a phone, by links and by keys.
func TestDocs(t *testing.T) {
	s := serve(t, local.Options{})
	for _, l := range looks {
		p := openTab(t, s.base, l)
		p.visit("/docs")
		p.sees("h1", map[string]string{"": "API reference", "ja": "API リファレンス"}[l.lang])
		p.fits()
		if (l == look{} || l.dark && l.lang == "ja") { // the page has 4,000 elements
			p.accessible()
		}
	}
	p := openTab(t, s.base, look{})
	p.visit("/docs")
	p.click(`nav a[href="#book-trip"]`)
	p.until(`location.hash === "#book-trip" && ` + inView(`#book-trip`))
	p.click(`#book-trip ~ * a[href="#schema-Trip"]`)
	p.until(inView("#schema-Trip"))
	p.visit("/docs#schema-BookingHotel")
	p.until(inView("#schema-BookingHotel"))
}
