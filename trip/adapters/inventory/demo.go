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
	// That of the demo inventory when it had fixed days, which ended in 2027.
	demoOfFixedDays = "ce23c3671bcd9351df5cc209bedfb45e"
)

// Demo is the inventory that ships with the program, for the days from today on. Loaded, it only adds rows.
func Demo(today domain.Date) (domain.Offers, error) {
	offers, err := Parse(demoName, bytes.NewReader(relative.Inventory(demo, today)))
	offers.Fingerprint = demoMark + relative.Date(demoLast, today)
	offers.OnlyAdd = true
	return offers, err
}

// KeepDemo loads the demo inventory into a store that never had an inventory, and adds the days that have come since to
// one whose last load was the demo's. It also completes a load that was interrupted. What is offered already stays as it
// is, and a store with any other inventory is not touched. added is false when there was nothing to do.
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
