package domain

import (
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/shared/text"
)

// The names of a trip's sagas and of their state machines.
const (
	BookingSaga      = "booking"
	CancellationSaga = "cancellation"
)

// Cancellation is a client's accepted request to cancel the trip. The zero Cancellation means that there was none.
type Cancellation struct {
	Requested   time.Time    `json:"requested"`
	Reason      string       `json:"reason,omitempty"`      // in the client's own words; it is not part of any event
	Fingerprint string       `json:"fingerprint,omitempty"` // of the request's Idempotency-Key; "" without a key
	FeePercent  int          `json:"fee_percent"`           // fixed by the request, however long the saga takes
	Fee         money.Amount `json:"fee,omitzero"`          // once something was paid
	Refund      money.Amount `json:"refund,omitzero"`       // once something was paid: the rest
	Unit        int64        `json:"unit,omitempty"`        // step of Fee and Refund in minor units, fixed as FeePercent; 0 is 1
}

// MaxCancelReason is the length in characters of the longest reason of a cancellation.
const MaxCancelReason = 200

// ParseCancelReason accepts what text.Clean accepts, and "" for no reason. The error is Invalid and has no field.
func ParseCancelReason(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return text.Clean(s, MaxCancelReason)
}

// Cancellation returns the request to cancel the trip. requested is false if there was no request.
func (t *Trip) Cancellation() (c Cancellation, requested bool) {
	return t.s.Cancellation, t.s.Cancellation != Cancellation{}
}

// Confirmed reports whether the trip is or once was booked and paid, even if it was cancelled after that.
func (t *Trip) Confirmed() bool {
	return t.s.Status == Confirmed || t.s.Status == Cancelling || t.s.Status != Failed && t.s.Total != money.Amount{}
}

// Saga returns the name of the trip's current saga: the second saga if the trip is cancelled after it was confirmed.
func (t *Trip) Saga() string {
	if _, requested := t.Cancellation(); requested && t.Confirmed() {
		return CancellationSaga
	}
	return BookingSaga
}

// Ran reports whether the saga with this name has certainly been started. While the trip is PENDING or CANCELLING, its current
// saga may not have been started yet; only a trip whose saga was started is marked NEEDS_ATTENTION.
func (t *Trip) Ran(saga string) bool {
	if saga == BookingSaga {
		return t.s.Status != Pending
	}
	return saga == t.Saga() && t.s.Status != Cancelling
}

// FeeLimit is the highest cancellation fee that the client accepts. The zero FeeLimit accepts any fee.
type FeeLimit struct {
	Fee     money.Amount // without a currency: any
	Percent *int         // of what was paid; nil: any
}

// CheckFee refuses a request to cancel the trip, at a fee of percent in steps of unit, if the fee is higher than the client
// accepts. A request that was accepted already, or that is refused for another reason, passes. Errors: Invalid with the field
// currency if it is not the trip's; FeeTooHigh of kind Conflict, even if the fee is not known yet but may be higher.
func (t *Trip) CheckFee(limit FeeLimit, percent int, unit int64) error {
	if _, requested := t.Cancellation(); requested || t.s.Status == Failed {
		return nil
	}
	fee, _ := CancellationFee(t.s.Total, percent, unit)
	switch {
	case limit.Fee.Currency != "" && limit.Fee.Currency != t.s.Currency:
		return fault.Invalidf("currency", "%s is not the trip's: it is booked in %s", limit.Fee.Currency, t.s.Currency)
	case limit.Fee.Currency != "" && !t.Confirmed() && percent > 0:
		return fault.New(fault.Conflict, fault.NameFeeTooHigh,
			"the trip is %s: the fee, %d %% of what will be paid, is known when it is confirmed", t.s.Status, percent)
	case limit.Fee.Currency != "" && fee.Minor > limit.Fee.Minor:
		return fault.New(fault.Conflict, fault.NameFeeTooHigh, "the fee is %s now, %d %% of what was paid; accepted are at most %s",
			fee.Grouped(), percent, limit.Fee.Grouped())
	case limit.Percent != nil && percent > *limit.Percent:
		return fault.New(fault.Conflict, fault.NameFeeTooHigh, "the fee is %d %% now; accepted are at most %d %%", percent, *limit.Percent)
	}
	return nil
}

// RequestCancellation accepts the client's request to cancel the trip, at a fee of percent of what was paid, in steps of unit,
// see [CancellationFee]. A confirmed trip becomes CANCELLING. Any other trip keeps its status until its saga ends. In both
// cases it ends CANCELLED. A trip whose cancellation was requested already does not change. fingerprint is the fingerprint of
// the request's Idempotency-Key; "" without a key. Errors: IdempotencyMismatch of kind Conflict if the key was used with
// another reason before; NotCancellable of kind Conflict if the trip has failed.
func (t *Trip) RequestCancellation(reason, fingerprint string, percent int, unit int64, now time.Time) ([]Event, error) {
	if c, requested := t.Cancellation(); requested {
		if fingerprint != "" && fingerprint == c.Fingerprint && reason != c.Reason {
			return nil, fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
				"the Idempotency-Key was used to cancel trip %s for another reason", t.s.ID)
		}
		return nil, nil
	}
	if t.s.Status == Failed {
		return nil, fault.New(fault.Conflict, fault.NameNotCancellable,
			"the trip has FAILED (%s): nothing is booked or charged", t.s.Reason.Name)
	}
	t.s.Cancellation = Cancellation{Requested: instant(now), Reason: reason, Fingerprint: fingerprint, FeePercent: percent}
	if unit > 1 {
		t.s.Cancellation.Unit = unit
	}
	t.s.Updated = instant(now)
	if t.s.Status == Confirmed {
		t.cancelling(now)
	}
	return []Event{newEvent(CancellationRequested, t.s.ID, now)}, nil
}

// cancelling fixes the fee and the refund of a confirmed trip.
func (t *Trip) cancelling(now time.Time) {
	t.change(Cancelling, Reason{}, now)
	c := &t.s.Cancellation
	c.Fee, c.Refund = CancellationFee(t.s.Total, c.FeePercent, c.Unit)
}

// CancellationFee splits what was paid into a fee of percent, rounded down to a multiple of unit minor units, in which the
// provider moves money, and the refund, which is the rest. A unit of 0 means 1.
func CancellationFee(total money.Amount, percent int, unit int64) (fee, refund money.Amount) {
	p := int64(percent)
	fee = money.Amount{Minor: total.Minor/100*p + total.Minor%100*p/100, Currency: total.Currency} // a product of the whole may overflow
	if unit > 1 {
		fee.Minor -= fee.Minor % unit
	}
	return fee, money.Amount{Minor: total.Minor - fee.Minor, Currency: total.Currency}
}

// Cancel ends the cancellation of a trip that was confirmed. A trip that is cancelled already does not change. Errors: Conflict
// if the trip is not being cancelled.
func (t *Trip) Cancel(now time.Time) ([]Event, error) {
	switch {
	case t.s.Status == Cancelled:
		return nil, nil
	case t.Saga() != CancellationSaga:
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s is %s and not being cancelled", t.s.ID, t.s.Status)
	}
	t.change(Cancelled, Reason{}, now)
	return []Event{t.cancelled(now)}, nil
}

func (t *Trip) cancelled(now time.Time) Event {
	e := newEvent(TripCancelled, t.s.ID, now)
	e.Reason, e.Amount, e.Fee = t.s.Reason, t.s.Cancellation.Refund, t.s.Cancellation.Fee
	return e
}
