package local_test

import (
	"net/http"
	"strings"
	"testing"

	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
)

// FuzzInventory posts any inventory. What is accepted is listed on its day as it was given; what is refused names a row,
// and has changed nothing.
func FuzzInventory(f *testing.F) {
	z := newFuzzed(f)
	const flight = "flight,JL5,JAL,HND,JFK,11:05,10:55,2028-03-01,2028-03-02,1200,JPY,3\n"
	const hotel = "hotel,TYO-PARK,Park,Tokyo,2028-03-01,2028-03-02,28000,JPY,4\n"
	for _, file := range []string{
		flight, hotel, flight + hotel + "# the end\n", flight + flight, "", "# nothing\n", "\ufeff" + flight, "flight,\"JL5\n", "train,1\n", "\xff,\x00\n",
		strings.Replace(flight, "2028-03-02", "9999-12-31", 1), strings.ReplaceAll(strings.ReplaceAll(flight, "2028-03-01", "9999-12-31"), "2028-03-02", "9999-12-31"),
		strings.ReplaceAll(strings.ReplaceAll(hotel, "2028-03-01", "0001-01-01"), "2028-03-02", "0001-01-01"),
		strings.Replace(flight, "1200", "92233720368547758.07", 1), strings.Replace(flight, "1200,JPY", "0.001,KWD", 1),
		strings.Replace(flight, ",3", ",-1", 1), strings.Replace(flight, "JAL", "J\xffL", 1), strings.Replace(hotel, "Park", "\"Park, the\"\"new\"\"\"", 1),
	} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		offers, err := inventory.Parse("inventory", strings.NewReader(file))
		if len(offers.Flights)+len(offers.Nights) > 100 {
			t.Skip("a long inventory takes long")
		}
		before := z.Store.Metrics().Transactions
		w := z.ask(t, "POST", "/inventory", file, "Content-Type", "text/csv")
		z.checkAnswer(t, "POST", w, before)
		if accepted := w.Code == http.StatusOK; accepted != (err == nil) {
			t.Fatalf("answer %d %s, the parser's is %v", w.Code, w.Body, err)
		}
		for _, o := range offers.Flights {
			z.checkFlight(t, o.Row)
		}
		for _, o := range offers.Nights {
			z.checkNight(t, o.Row)
		}
	})
}

func (z *fuzzed) checkFlight(t *testing.T, want domain.FlightDay) {
	t.Helper()
	page, err := z.App.ShowFlights(t.Context(), domain.InventoryQuery{From: want.Date, To: want.Date, Limit: domain.MaxPage})
	for _, got := range page.Items {
		if got.Available = 0; got == want {
			return
		}
	}
	if err != nil || page.Cursor == "" { // it may stand on another page
		t.Errorf("%+v is not listed: %+v, %v", want, page.Items, err)
	}
}

func (z *fuzzed) checkNight(t *testing.T, want domain.HotelNight) {
	t.Helper()
	page, err := z.App.ShowNights(t.Context(), domain.InventoryQuery{From: want.Night, To: want.Night, Limit: domain.MaxPage})
	for _, got := range page.Items {
		if got.Available = 0; got == want {
			return
		}
	}
	if err != nil || page.Cursor == "" {
		t.Errorf("%+v is not listed: %+v, %v", want, page.Items, err)
	}
}
