package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// client is a client of a system whose tasks can be interrupted.
type client struct {
	*testing.T
	*local.System
	v   *sim.Virtual
	api http.Handler
	id  string // of the trip that was booked last

	// around, unless it is nil, decides what a delivery of a task does; n counts the task's deliveries from 1.
	around func(task string, n int, do func() error) error
}

func newClient(t *testing.T, feePercent int) *client {
	t.Helper()
	c := &client{T: t}
	counts := map[string]int{}
	wrap := func(tasks map[string]engine.Task) map[string]engine.Task {
		wrapped := map[string]engine.Task{}
		for name, task := range tasks {
			wrapped[name] = func(ctx context.Context, input json.RawMessage) (out json.RawMessage, err error) {
				do := func() (err error) {
					out, err = task(ctx, input)
					return err
				}
				if c.around == nil {
					return out, do()
				}
				counts[name]++
				err = c.around(name, counts[name], do)
				return out, err
			}
		}
		return wrapped
	}
	c.System, c.v, c.api = open(t, local.Options{
		WrapTasks: wrap, Policy: domain.CancellationPolicy{Tiers: []domain.CancellationTier{{FeePercent: feePercent}}},
	})
	return c
}

// book books a trip and lets its saga run to its end.
func (c *client) book(card string) {
	c.Helper()
	var request domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(happy, "CARD", card, 1)), &request); err != nil {
		c.Fatal(err)
	}
	trip, err := c.App.BookTrip(c.Context(), "", request)
	if err != nil {
		c.Fatal(err)
	}
	c.id = trip.ID()
	c.v.Run()
}

func (c *client) cancel() error {
	_, err := c.App.CancelTrip(c.Context(), c.id, app.CancelRequest{Reason: "ill"})
	return err
}

func (c *client) mustCancel() {
	c.Helper()
	if err := c.cancel(); err != nil {
		c.Fatal(err)
	}
}

func (c *client) reconcile() {
	c.Helper()
	if _, err := c.App.Reconcile(c.Context(), app.Patience{}); err != nil {
		c.Fatal(err)
	}
	c.v.Run()
}

func (c *client) redrive() {
	c.Helper()
	if status, answer, _ := call(c.T, c.api, "POST", "/trips/"+c.id+"/redrive", "", ""); status != http.StatusAccepted {
		c.Fatalf("redrive: %d %v", status, answer)
	}
	c.v.Run()
}

func (c *client) details() domain.Details {
	c.Helper()
	d, err := c.App.GetTrip(c.Context(), c.id)
	if err != nil {
		c.Fatal(err)
	}
	return d
}

func (c *client) want(want domain.Status, reason string) {
	c.Helper()
	if t := c.details().Trip; t.Status() != want || t.Reason().Name != reason {
		c.Fatalf("the trip is %s %+v, want %s %s", t.Status(), t.Reason(), want, reason)
	}
}

// wantEnd wants the trip to be CANCELLED and everything to be given back but the fee, to the last minor unit.
func (c *client) wantEnd(captured, fee int64, events ...domain.EventType) {
	c.Helper()
	d := c.details()
	if d.Trip.Status() != domain.Cancelled {
		c.Errorf("the trip is %s", d.Trip.Status())
	}
	l, err := c.App.Audit(c.Context())
	if err != nil || !l.Balanced || l.SeatsHeld != 0 || l.RoomsHeld != 0 {
		c.Errorf("ledger %+v, %v", l, err)
	}
	if sum, want := l.Currencies["JPY"], (app.Account{Captured: captured, Refunded: captured - fee, Fees: fee}); sum != want {
		c.Errorf("money %+v, want %+v", sum, want)
	}
	all, err := c.Sagas().Events(c.Context(), c.id)
	if err != nil {
		c.Fatal(err)
	}
	var got []domain.EventType
	for _, e := range all {
		got = append(got, e.Type)
		if jpy := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: "JPY"} }; e.Type == domain.TripCancelled &&
			captured > 0 && d.Trip.Confirmed() && (e.Amount != jpy(captured-fee) || e.Fee != jpy(fee)) {
			c.Errorf("event %+v", e)
		}
	}
	slices.Sort(got)
	if slices.Sort(events); !slices.Equal(got, events) {
		c.Errorf("events %v, want %v", got, events)
	}
	c.wantQuiet()
}

// wantQuiet wants nothing to be left to do, and the end to stay as it is.
func (c *client) wantQuiet() {
	c.Helper()
	before := c.details().Trip.Snapshot()
	c.mustCancel()
	c.reconcile()
	if after := c.details().Trip.Snapshot(); after != before {
		c.Errorf("after the end: %+v, then %+v", before, after)
	}
	if status, _, _ := call(c.T, c.api, "POST", "/trips/"+c.id+"/redrive", "", ""); status != http.StatusConflict {
		c.Errorf("a redrive after the end: %d", status)
	}
}

func (c *client) execution(saga string) string {
	c.Helper()
	d, err := c.Saga(saga).Describe(c.Context(), c.id)
	if errors.Is(err, engine.ErrNotFound) {
		return ""
	}
	if err != nil {
		c.Fatal(err)
	}
	return string(d.Status)
}

const total = 80_000 // of the trip in happy

var booked = []domain.EventType{domain.TripRequested, domain.TripConfirmed, domain.CancellationRequested}

// released are the events of a confirmed trip that was cancelled, with a refund.
var released = append(slices.Clone(booked), domain.HotelCancelled, domain.FlightCancelled, domain.PaymentRefunded, domain.TripCancelled)

// TestCancelAfterTheBooking cancels a confirmed trip, with every reply of the second saga's tasks lost once, too.
func TestCancelAfterTheBooking(t *testing.T) {
	for _, percent := range []int{0, 20, 50, 100} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %%, lost %v", percent, lost), func(t *testing.T) {
				c := newClient(t, percent)
				c.book("tok_ok")
				c.want(domain.Confirmed, "")
				if lost {
					c.around = func(_ string, n int, do func() error) error {
						if err := do(); err != nil || n > 1 {
							return err
						}
						return errors.New("the reply is lost")
					}
				}
				c.mustCancel()
				c.mustCancel()
				c.want(domain.Cancelling, "")
				c.v.Run()
				events := slices.Clone(released)
				if percent == 100 {
					events = slices.DeleteFunc(events, func(e domain.EventType) bool { return e == domain.PaymentRefunded })
				}
				c.wantEnd(total, total*int64(percent)/100, events...)
				if state := c.details().State("PAYMENT"); state != domain.StepUndone || c.execution(domain.CancellationSaga) != "SUCCEEDED" {
					t.Errorf("the payment is %s, the saga %s", state, c.execution(domain.CancellationSaga))
				}
			})
		}
	}
}

// TestCancelBeforeThePivot asks before the payment: nothing is charged, and the booking compensates what it has.
func TestCancelBeforeThePivot(t *testing.T) {
	c := newClient(t, 50)
	c.around = func(task string, n int, do func() error) error {
		if task == "ReserveHotel" && n == 1 {
			c.mustCancel()
			c.want(domain.Pending, "")
		}
		return do()
	}
	c.book("tok_ok")
	c.want(domain.Cancelled, fault.NameTripCancelled)
	c.wantEnd(0, 0, domain.TripRequested, domain.CancellationRequested, domain.HotelCancelled, domain.FlightCancelled, domain.TripCancelled)
	if c.execution(domain.BookingSaga) != "FAILED" || c.execution(domain.CancellationSaga) != "" {
		t.Errorf("booking %s, cancellation %s", c.execution(domain.BookingSaga), c.execution(domain.CancellationSaga))
	}
}

// TestCancelOfABookingThatFails keeps the failure's reason: the card is declined anyway, or the flight is sold out.
func TestCancelOfABookingThatFails(t *testing.T) {
	c := newClient(t, 50)
	c.around = func(task string, n int, do func() error) error {
		err := do()
		if task == "ProcessPayment" && n == 1 {
			c.mustCancel()
		}
		return err
	}
	c.book("tok_declined")
	c.want(domain.Cancelled, fault.NamePaymentDeclined)
	c.wantEnd(0, 0, domain.TripRequested, domain.CancellationRequested, domain.HotelCancelled, domain.FlightCancelled, domain.TripCancelled)
}

// TestCancelAfterThePivot asks when the money is charged: the booking goes on, and the second saga follows its end without the
// reconciler.
func TestCancelAfterThePivot(t *testing.T) {
	c := newClient(t, 20)
	c.around = func(task string, n int, do func() error) error {
		if task == "BookingConfirmed" && n == 1 {
			c.mustCancel()
			c.want(domain.Pending, "")
		}
		return do()
	}
	c.book("tok_ok")
	c.want(domain.Cancelled, "")
	if c.execution(domain.BookingSaga) != "SUCCEEDED" || c.execution(domain.CancellationSaga) != "SUCCEEDED" {
		t.Errorf("booking %s, cancellation %s", c.execution(domain.BookingSaga), c.execution(domain.CancellationSaga))
	}
	c.wantEnd(total, total/5, released...)
}

// TestTheConfirmationIsRepeatedAfterTheCancellation loses the reply of BookingConfirmed, and cancels before its retry.
func TestTheConfirmationIsRepeatedAfterTheCancellation(t *testing.T) {
	c := newClient(t, 20)
	c.around = func(task string, n int, do func() error) error {
		if task == "BookingConfirmed" && n == 2 {
			c.want(domain.Cancelled, "")
		}
		err := do()
		if task == "BookingConfirmed" && n == 1 {
			c.mustCancel()
			return errors.New("the reply is lost")
		}
		return err
	}
	c.book("tok_ok")
	if c.execution(domain.BookingSaga) != "SUCCEEDED" {
		t.Errorf("the booking is %s", c.execution(domain.BookingSaga))
	}
	c.wantEnd(total, total/5, released...)
}

// TestLateNewsOfTheBooking lets the booking's execution fail after it has confirmed the trip, which is being cancelled then.
func TestLateNewsOfTheBooking(t *testing.T) {
	c := newClient(t, 20)
	c.around = func(task string, _ int, do func() error) error {
		if task == "CancelHotel" {
			return fault.New(fault.Conflict, fault.NameConflict, "stop here")
		}
		if err := do(); task != "BookingConfirmed" {
			return err
		}
		c.mustCancel()
		return fault.New(fault.Conflict, "Conflict", "the execution fails")
	}
	c.book("tok_ok")
	if c.execution(domain.BookingSaga) != "FAILED" {
		t.Fatalf("the booking is %s", c.execution(domain.BookingSaga))
	}
	if r := c.details().Trip.Reason(); !strings.Contains(r.Message, "CancelHotel") {
		t.Errorf("%+v, want the reason of the cancellation", r)
	}
	c.around = nil
	c.redrive()
	c.wantEnd(total, total/5, append(slices.Clone(released), domain.TripNeedsAttention)...)
}

func TestTheRefundOfACancellationIsStuck(t *testing.T) {
	c := newClient(t, 20)
	c.book("tok_ok")
	c.around = func(task string, _ int, do func() error) error {
		if task == "RefundBooking" {
			return fault.New(fault.Conflict, fault.NameConflict, "look at the provider's books")
		}
		return do()
	}
	c.mustCancel()
	c.v.Run()
	c.want(domain.NeedsAttention, fault.NameConflict)
	if r := c.details().Trip.Reason(); !strings.Contains(r.Message, "RefundBooking") {
		t.Errorf("%+v", r)
	}
	c.mustCancel() // twice is once
	c.v.Run()
	c.want(domain.NeedsAttention, fault.NameConflict)
	if l, err := c.App.Audit(t.Context()); err != nil || !l.Balanced {
		t.Errorf("ledger %+v, %v", l, err)
	}
	c.around = nil
	c.redrive()
	c.wantEnd(total, total/5, append(slices.Clone(released), domain.TripNeedsAttention)...)
}

// TestCancelBesideARedrive asks while the booking waits for a person, and after its redrive began.
func TestCancelBesideARedrive(t *testing.T) {
	for _, tt := range []struct {
		stuck  string
		card   string
		money  int64
		events []domain.EventType
	}{
		{"BookingConfirmed", "tok_ok", total, released},
		{"CancelFlight", "tok_declined", 0, []domain.EventType{domain.TripRequested, domain.CancellationRequested, domain.HotelCancelled,
			domain.FlightCancelled, domain.TripCancelled}},
	} {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, during %v", tt.stuck, during), func(t *testing.T) {
				c := newClient(t, 20)
				stuck := true
				c.around = func(task string, _ int, do func() error) error {
					if task == tt.stuck && stuck {
						return fault.New(fault.Conflict, fault.NameConflict, "stuck")
					}
					if task == tt.stuck && during {
						c.mustCancel()
					}
					return do()
				}
				c.book(tt.card)
				c.want(domain.NeedsAttention, fault.NameConflict)
				if !during {
					c.mustCancel()
					c.want(domain.NeedsAttention, fault.NameConflict)
				}
				stuck = false
				c.redrive()
				c.want(domain.Cancelled, map[bool]string{true: fault.NamePaymentDeclined}[tt.card == "tok_declined"])
				c.around = nil
				c.wantEnd(tt.money, tt.money/5, append(slices.Clone(tt.events), domain.TripNeedsAttention)...)
			})
		}
	}
}

// TestNotCancellable refuses to cancel what has failed, and what has departed.
func TestNotCancellable(t *testing.T) {
	c := newClient(t, 20)
	c.book("tok_declined")
	if err := c.cancel(); !fault.Is(err, fault.NameNotCancellable) {
		t.Errorf("failed: %v", err)
	}
	c.book("tok_ok")
	departs, err := c.App.CancellationQuote(t.Context(), c.id)
	if err != nil || !departs.Cancellable {
		t.Fatalf("%+v, %v", departs, err)
	}
	c.v.Advance(departs.Departs.Sub(c.v.Now()))
	if err := c.cancel(); !fault.Is(err, fault.NameTripDeparted) {
		t.Errorf("departed: %v", err)
	}
	c.want(domain.Confirmed, "")
}

// TestTheStartOfACancellationIsLost ends the process between the request and the start.
func TestTheStartOfACancellationIsLost(t *testing.T) {
	c := newClient(t, 20)
	c.book("tok_ok")
	starter := c.App.Starter
	c.App.Starter = dead{}
	if err := c.cancel(); err == nil {
		t.Error("a start that was lost was acknowledged")
	}
	c.App.Starter = starter
	c.v.Run()
	c.want(domain.Cancelling, "")
	c.reconcile()
	c.wantEnd(total, total/5, released...)
}

// TestACancellationSurvivesTheProcess stops the system in the middle of a cancellation and opens it again.
func TestACancellationSurvivesTheProcess(t *testing.T) {
	opt := local.Options{Dir: t.TempDir()}
	begun := false
	opt.WrapTasks = func(tasks map[string]engine.Task) map[string]engine.Task {
		refund := tasks["RefundBooking"]
		tasks["RefundBooking"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			if !begun {
				begun = true
				return nil, errors.New("the process ends here")
			}
			return refund(ctx, in)
		}
		return tasks
	}
	c := &client{T: t}
	start := func(at time.Time) {
		c.v = sim.NewVirtual(at)
		opt.Scheduler = c.v
		sys, err := local.Open(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		c.System = sys
	}
	start(begin)
	if _, err := c.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.book("tok_ok")
	c.mustCancel()
	for !begun && c.v.Step() {
	}
	if err := c.Close(t.Context()); err != nil || !begun {
		t.Fatal(err, begun)
	}
	start(begin.Add(48 * time.Hour))
	defer c.Close(t.Context())
	if n := c.OpenExecutions(); n != 1 {
		t.Errorf("%d sagas are resumed", n)
	}
	c.v.Run()
	c.want(domain.Cancelled, "")
	if l, err := c.App.Audit(t.Context()); err != nil || !l.Balanced || l.SeatsHeld != 0 {
		t.Errorf("ledger %+v, %v", l, err)
	}
}

// TestConcurrentCancels requests one cancellation many times at once: each is accepted, and one saga ends it.
func TestConcurrentCancels(t *testing.T) {
	c := newClient(t, 20)
	for range 5 {
		c.book("tok_ok")
		codes := make([]int, 16)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				w := httptest.NewRecorder()
				c.api.ServeHTTP(w, httptest.NewRequest("POST", "/trips/"+c.id+"/cancel", nil))
				codes[i] = w.Code
			})
		}
		all.Wait()
		for i, code := range codes {
			if code != http.StatusAccepted {
				t.Errorf("request %d: %d", i, code)
			}
		}
		c.v.Run()
		if got := c.details().Trip.Status(); got != domain.Cancelled {
			t.Errorf("the trip is %s", got)
		}
	}
}
