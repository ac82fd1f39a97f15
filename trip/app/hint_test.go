package app_test

import (
	"context"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// books are payments whose provider says what a test wants.
type books struct {
	app.Payments
	intent domain.PaymentIntent
	err    error
	read   int
}

func (b *books) Intent(context.Context, string) (domain.PaymentIntent, error) {
	b.read++
	return b.intent, b.err
}

// hinted are the records of one trip.
type hinted struct {
	domain.Trips
	details domain.Details
}

func (h hinted) Details(_ context.Context, id string) (domain.Details, error) {
	if id != h.details.Trip.ID() {
		return domain.Details{}, fault.New(fault.NotFound, fault.NameNotFound, "there is no trip %s", id)
	}
	return h.details, nil
}

func TestHints(t *testing.T) {
	const id = "5b1f5ee5-7f32-4f4e-9c1f-0f6f2f8c1d11"
	yen := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: "JPY"} }
	entry := func(kind domain.EntryKind, n int64) domain.Entry {
		return domain.Entry{Kind: kind, Currency: "JPY", Postings: []domain.Posting{{Account: "a", Debit: n}, {Account: "b", Credit: n}}}
	}
	intent := func(s domain.IntentStatus, moves ...domain.Entry) domain.PaymentIntent {
		return domain.PaymentIntent{ID: "pi_1", Status: s, Order: domain.PaymentOrder{Reference: id, Amount: yen(2500)}, Entries: moves}
	}
	charged := entry(domain.Charge, 2500)
	paid := domain.Payment{Key: "k", IntentID: "pi_1", Amount: yen(2500), ChargeID: "ch_1"}
	returned, partly, lost := paid, paid, paid
	returned.RefundID, returned.Refunded = "re_1", yen(2500)
	partly.RefundID, partly.Refunded = "re_1", yen(2000)
	lost.ChargeID, lost.RefundID, lost.Refunded = "", "re_1", yen(2500) // the charge's reply was lost
	refused := domain.Payment{Key: "k", IntentID: "pi_1", Amount: yen(2500)}
	older := returned
	older.Refunded = money.Amount{} // as an older version has written it
	another := intent(domain.IntentCaptured, charged)
	another.Order.Reference = "another trip"
	tests := []struct {
		name    string
		status  domain.Status
		state   domain.StepState
		payment domain.Payment
		books   domain.PaymentIntent
		differs bool
	}{
		{"paid", domain.Confirmed, domain.StepDone, paid, intent(domain.IntentCaptured, charged), false},
		{"paid, refunded by others", domain.Confirmed, domain.StepDone, paid, intent(domain.IntentCaptured, charged, entry(domain.Refund, 1)), true},
		{"paid, not in the books", domain.Confirmed, domain.StepDone, paid, intent(domain.IntentOpen), true},
		{"confirmed, not paid", domain.Confirmed, domain.StepUndone, returned, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2500)), true},
		{"refunded", domain.Failed, domain.StepUndone, returned, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2500)), false},
		{"refunded, a reply lost", domain.Failed, domain.StepUndone, lost, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2500)), false},
		{"refunded, an older record", domain.Failed, domain.StepUndone, older, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2500)), false},
		{"not refunded in the books", domain.Failed, domain.StepUndone, returned, intent(domain.IntentCaptured, charged), true},
		{"declined", domain.Failed, domain.StepRefused, refused, intent(domain.IntentCancelled), false},
		{"declined, charged late", domain.Failed, domain.StepRefused, refused, intent(domain.IntentCaptured, charged), true},
		{"declined, not closed", domain.Failed, domain.StepRefused, refused, intent(domain.IntentOpen), true},
		{"cancelled at a fee", domain.Cancelled, domain.StepUndone, partly, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2000)), false},
		{"cancelled, refunded twice", domain.Cancelled, domain.StepUndone, partly, intent(domain.IntentCaptured, charged, entry(domain.Refund, 2000), entry(domain.Refund, 500)), true},
		{"cancelled, nothing refundable", domain.Cancelled, domain.StepUndone, paid, intent(domain.IntentCaptured, charged), false},
		{"another trip's", domain.Confirmed, domain.StepDone, paid, another, true},
	}
	for _, tt := range tests {
		d := domain.Details{Trip: domain.RestoreTrip(domain.Snapshot{ID: id, Status: tt.status}),
			Payment: &domain.Step[domain.Payment]{State: tt.state, Result: tt.payment}}
		b := &books{intent: tt.books}
		s := &app.Service{Trips: hinted{details: d}, Payments: b}
		for range 2 {
			if differs, err := s.PaymentHint(t.Context(), id); (differs != "") != tt.differs || err != nil {
				t.Errorf("%s: %q, %v", tt.name, differs, err)
			}
		}
		for err, differs := range map[*fault.Error]bool{
			fault.New(fault.Conflict, fault.NameConflict, "unknown payment"):     true,
			fault.New(fault.Unavailable, fault.NameUnavailable, "not reachable"): false,
		} {
			b.err = err
			if got, err := s.PaymentHint(t.Context(), id); (got != "") != differs || (err == nil) != differs {
				t.Errorf("%s: %q, %v", tt.name, got, err)
			}
		}
	}
}

// TestEarlyHints of a trip that is under way, or unknown, ask the provider nothing.
func TestEarlyHints(t *testing.T) {
	const id = "5b1f5ee5-7f32-4f4e-9c1f-0f6f2f8c1d11"
	step := &domain.Step[domain.Payment]{State: domain.StepStarted, Result: domain.Payment{Key: "k", IntentID: "pi_1"}}
	for _, status := range []domain.Status{domain.Pending, domain.NeedsAttention, domain.Cancelling} {
		b := &books{}
		s := &app.Service{Payments: b, Trips: hinted{details: domain.Details{
			Trip: domain.RestoreTrip(domain.Snapshot{ID: id, Status: status}), Payment: step}}}
		if differs, err := s.PaymentHint(t.Context(), id); differs != "" || err != nil || b.read > 0 {
			t.Errorf("%s: %q, %v, %d reads", status, differs, err, b.read)
		}
		for unknown, name := range map[string]string{
			"6b1f5ee5-7f32-4f4e-9c1f-0f6f2f8c1d11": fault.NameNotFound, "'; DROP": fault.NameInvalid, "": fault.NameInvalid} {
			if _, err := s.PaymentHint(t.Context(), unknown); !fault.Is(err, name) || b.read > 0 {
				t.Errorf("%q: %v", unknown, err)
			}
		}
	}
	b := &books{}
	s := &app.Service{Payments: b, Trips: hinted{details: domain.Details{
		Trip: domain.RestoreTrip(domain.Snapshot{ID: id, Status: domain.Failed}), Payment: &domain.Step[domain.Payment]{State: domain.StepUndone}}}}
	if differs, err := s.PaymentHint(t.Context(), id); differs != "" || err != nil || b.read > 0 {
		t.Errorf("a trip without a payment: %q, %v", differs, err)
	}
}
