package inventory

import (
	"bytes"
	"context"
	_ "embed"
	"strings"

	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
)

//go:embed demo.csv
var demo []byte

const (
	demoName = "demo.csv"
	demoLast = "today+100" // its last day

	// The fingerprint of a demo inventory is this and the last day of its offers.
	demoMark = "demo "
	// The fingerprint of the former demo inventory with fixed days, which ended in 2027.
	demoOfFixedDays = "ce23c3671bcd9351df5cc209bedfb45e"
)

// Demo returns the inventory that is part of the program, for the days from today on. A load of it only adds rows.
func Demo(today domain.Date) (domain.Offers, error) {
	offers, err := Parse(demoName, bytes.NewReader(relative.Inventory(demo, today)))
	offers.Fingerprint = demoMark + relative.Date(demoLast, today)
	offers.OnlyAdd = true
	return offers, err
}

// KeepDemo loads the demo inventory into a store that never had an inventory, and adds the new days to a store whose last load
// was the demo's. It also completes an interrupted load. Existing offers do not change, and a store with any other inventory is
// not touched. added is false if there was nothing to do.
func KeepDemo(ctx context.Context, store domain.Inventory, today domain.Date) (added bool, err error) {
	last, err := store.LastLoad(ctx)
	if last.Fingerprint == demoOfFixedDays {
		last.Fingerprint = demoMark
	}
	if err != nil || last != (domain.LoadState{}) && !strings.HasPrefix(last.Fingerprint, demoMark) {
		return false, err
	}
	offers, err := Demo(today)
	if err != nil || last.Complete && last.Fingerprint >= offers.Fingerprint { // a clock that was set back takes no day away
		return false, err
	}
	report, err := store.Load(ctx, offers)
	return report.Added > 0, err
}
