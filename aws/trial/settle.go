package trial

import (
	"context"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// settled wants everything to be as before: what was held is free, what was charged was refunded.
func (a *attempt) settled(ctx context.Context) error {
	got, d, err := a.standing(ctx)
	if err != nil {
		return err
	}
	if !got.free() || got.trip != failed {
		return fmt.Errorf("in the end the trip's records are %+v", got)
	}
	if err := a.refunded(ctx, d.Payment); err != nil {
		return err
	}
	return a.allBack(ctx)
}

// refunded wants as much back as was charged, if anything was.
func (a *attempt) refunded(ctx context.Context, p *domain.Step[domain.Payment]) error {
	if p == nil || p.Result.Key == "" {
		return nil
	}
	entries, err := a.app.Payments.Entries(ctx, p.Result.Key)
	if err != nil {
		return fmt.Errorf("the bank's ledger: %w", err)
	}
	var balance int64
	for _, e := range entries {
		debit, credit := e.Totals()
		if debit != credit {
			return fmt.Errorf("bank entry %s: debits %d, credits %d", e.ID, debit, credit)
		}
		if balance += debit; e.Kind == domain.Refund {
			balance -= 2 * debit
		}
	}
	if balance != 0 {
		return fmt.Errorf("the trip was charged %d %s more than it was refunded", balance, currency)
	}
	return nil
}

// giveBack undoes all that the trip may hold, at the versions in use, and records that it failed. The order is the
// saga's. It ends where a step cannot be undone: a saga that the reconciler starts then goes on from there, as one that
// had come so far; had a later step been undone, it would turn back before it came to this one.
func (a *attempt) giveBack(ctx context.Context) error {
	d, err := a.app.GetTrip(ctx, a.trip.id)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return nil // it was not even stored
	case err == nil && d.Trip.Status() == domain.Confirmed:
		return errors.New("it was confirmed: what it holds stays booked and paid, so that the books balance")
	}
	for _, task := range []string{refundPayment, cancelHotel, cancelFlight, bookingFailed} {
		if err := a.again(ctx, always, func() error { return a.undo(ctx, task) }); err != nil {
			return fmt.Errorf("%s: %w", task, err)
		}
	}
	return a.settled(ctx)
}

func (a *attempt) undo(ctx context.Context, task string) error {
	payload, err := a.payload(task, true)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, task, true, payload)
	var f *Failure
	if task == bookingFailed && errors.As(err, &f) && f.Type == fault.NameBookingFailed {
		return nil
	}
	if task == bookingFailed && err == nil {
		return errors.New("it answers, want the error BookingFailed")
	}
	return err
}
