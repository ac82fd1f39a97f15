package shape

import (
	"sync"
	"testing"

	"tripsaga/trip/trial"
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
	a.nothingHeld()
}

// nothingHeld wants the ledger to balance with nothing in it.
func (a *account) nothingHeld() {
	a.t.Helper()
	l, err := a.app.Audit(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	if !l.Balanced || l.SeatsHeld+l.RoomsHeld != 0 || l.CapturedMinor != l.RefundedMinor || l.ConfirmedMinor != 0 || l.Trips["PENDING"] != 0 {
		a.t.Errorf("the ledger is %+v", l)
	}
}
