package app

import "context"

// ProcessPayment charges what the trip's reservations cost, as they are recorded. It is the saga's pivot. Errors:
// Invalid, and those of [Payments].
func (s *Service) ProcessPayment(ctx context.Context, in TripRef) (Reserved, error) {
	if err := in.check(); err != nil {
		return Reserved{}, err
	}
	p, err := s.Payments.Charge(ctx, in.TripID)
	return reserved(p.Key, p.Amount), err
}
