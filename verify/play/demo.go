package play

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"tripsaga/local"
	"tripsaga/shared/history"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// demoBegin is the virtual time at which the demo begins; its trips are some weeks later.
var demoBegin = time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)

// Demo books the scripts of the folder demo one after another, in one store in memory. Retries and time-outs take place in
// virtual time.
type Demo struct {
	// Print, unless it is nil, is called after each booking.
	Print func(Booked) error

	stage *Stage
	sys   *local.System
}

// Booked is a booking of the demo that has ended.
type Booked struct {
	Script  *Script
	TripID  string
	End     End
	Wrong   bool // the end is not the script's
	History []history.Event
}

// DemoEnd is the result of the demo.
type DemoEnd struct {
	Bookings []Booked
	Ledger   app.Ledger
	Took     time.Duration // in virtual time
	Wrong    []string      // how it differs from what is expected; nil if it does not
}

// Run runs the demo once.
func (d *Demo) Run(ctx context.Context) (end DemoEnd, err error) {
	d.stage = NewStage(demoBegin, 2)
	if d.sys, err = d.stage.Local(ctx, nil); err != nil {
		return end, err
	}
	defer d.sys.Close(context.WithoutCancel(ctx))
	if _, err := d.sys.KeepDemoInventory(ctx); err != nil {
		return end, err
	}
	for _, s := range Embedded("demo", domain.DateOf(demoBegin)) {
		b, err := d.book(ctx, &s)
		if err != nil {
			return end, fmt.Errorf("%s: %w", s.Name, err)
		}
		end.Bookings = append(end.Bookings, b)
	}
	end.Took = d.stage.Scheduler.Now().Sub(demoBegin)
	end.Ledger, err = d.sys.App.Audit(ctx)
	end.check()
	return end, err
}

func (d *Demo) book(ctx context.Context, s *Script) (b Booked, err error) {
	d.stage.SetFaults(s.Faults)
	trip, err := d.sys.App.BookTrip(ctx, "", s.Request())
	if err != nil {
		return b, err
	}
	d.stage.Scheduler.Run()
	r := &reporter{ctx: ctx, sys: System{App: d.sys.App, Engine: d.sys.Engine, Table: d.sys.Store}}
	if r.parts(trip.ID(), r.saga, r.trip, r.history); r.err != nil {
		return b, r.err
	}
	b = Booked{Script: s, TripID: trip.ID(), End: endOf(r.out.String())}
	b.Wrong = !reflect.DeepEqual(b.End, s.End())
	if b.History, err = d.sys.Engine.History(ctx, b.TripID); err == nil && d.Print != nil {
		err = d.Print(b)
	}
	return b, err
}

// check compares the ends with the expected ends of the scripts, and the ledger with the trips that must be confirmed.
func (e *DemoEnd) check() {
	var seats, rooms int64
	for _, b := range e.Bookings {
		if b.Wrong {
			e.Wrong = append(e.Wrong, fmt.Sprintf("%s: want %+v, got %+v", b.Script.Name, b.Script.End(), b.End))
		}
		if r := b.Script.Request(); b.Script.End().Trip == domain.Confirmed {
			seats += int64(r.Flight.Seats)
			for night := domain.Date(r.Hotel.CheckIn); night < domain.Date(r.Hotel.CheckOut); night = night.Next() {
				rooms += int64(r.Hotel.Rooms)
			}
		}
	}
	if l := e.Ledger; l.SeatsHeld != seats || l.RoomsHeld != rooms {
		e.Wrong = append(e.Wrong, fmt.Sprintf("ledger: %d seats and %d room nights held, want %d and %d, those of the confirmed trips",
			l.SeatsHeld, l.RoomsHeld, seats, rooms))
	}
	if !e.Ledger.Balanced {
		e.Wrong = append(e.Wrong, fmt.Sprintf("ledger: not balanced: %+v", e.Ledger))
	}
}
