package model

import "fmt"

// judgeStanding judges what must hold of a trip at every moment. The same broken promise has two names: one for the
// moment of the promise, one for later.
func (w *world) judgeStanding(b *booking) {
	w.judgeBelonging(b)
	w.judgeHeld(b)
	w.judgePayment(b)
	switch b.now.trip.Status {
	case confirmed:
		w.judgeConfirmed(b)
	case failed:
		w.judgeFailed(b)
	}
}

func (w *world) judgeBelonging(b *booking) {
	v := &b.now
	something := v.flight.there || v.hotel.there || v.payment.there || len(v.events) > 0 || v.started
	if something && !v.trip.there {
		w.report(belongsToTrip, "%s is not there, and something of it is", b)
	}
	if b.asked == nil && v.trip.there {
		w.report(belongsToTrip, "%s was never asked for", b)
	}
}

func (w *world) judgeHeld(b *booking) {
	f, h := &b.now.flight, &b.now.hotel
	if b.asked == nil {
		return
	}
	if f.State == done && f.Result.Flight != b.asked.flight {
		w.report(reservedAsAsked, "%s: reserved %s, asked for %s", b, told(f.Result.Flight), told(b.asked.flight))
	}
	if h.State == done && h.Result.Stay != b.asked.stay {
		w.report(reservedAsAsked, "%s: reserved %s, asked for %s", b, told(h.Result.Stay), told(b.asked.stay))
	}
}

func (w *world) judgePayment(b *booking) {
	p, books := &b.now.payment, w.booksOf(b)
	if p.Result.Key != "" && w.payers[p.Result.Key] != b {
		w.report(paymentKeyOwn, "%s pays under key %s, as %s does", b, p.Result.Key, w.payers[p.Result.Key])
	}
	if f, h := &b.now.flight, &b.now.hotel; p.Result.Key != "" && p.Result.Amount != f.Result.Amount.plus(h.Result.Amount) {
		w.report(paymentAsPriced, "%s: the payment is over %s, the flight costs %s and the hotel %s", b, told(p.Result.Amount),
			told(f.Result.Amount), told(h.Result.Amount))
	}
	if p.State == done && (!books.intent.paid() || books.intent.Amount != p.Result.Amount) {
		w.report(doneIsCaptured, "%s: the payment of %s is DONE, the bank's intent is %s over %s",
			b, told(p.Result.Amount), named(books.intent.State), told(books.intent.Amount))
	}
	if books.intent.State == captured && p.State != started && p.State != done {
		w.report(capturedIsKnown, "%s: the bank has captured %s, the payment is %s",
			b, told(books.intent.Amount), named(p.State))
	}
}

// paid tells that the money was captured, whatever became of it. A payment can be DONE for a moment after its refund:
// a delivery that lost the race may record what it heard, and the undo then finds it.
func (in *intent) paid() bool { return in.State == captured || in.State == refunded }

func (w *world) judgeConfirmed(b *booking) {
	v, books := &b.now, w.booksOf(b)
	if v.flight.State != done || v.hotel.State != done || v.payment.State != done || books.intent.State != captured {
		name := confirmedWhen
		if b.old.trip.Status == confirmed {
			name = confirmedStays
		}
		w.report(name, "%s is CONFIRMED; %s", b, w.holdings(b))
	}
	if paid := books.charge.moved(); v.trip.Total != paid {
		w.report(totalCaptured, "%s: the total is %s, captured were %s", b, told(v.trip.Total), told(paid))
	}
}

func (w *world) judgeFailed(b *booking) {
	v, books := &b.now, w.booksOf(b)
	paying := v.payment.State == started || v.payment.State == done
	kept := books.charge.moved().Minor - books.refund.moved().Minor
	if v.flight.State != done && v.hotel.State != done && !paying && kept == 0 && books.intent.State != captured {
		return
	}
	name := failedWhen
	if b.old.trip.Status == failed {
		name = failedStays
	}
	w.report(name, "%s is FAILED; %s; %d minor units kept", b, w.holdings(b), kept)
}

// holdings tells what is held for a trip.
func (w *world) holdings(b *booking) string {
	v := &b.now
	return fmt.Sprintf("flight %s, hotel %s, payment %s, the bank's intent %s", named(v.flight.State),
		named(v.hotel.State), named(v.payment.State), named(w.booksOf(b).intent.State))
}

// judgePrice asks that a reservation costs what was offered, at some time.
func (w *world) judgePrice(b *booking) {
	f, h := &b.now.flight.Result, &b.now.hotel.Result
	if b.now.flight.State == done && !w.offered(b.seats(&b.now.flight), f.Flight.Seats, f.Amount) {
		w.report(paymentAsPriced, "%s: its flight costs %s, which was never its price", b, told(f.Amount))
	}
	if b.now.hotel.State == done && !w.offered(b.nights(&b.now.hotel), h.Stay.Rooms, h.Amount) {
		w.report(paymentAsPriced, "%s: its hotel costs %s, which was never its price", b, told(h.Amount))
	}
}

// offered tells whether n of each partition ever cost the sum.
func (w *world) offered(partitions []string, n int64, sum amount) bool {
	if len(partitions) == 0 {
		return sum.Minor == 0
	}
	for _, p := range w.prices[partitions[0]] {
		rest := amount{sum.Minor - n*p.Minor, sum.Currency}
		if p.Currency == sum.Currency && rest.Minor >= 0 && w.offered(partitions[1:], n, rest) {
			return true
		}
	}
	return false
}

// plus adds what has the same currency; an amount of nothing has any.
func (a amount) plus(b amount) amount {
	if a.Currency == "" {
		a.Currency = b.Currency
	}
	return amount{a.Minor + b.Minor, a.Currency}
}
