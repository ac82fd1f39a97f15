package domain

import (
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

// Confirm ends the trip well; total is what was paid. A trip confirmed already stays as it is. Errors: Conflict when it
// has failed, or when the total is not in the trip's currency.
func (t *Trip) Confirm(total money.Amount, now time.Time) ([]Event, error) {
	switch {
	case t.status == Confirmed:
		return nil, nil
	case t.status == Failed:
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s has failed and cannot be confirmed", t.id)
	case total.Currency != t.currency:
		return nil, fault.New(fault.Conflict, fault.NameConflict,
			"trip %s is in %s, it cannot be confirmed with %s", t.id, t.currency, total)
	}
	t.change(Confirmed, Reason{}, now)
	t.total = total
	e := newEvent(TripConfirmed, t.id, now)
	e.Amount = total
	return []Event{e}, nil
}
