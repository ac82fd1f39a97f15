package app

import (
	"context"
	"encoding/json"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// CancelRequest is a client's request to cancel a trip. All of it is optional.
type CancelRequest struct {
	Key    string // Idempotency-Key
	Reason string
	MaxFee domain.FeeLimit // checked in the write that accepts the request
}

// CancelTrip accepts the client's request to cancel the trip. On return the request is durable, and the trip will end
// CANCELLED: by the booking, which is compensated if its payment has not begun, or else by a second saga. CancelTrip starts
// that saga if the trip is confirmed. Otherwise StartCancellation starts it later, and Reconcile repeats a failed start. A
// repeated request changes nothing, but starts the second saga if the first request failed to. Errors: Invalid; NotFound;
// NotCancellable, TripDeparted, FeeTooHigh and IdempotencyMismatch of kind Conflict; Unavailable, after which the request may
// be retried.
func (s *Service) CancelTrip(ctx context.Context, tripID string, r CancelRequest) (*domain.Trip, error) {
	var p fault.Problems
	p.Add("", TripRef{tripID}.check())
	print, err := keyFingerprint(r.Key)
	p.Add("", err)
	reason, err := domain.ParseCancelReason(r.Reason)
	p.Add("reason", err)
	if err := p.Err(); err != nil {
		return nil, err
	}
	t, err := s.changeTrip(ctx, tripID, func(t *domain.Trip) ([]domain.Event, error) {
		percent, err := s.feePercent(ctx, t)
		unit := s.Payments.Unit(t.Currency())
		if err == nil {
			err = t.CheckFee(r.MaxFee, percent, unit)
		}
		if err != nil {
			return nil, err
		}
		return t.RequestCancellation(reason, print, percent, unit, s.Now())
	})
	if err != nil || t.Status() != domain.Cancelling {
		return t, err
	}
	if err = s.start(ctx, t); fault.KindOf(err) == fault.Unavailable {
		return t, nil // the request is durable, and Reconcile starts the saga if this start failed
	}
	return t, err
}

// StartCancellation starts the second saga of a trip that is CANCELLING. For any other trip it does nothing. Errors: NotFound,
// Unavailable.
func (s *Service) StartCancellation(ctx context.Context, tripID string) error {
	t, err := s.Trips.Get(ctx, tripID)
	if err != nil || t.Status() != domain.Cancelling {
		return err
	}
	return s.start(ctx, t)
}

func keyFingerprint(key string) (string, error) {
	if key == "" {
		return "", nil
	}
	return ident.Fingerprint(key), checkKey(key)
}

// feePercent returns the fee of a cancellation, in percent: the one with which it was accepted, or else the present one.
// Errors: TripDeparted; Unavailable.
func (s *Service) feePercent(ctx context.Context, t *domain.Trip) (int, error) {
	if c, requested := t.Cancellation(); requested || t.Status() == domain.Failed {
		return c.FeePercent, nil
	}
	departs, err := s.departure(ctx, t)
	if err != nil {
		return 0, err
	}
	return s.Policy.FeePercent(departs, s.Now())
}

// departure returns when the trip's flight leaves, according to the inventory.
func (s *Service) departure(ctx context.Context, t *domain.Trip) (time.Time, error) {
	f, err := s.Inventory.Departure(ctx, t.Flight().Number, t.Flight().Date)
	return f.Departure(), err
}

// Quote is what the cancellation of a trip costs now or, once requested, what it was fixed to cost.
type Quote struct {
	Trip        *domain.Trip
	Cancellable bool
	Why         string // why it cannot be cancelled; "" if it can
	Departs     time.Time
	FeePercent  int
	Fee, Refund money.Amount // zero if nothing has been paid yet
	Policy      domain.CancellationPolicy
}

// CancellationQuote returns what it costs to cancel the trip now. Errors: Invalid, NotFound, Unavailable.
func (s *Service) CancellationQuote(ctx context.Context, tripID string) (Quote, error) {
	if err := (TripRef{tripID}).check(); err != nil {
		return Quote{}, err
	}
	t, err := s.Trips.Get(ctx, tripID)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{Trip: t, Policy: s.Policy}
	if q.Departs, err = s.departure(ctx, t); err != nil {
		return Quote{}, err
	}
	if c, requested := t.Cancellation(); requested {
		q.FeePercent, q.Fee, q.Refund, q.Why = c.FeePercent, c.Fee, c.Refund, "its cancellation was requested already"
		return q, nil
	}
	q.FeePercent, err = s.feePercent(ctx, t)
	if err == nil { // checks on a copy whether the request itself would be refused
		_, err = domain.RestoreTrip(t.Snapshot()).RequestCancellation("", "", q.FeePercent, 1, s.Now())
	}
	switch fault.KindOf(err) {
	case fault.Conflict:
		q.Why = err.Error()
		return q, nil
	case fault.Unavailable:
		return Quote{}, err
	}
	q.Cancellable = true
	if t.Confirmed() {
		q.Fee, q.Refund = domain.CancellationFee(t.Total(), q.FeePercent, s.Payments.Unit(t.Currency()))
	}
	return q, nil
}

// cancellationInput returns the input of the second saga.
func cancellationInput(t *domain.Trip) (json.RawMessage, error) { return json.Marshal(TripRef{t.ID()}) }

// RefundBooking refunds what a cancelled trip has paid, less the fee. Errors: Invalid; NotFound; Conflict if the trip was not
// confirmed or its cancellation was not requested; Unavailable.
func (s *Service) RefundBooking(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	t, err := s.Trips.Get(ctx, in.TripID)
	if err != nil {
		return Cancelled{}, err
	}
	if t.Saga() != domain.CancellationSaga {
		return Cancelled{}, fault.New(fault.Conflict, fault.NameConflict, "trip %s is %s and not being cancelled", t.ID(), t.Status())
	}
	c, _ := t.Cancellation()
	taken, err := s.Payments.GiveBack(ctx, t.ID(), c.Refund)
	return s.cancelled(ctx, t.ID(), domain.PaymentRefunded, taken, err)
}

// CancelBooking records that the trip is cancelled. A second call changes nothing. Errors: Invalid; NotFound; Conflict if the
// trip is not being cancelled; Unavailable.
func (s *Service) CancelBooking(ctx context.Context, in TripRef) (Ended, error) {
	if err := in.check(); err != nil {
		return Ended{}, err
	}
	t, err := s.changeTrip(ctx, in.TripID, func(t *domain.Trip) ([]domain.Event, error) { return t.Cancel(s.Now()) })
	if err != nil {
		return Ended{}, err
	}
	return Ended{Status: string(t.Status())}, nil
}
