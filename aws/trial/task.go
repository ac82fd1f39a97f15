package trial

import (
	"context"
	"fmt"
	"slices"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// The tasks.
const (
	reserveFlight       = "ReserveFlight"
	reserveHotel        = "ReserveHotel"
	processPayment      = "ProcessPayment"
	bookingConfirmed    = "BookingConfirmed"
	refundPayment       = "RefundPayment"
	cancelHotel         = "CancelHotel"
	cancelFlight        = "CancelFlight"
	bookingFailed       = "BookingFailed"
	flightBookingFailed = "FlightBookingFailed"
)

// delivery is one call of a task, and what must come of it.
type delivery struct {
	task   string
	answer answer
	leaves standing
	inUse  bool // the task's version in use, although it is the one on trial
}

// tryTask walks a trip through the saga's tasks, forward and back, and looks after each at the records.
func (a *attempt) tryTask(ctx context.Context) error {
	walk, flight := route(a.function), a.flight()
	if a.function == flightBookingFailed {
		flight = soldOut
	}
	if !slices.ContainsFunc(walk, func(d delivery) bool { return d.task == a.function }) {
		return fmt.Errorf("there is no trial of %s", a.function)
	}
	if err := a.book(ctx, a.request(flight, cardOK)); err != nil {
		return err
	}
	for _, d := range redelivered(walk, a.function) {
		if err := a.deliver(ctx, d); err != nil {
			return err
		}
	}
	return a.settled(ctx)
}

const (
	none    domain.StepState = ""
	done                     = domain.StepDone
	undone                   = domain.StepUndone
	refused                  = domain.StepRefused
	pending                  = domain.Pending
	failed                   = domain.Failed
)

// forward are the steps that hold and charge.
var forward = []delivery{
	{task: reserveFlight, answer: reserved{flightAmount}, leaves: standing{done, none, none, pending}},
	{task: reserveHotel, answer: reserved{hotelAmount}, leaves: standing{done, done, none, pending}},
	{task: processPayment, answer: reserved{total}, leaves: standing{done, done, done, pending}},
}

// back are those that take back, and record it.
var back = []delivery{
	{task: refundPayment, answer: cancelled{true}, leaves: standing{done, done, undone, pending}},
	{task: cancelHotel, answer: cancelled{true}, leaves: standing{done, undone, undone, pending}},
	{task: cancelFlight, answer: cancelled{true}, leaves: standing{undone, undone, undone, pending}},
	{task: bookingFailed, answer: fails{fault.NameBookingFailed}, leaves: over},
}

var over = standing{undone, undone, undone, failed}

// route is the way of the trip, by the function on trial. A trip that is confirmed cannot be taken back, so that
// BookingConfirmed is tried on one that is over, which it must refuse since nothing is paid. Were it one that has failed
// with its payment still there, a hook that is cut off would leave a charge that no saga takes back.
func route(function string) []delivery {
	switch function {
	case flightBookingFailed:
		return []delivery{
			{task: reserveFlight, answer: fails{fault.NameFlightUnavailable}, leaves: standing{refused, none, none, pending}},
			{task: flightBookingFailed, answer: fails{fault.NameFlightBookingFailed}, leaves: standing{refused, none, none, failed}},
		}
	case bookingConfirmed:
		return slices.Concat(forward, back, []delivery{{task: bookingConfirmed, answer: fails{fault.NameNotFound}, leaves: over}})
	}
	return slices.Concat(forward, back)
}

// redelivered has the function deliver again what it has just done, by the version in use and by the new one, as happens
// in the midst of a roll-out; and a step that is done comes once more when all is over, too late.
func redelivered(walk []delivery, function string) (all []delivery) {
	for _, d := range walk {
		all = append(all, d)
		if d.task == function {
			d.answer = d.answer.again()
			other := d
			other.inUse = true
			all = append(all, other, d)
		}
	}
	end := walk[len(walk)-1].leaves
	if _, does := walk[slices.IndexFunc(walk, func(d delivery) bool { return d.task == function })].answer.(reserved); does {
		all = append(all, delivery{task: function, answer: fails{fault.NameStepCancelled}, leaves: end})
	}
	return all
}

func (a *attempt) deliver(ctx context.Context, d delivery) error {
	payload, err := a.payload(d.task, d.inUse)
	if err != nil {
		return err
	}
	reply, err := a.call(ctx, d.task, d.inUse, payload)
	if err := d.answer.check(a, reply, err); err != nil {
		return fmt.Errorf("%s%s: %w", d.task, a.version(d), err)
	}
	got, _, err := a.standing(ctx)
	if err == nil && got != d.leaves {
		err = fmt.Errorf("after %s%s the records are %+v, want %+v", d.task, a.version(d), got, d.leaves)
	}
	return err
}

func (a *attempt) version(d delivery) string {
	if d.task == a.function && !d.inUse {
		return " (new)"
	}
	return " (in use)"
}
