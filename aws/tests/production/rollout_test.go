package production

import (
	"sync"
	"testing"

	"tripsaga/aws/trial"
	"tripsaga/trip/domain"
)

// callHook tries a good version of every function, all at the same time, as a deployment does.
func callHook(t *testing.T, r *recorder) {
	a := openAccount(t, r, "RECONCILE_GRACE=1s")
	var all sync.WaitGroup
	for _, name := range trial.RolledOut() {
		all.Go(func() {
			if status, problem := a.deploy(t.Context(), "d-"+name+"-1"); status != "Succeeded" {
				t.Errorf("a good version of %s: %s, %s", name, status, problem)
			}
		})
	}
	all.Wait()
	a.useUp("ZZ1")
	if status, problem := a.deploy(t.Context(), "d-"+trial.RolledOut()[0]+"-2"); status != "Succeeded" {
		t.Errorf("with an offer that was used up: %s, %s", status, problem)
	}
	a.nothingHeld()
}

// useUp leaves too little of a flight that trials book, as trips do that were confirmed.
func (a *account) useUp(flight domain.FlightNumber) {
	a.t.Helper()
	page, err := a.app.ShowFlights(a.t.Context(), domain.InventoryQuery{From: "9999-12-30", To: "9999-12-30", Limit: domain.MaxPage})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, row := range page.Items {
		if row.Number == flight {
			row.Capacity = 1
			_, err = a.app.LoadInventory(a.t.Context(), domain.Offers{
				Flights: []domain.Offer[domain.FlightDay]{{Row: row, Source: "test"}}, Fingerprint: "used up",
			})
			if err != nil {
				a.t.Fatal(err)
			}
			return
		}
	}
	a.t.Fatalf("there is no flight %s", flight)
}

// nothingHeld wants the ledger to balance with nothing in it.
func (a *account) nothingHeld() {
	a.t.Helper()
	l, err := a.app.Audit(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	if !l.Balanced || l.SeatsHeld+l.RoomsHeld+l.Currencies["JPY"].Confirmed != 0 || l.Trips["PENDING"] != 0 {
		a.t.Errorf("the ledger is %+v", l)
	}
}
