package app

import (
	"context"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// PaymentHint checks the payment of a trip about which the payment provider has sent an event. The content of the event is not
// trusted: it may be early, late, repeated or forged. differs describes how the provider's books differ from the records of a
// trip that has ended; "" if they agree. Nothing is changed, since a running saga reads the outcome itself. Errors: Invalid
// (the id), NotFound, Unavailable.
func (s *Service) PaymentHint(ctx context.Context, tripID string) (differs string, err error) {
	if _, err := ident.Parse(tripID); err != nil {
		return "", fault.In("trip_id", err)
	}
	d, err := s.Trips.Details(ctx, tripID)
	if err != nil || !d.Trip.Ended() || d.Payment == nil || d.Payment.Result.Intent() == "" {
		return "", err
	}
	in, err := s.Payments.Intent(ctx, d.Payment.Result.Intent())
	switch {
	case fault.KindOf(err) == fault.Conflict && err != nil:
		return err.Error(), nil // the provider does not know it
	case err != nil:
		return "", err
	}
	return differenceOf(d, in), nil
}

// differenceOf compares the amount that was kept according to the records of an ended trip with the provider's books.
func differenceOf(d domain.Details, in domain.PaymentIntent) string {
	paid := d.Payment.Result
	kept := money.Amount{Currency: paid.Amount.Currency}
	switch {
	case d.Payment.State == domain.StepDone:
		kept = paid.Amount
	case d.Payment.State == domain.StepUndone && paid.ChargeID != "" && paid.RefundID == "", paid.Refunded != money.Amount{}:
		kept.Minor = paid.Amount.Minor - paid.Refunded.Minor
	}
	books := money.Amount{Currency: in.Order.Amount.Currency}
	for _, e := range in.Entries {
		debit, _ := e.Totals()
		if e.Kind == domain.Refund {
			debit = -debit
		}
		books.Minor += debit
	}
	switch {
	case in.Order.Reference != d.Trip.ID():
		return fmt.Sprintf("payment %s is of trip %.64q in the provider's books", in.ID, in.Order.Reference)
	case d.Trip.Status() == domain.Confirmed && d.Payment.State != domain.StepDone:
		return fmt.Sprintf("the trip is %s and its payment %s", d.Trip.Status(), d.Payment.State)
	case books != kept:
		return fmt.Sprintf("of payment %s the records keep %s, the provider's books %s", in.ID, kept, books)
	case kept.Minor == 0 && in.Status == domain.IntentOpen:
		return fmt.Sprintf("payment %s can still be charged at the provider", in.ID)
	}
	return ""
}
