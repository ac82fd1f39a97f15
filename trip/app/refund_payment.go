package app

import (
	"context"

	"tripsaga/trip/domain"
)

// RefundPayment gives the money back, or sees to it that it is never taken. Errors: Invalid, Unavailable.
func (s *Service) RefundPayment(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Payments.Refund(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.PaymentRefunded, taken, err)
}
