package browser

import (
	"testing"

	"tripsaga/local"
)

// TestDocs follows links of the API's reference.
func TestDocs(t *testing.T) {
	s := serve(t, local.Options{})
	p := openTab(t, s.base, look{})
	p.visit("/docs")
	p.click(`nav a[href="#book-trip"]`)
	p.until(`location.hash === "#book-trip" && ` + inView(`#book-trip`))
	p.click(`#book-trip ~ * a[href="#schema-Trip"]`)
	p.until(inView("#schema-Trip"))
	p.visit("/docs#schema-BookingHotel")
	p.until(inView("#schema-BookingHotel"))
}
