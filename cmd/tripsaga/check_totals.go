package main

import (
	"fmt"

	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

func (o offer) flightPrice() money.Amount {
	return money.Amount{Minor: o.flight.Price.Minor * checkSeats, Currency: o.flight.Price.Currency}
}

func (o offer) stayPrice() money.Amount {
	sum := money.Amount{Currency: o.flight.Price.Currency}
	for _, n := range o.nights {
		sum.Minor += n.Price.Minor * checkRooms
	}
	return sum
}

func (o offer) total() money.Amount {
	return money.Amount{Minor: o.flightPrice().Minor + o.stayPrice().Minor, Currency: o.flight.Price.Currency}
}

// delta is by how much a total changes.
type delta int64

func (d delta) String() string { return fmt.Sprintf("%+d", int64(d)) }

// holds is what a step that is DONE adds to a total.
func holds(s domain.StepState, amount int64) delta {
	if s == domain.StepDone {
		return delta(amount)
	}
	return 0
}

// verifyTotals compares by how much the totals have changed. They are everyone's: where others book meanwhile, they are
// shown and not compared.
func (t *trial) verifyTotals() []verification {
	moved := disturbed(t.before, t.after)
	counters := notCompared(moved, append(t.verifyCounters(),
		same("list of trips", t.scenario.want.status, t.after.listed[t.id])))
	unread := t.before.unread
	if unread == nil {
		unread = t.after.unread
	}
	if unread != nil {
		moved = fmt.Sprintf("the ledger could not be read: %v", unread)
	}
	return append(counters, notCompared(moved, t.verifyLedger())...)
}

func notCompared(why string, checks []verification) []verification {
	for i := range checks {
		if why != "" {
			checks[i].NotCompared = why
		}
	}
	return checks
}

// verifyCounters is about the flight and the nights of the offer, also where the scenario asks for others.
func (t *trial) verifyCounters() []verification {
	want, f := t.scenario.want, t.offer.flight
	checks := []verification{same(fmt.Sprintf("seats held, %s on %s", f.Number, f.Date),
		holds(want.flight, checkSeats), delta(t.after.seats-t.before.seats))}
	for i, n := range t.offer.nights {
		checks = append(checks, same(fmt.Sprintf("rooms held, %s on %s", n.Hotel, n.Night),
			holds(want.hotel, checkRooms), delta(held(t.after, i)-held(t.before, i))))
	}
	return checks
}

// held is 0 for a night that is not offered any more.
func held(s *snapshot, night int) int64 {
	if night < len(s.rooms) {
		return s.rooms[night]
	}
	return 0
}

func (t *trial) verifyLedger() []verification {
	want, paid := t.scenario.want, t.offer.total()
	was, is := t.before.ledger, t.after.ledger
	captured := holds(want.payment, paid.Minor)
	return []verification{
		same(fmt.Sprintf("ledger trips %s", want.status), delta(1), delta(is.Trips[want.status]-was.Trips[want.status])),
		same("ledger seats held", holds(want.flight, checkSeats), delta(is.SeatsHeld-was.SeatsHeld)),
		same("ledger room nights held", holds(want.hotel, checkRooms*checkNights), delta(is.RoomsHeld-was.RoomsHeld)),
		same(fmt.Sprintf("ledger captured in %s", paid.Currency), captured,
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Captured })),
		same(fmt.Sprintf("ledger refunded in %s", paid.Currency), delta(0),
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Refunded })),
		same(fmt.Sprintf("ledger confirmed in %s", paid.Currency), captured,
			moneyMoved(was, is, paid.Currency, func(a app.Account) int64 { return a.Confirmed })),
		t.verifyBalance(),
	}
}

func moneyMoved(was, is app.Ledger, c money.Currency, of func(app.Account) int64) delta {
	return delta(of(is.Currencies[c]) - of(was.Currencies[c]))
}

// verifyBalance bears with a ledger that does not balance for trips that need attention: theirs is held or paid without
// a confirmed trip, until they are redriven.
func (t *trial) verifyBalance() verification {
	v := same("ledger balanced", true, t.after.ledger.Balanced)
	if n := len(t.after.attentionAfter); !v.OK && n > 0 {
		v.NotCompared = fmt.Sprintf("trips that need attention: %d, such as %s", n, anyOf(t.after.attentionAfter))
	}
	return v
}

func anyOf(ids map[string]int64) (least string) {
	for id := range ids {
		if least == "" || id < least {
			least = id
		}
	}
	return least
}
