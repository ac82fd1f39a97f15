package trial

import (
	"context"
	"fmt"
	"slices"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// delivery is one call of a task and its expected results.
type delivery struct {
	task   string
	answer answer
	leaves standing
	inUse  bool // the task's version in use, although it is the one on trial
	cancel bool // the client cancels the trip before it
}

// flightBookingFailed ends a saga whose first step was refused.
const flightBookingFailed = "FlightBookingFailed"

// tryTask walks a trip through the saga's tasks, forward and back, and compares the records after each.
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

// costs are the amounts of the synthetic offer, by the record of the step that reserves or charges them. The amount of a
// step without an entry is not compared.
var costs = map[string]money.Amount{"FLIGHT": flightAmount, "HOTEL": hotelAmount, "PAYMENT": total}

// route is the trip's path through the tasks for the function on trial: the booking's steps that can be compensated, then
// its rollback. What these do not call is tried on a trip that is cancelled.
func route(function string) []delivery {
	booking := saga.Booking()
	if function == flightBookingFailed {
		first := booking.Steps()[0]
		s := standing{trip: domain.Pending}.with(first.Record, domain.StepRefused)
		return []delivery{
			{task: first.Name, answer: fails{first.Business[0]}, leaves: s},
			{task: function, answer: fails{function}, leaves: standing{s.steps, domain.Failed}},
		}
	}
	walk := forward()
	for _, back := range booking.Rollback() {
		s := walk[len(walk)-1].leaves
		if back.Ends {
			walk = append(walk, delivery{task: back.Name, answer: fails{back.Name}, leaves: standing{s.steps, domain.Failed}})
			continue
		}
		walk = append(walk, delivery{task: back.Name, answer: cancelled{true}, leaves: s.with(back.Record, domain.StepUndone)})
	}
	if !slices.ContainsFunc(walk, func(d delivery) bool { return d.task == function }) {
		return cancellation()
	}
	return walk
}

// forward are the booking's steps that can be compensated.
func forward() (walk []delivery) {
	s := standing{trip: domain.Pending}
	for _, step := range saga.Booking().Steps() {
		if step.Compensation != "" {
			s = s.with(step.Record, domain.StepDone)
			walk = append(walk, delivery{task: step.Name, answer: reserved{costs[step.Record]}, leaves: s})
		}
	}
	return walk
}

// cancellation is the path of a trip that is confirmed and cancelled. The client cancels it before it is confirmed: so it
// ends, by a saga that the reconciler starts, wherever the trial is interrupted.
func cancellation() []delivery {
	walk := forward()
	s := walk[len(walk)-1].leaves
	paid := len(walk)
	for _, step := range saga.Booking().Steps() {
		if step.Compensation != "" {
			continue
		}
		d := delivery{task: step.Name, answer: ended{}, cancel: len(walk) == paid}
		if step.Ends {
			s.trip = domain.Cancelling
			d.answer = ended{s.trip}
		}
		d.leaves = s
		walk = append(walk, d)
	}
	for _, step := range saga.Cancellation().Steps() {
		d := delivery{task: step.Name}
		if step.Ends {
			s.trip = domain.Cancelled
			d.answer = ended{s.trip}
		} else {
			d.answer, s = cancelled{true}, s.with(step.Record, domain.StepUndone)
		}
		d.leaves = s
		walk = append(walk, d)
	}
	return walk
}

// redelivered adds duplicates: each delivery to the function on trial is repeated at the version in use and at the new
// one, as happens during a roll-out. A forward step is delivered once more after its compensation, as a late call, and
// must be refused.
func redelivered(walk []delivery, function string) (all []delivery) {
	for _, d := range walk {
		all = append(all, d)
		if d.task == function {
			d.answer = d.answer.again()
			d.cancel = false
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
	if d.cancel {
		if err := a.cancel(ctx); err != nil {
			return err
		}
	}
	payload, err := a.payload(d.task, d.inUse)
	if err != nil {
		return err
	}
	reply, err := a.call(ctx, d.task, d.inUse, payload)
	if err := d.answer.check(a, reply, err); err != nil {
		return fmt.Errorf("%s%s: %w", d.task, a.version(d), err)
	}
	got, _, err := a.standing(ctx)
	if err == nil && !got.equal(d.leaves) {
		err = fmt.Errorf("after %s%s the records are %v, want %v", d.task, a.version(d), got, d.leaves)
	}
	return err
}

func (a *attempt) version(d delivery) string {
	if d.task == a.function && !d.inUse {
		return " (new)"
	}
	return " (in use)"
}
