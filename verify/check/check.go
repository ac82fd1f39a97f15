// Package check verifies a deployment: it books trips through the API and compares every record that they leave with the
// expected one. The command tripsaga check runs it after each deployment and on demand.
package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/app"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// Options configure a run.
type Options struct {
	Client    *client.Client
	Scenarios []Scenario
	Timeout   time.Duration // maximum wait for the end of a saga
	Interval  time.Duration // between two reads of a saga
	Settle    time.Duration // how long lists, history and ledger may lag behind a trip's end: until then, reads are repeated
	Strict    bool          // a check that could not be compared counts as a failure

	Booked   func(s Scenario, tripID string) // called when a trip's id is known, before it has ended
	Verified func(ScenarioReport) error      // called after each scenario; its error ends the run
}

// Report is the result of a run.
type Report struct {
	Holds     bool             `json:"holds"`
	Scenarios []ScenarioReport `json:"scenarios"`
}

// ScenarioReport is the result of one scenario.
type ScenarioReport struct {
	Name   string  `json:"name"`
	TripID string  `json:"trip_id"`
	Checks []Check `json:"checks"`
}

// Tally counts checks by their outcome.
type Tally struct{ Held, Failed, NotCompared int }

// Tally counts all checks of the report.
func (r *Report) Tally() (n Tally) {
	for _, s := range r.Scenarios {
		n.add(s.Checks)
	}
	return n
}

func (n *Tally) add(checks []Check) {
	for _, c := range checks {
		switch {
		case c.NotCompared != "":
			n.NotCompared++
		case c.OK:
			n.Held++
		default:
			n.Failed++
		}
	}
}

func (n Tally) String() string {
	words := []string{fmt.Sprintf("%d checks hold", n.Held)}
	if n.Failed > 0 {
		words = append(words, fmt.Sprintf("%d FAIL", n.Failed))
	}
	if n.NotCompared > 0 {
		words = append(words, fmt.Sprintf("%d were not compared", n.NotCompared))
	}
	return strings.Join(words, ", ")
}

// NotBookedError reports a booking without the expected answer. Key is its Idempotency-Key, with which the booking can be
// repeated if its outcome is unknown.
type NotBookedError struct {
	Key string
	Err error
}

func (e *NotBookedError) Error() string { return "booking: " + e.Err.Error() }

// Unwrap returns the client's error.
func (e *NotBookedError) Unwrap() error { return e.Err }

// StoppedError reports a trip that was booked but could not be verified completely.
type StoppedError struct {
	TripID  string
	Waiting bool   // for the end of its saga
	Key     string // of the booking, when it was being repeated
	Err     error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("trip %s could not be verified: %v", e.TripID, e.Err)
}

// Unwrap returns the client's error, or [ErrNotEnded].
func (e *StoppedError) Unwrap() error { return e.Err }

// ErrNotEnded means that a saga was still running after Options.Timeout.
var ErrNotEnded = errors.New("the saga has not ended in time")

// Run books the trips one after another and verifies each. It stops at the first trip whose outcome cannot be determined; the
// report then covers the trips before it. The report is nil if nothing was booked because there was no offer. Errors:
// [ErrNoOffer], [*NotBookedError], [*StoppedError], those of the client and of Options.Verified.
func Run(ctx context.Context, opt Options) (*Report, error) {
	d := &deployment{c: opt.Client, ours: map[string]bool{}}
	o, err := d.choose(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Scenarios: []ScenarioReport{}}
	err = r.runAll(ctx, opt, d, o)
	n := r.Tally()
	r.Holds = err == nil && n.Failed == 0 && !(opt.Strict && n.NotCompared > 0)
	return r, err
}

func (r *Report) runAll(ctx context.Context, opt Options, d *deployment, o offer) error {
	before, err := d.look(ctx, o, nil)
	if err != nil {
		return err
	}
	for _, s := range opt.Scenarios {
		t := &trial{Options: opt, scenario: s, offer: o, request: s.request(o), before: before, key: "check-" + rand.Text()}
		if err := t.book(ctx, d); err != nil {
			return err
		}
		if opt.Booked != nil {
			opt.Booked(s, t.id)
		}
		checks, err := t.follow(ctx, d)
		if err != nil {
			return err
		}
		report := ScenarioReport{Name: s.Name, TripID: t.id, Checks: checks}
		r.Scenarios = append(r.Scenarios, report)
		if opt.Verified != nil {
			if err := opt.Verified(report); err != nil {
				return err
			}
		}
		before = t.after
	}
	return nil
}

// trial is one running scenario.
type trial struct {
	Options
	scenario      Scenario
	offer         offer
	request       domain.Request
	before, after *snapshot

	key      string // the Idempotency-Key
	id       string
	repeated string // the answer to the same booking under the same key
	other    string // the answer to another booking under the same key

	trip   wire.TripDetails
	events []history.Event
	quote  wire.Quote // of a cancellation, before it was requested
	twice  string     // the status with which a second cancellation was answered
}

func (t *trial) book(ctx context.Context, d *deployment) error {
	trip, err := d.c.Book(ctx, t.key, requestBody(t.request))
	if err != nil {
		return &NotBookedError{t.key, err}
	}
	t.id = trip.ID
	d.ours[t.id] = true
	return nil
}

// follow waits for the trip's end and verifies its records.
func (t *trial) follow(ctx context.Context, d *deployment) ([]Check, error) {
	if err := t.repeat(ctx, d); err != nil {
		return nil, &StoppedError{TripID: t.id, Key: t.key, Err: err}
	}
	if err := t.await(ctx, d); err != nil {
		return nil, &StoppedError{TripID: t.id, Waiting: true, Err: err}
	}
	if err := t.cancel(ctx, d); err != nil {
		return nil, &StoppedError{TripID: t.id, Waiting: true, Err: err}
	}
	checks, err := t.settled(ctx, d)
	if err != nil {
		return nil, &StoppedError{TripID: t.id, Err: err}
	}
	return checks, nil
}

// repeat sends the same booking again with the same key, and a different booking with that key.
func (t *trial) repeat(ctx context.Context, d *deployment) (err error) {
	if !t.scenario.repeats() {
		return nil
	}
	if t.repeated, err = t.bookAgain(ctx, d, t.request); err != nil {
		return err
	}
	another := t.request
	another.Flight.Seats--
	t.other, err = t.bookAgain(ctx, d, another)
	return err
}

// bookAgain repeats a booking. It returns the trip's id, or the name of the problem that the server reports.
func (t *trial) bookAgain(ctx context.Context, d *deployment, r domain.Request) (answer string, err error) {
	trip, err := d.c.Book(ctx, t.key, requestBody(r))
	var problem *client.Problem
	if errors.As(err, &problem) {
		return problem.Name, nil
	}
	d.ours[trip.ID] = true
	return trip.ID, err
}

// cancel cancels the trip twice and waits for its end, if the scenario has a cancellation.
func (t *trial) cancel(ctx context.Context, d *deployment) (err error) {
	if !t.scenario.cancels() {
		return nil
	}
	if t.quote, err = d.c.CancellationQuote(ctx, t.id); err != nil {
		return err
	}
	if _, err = d.c.CancelTrip(ctx, t.id, app.CancelRequest{Reason: t.scenario.script.Cancels[0].Reason}); err != nil {
		return err
	}
	if err = t.await(ctx, d); err != nil {
		return err
	}
	again, err := d.c.CancelTrip(ctx, t.id, app.CancelRequest{})
	t.twice = string(again.Status)
	return err
}

func (t *trial) await(ctx context.Context, d *deployment) error {
	until, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	_, err := d.c.Wait(until, t.id, client.Wait{
		Interval: t.Interval, Reached: true,
		Look: func(string, []history.Event) {}, // waits for the end of the history, too
	})
	if err != nil && ctx.Err() == nil && until.Err() != nil {
		return ErrNotEnded
	}
	return err
}

// settlePause is the number of intervals between two snapshots of a deployment. It is more than one because the audit is
// expensive.
const settlePause = 5

// settled verifies repeatedly until all checks hold or Options.Settle has passed.
func (t *trial) settled(ctx context.Context, d *deployment) ([]Check, error) {
	for end := time.Now().Add(t.Settle); ; {
		if err := d.observe(ctx, t); err != nil {
			return nil, err
		}
		checks := t.verify()
		var n Tally
		if n.add(checks); n.Failed == 0 || !time.Now().Before(end) {
			return checks, nil
		}
		select {
		case <-time.After(settlePause * t.Interval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
