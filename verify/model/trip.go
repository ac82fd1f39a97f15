package model

import (
	"fmt"
	"strings"
	"time"
)

// judgeTrip judges a write of the trip itself.
func (w *world) judgeTrip(b *booking) {
	if b.wrote&partTrip == 0 {
		return
	}
	old, now := &b.old.trip, &b.now.trip
	if !legalTrip(old, now) {
		w.report(tripTransition, "%s went from %s to %s", b, named(old.Status), named(now.Status))
	}
	if !now.there {
		return
	}
	if now.version != old.version+1 {
		w.report(versionGrows, "%s: version %d was written over version %d", b, now.version, old.version)
	}
	if !now.listed {
		w.report(tripListed, "%s is %s, and listed elsewhere", b, now.Status)
	}
	if (now.Status == failed || now.Status == attention) && !now.Reason.given() {
		w.report(reasonTold, "%s is %s with the reason %q: %q", b, now.Status, now.Reason.Name, now.Reason.Message)
	}
	w.judgeRequest(b)
	w.judgeFee(b)
	if now.requested() && !old.requested() && b.asked != nil && !b.asked.Departs.IsZero() {
		if at, err := time.Parse(time.RFC3339Nano, now.Cancel.Requested); err != nil || !at.Before(b.asked.Departs) {
			w.report(cancelInTime, "%s: a cancellation was accepted at %s, the flight departs at %s",
				b, now.Cancel.Requested, b.asked.Departs.Format(time.RFC3339))
		}
	}
}

func legalTrip(old, now *trip) bool {
	switch old.Status {
	case "":
		return now.Status == pending && !now.requested()
	case confirmed: // only a request to cancel changes it
		return now.Status == cancelling && now.requested() && now.Total == old.Total
	case pending, attention, cancelling:
		return old.legalEnd(now)
	}
	return false
}

// legalEnd reports whether now may follow old, a trip that has not ended.
func (old *trip) legalEnd(now *trip) bool {
	asks := now.requested() && !old.requested()
	switch {
	case old.paid() && now.Total != old.Total, old.requested() && now.terms() != old.terms():
		return false
	case asks:
		return now.Status == old.Status && now.Total == old.Total
	case now.Status == attention:
		return now.Total == old.Total
	case old.paid():
		return now.Status == cancelled
	case now.requested():
		return now.Status == cancelling && now.paid() || now.Status == cancelled && !now.paid()
	}
	return now.Status == confirmed || now.Status == failed
}

// terms returns the part of a request to cancel that never changes.
func (t *trip) terms() cancel {
	c := t.Cancel
	c.Fee, c.Refund = amount{}, amount{}
	return c
}

// judgeFee requires that fee and refund add up to the total of a trip that is cancelled after it was confirmed, and that the
// fee has the percentage that the request has fixed.
func (w *world) judgeFee(b *booking) {
	t := &b.now.trip
	c := &t.Cancel
	fixed := t.requested() && t.paid()
	if !fixed && (c.Fee != amount{} || c.Refund != amount{}) {
		w.report(feeAsFixed, "%s has a fee of %s and a refund of %s, and nothing was paid", b, shown(c.Fee), shown(c.Refund))
	}
	if fixed && (c.Fee.plus(c.Refund) != t.Total || c.Fee.Minor != t.Total.Minor*c.Percent/100) {
		w.report(feeAsFixed, "%s: of %s the fee is %s and the refund %s, at %d percent", b, shown(t.Total), shown(c.Fee), shown(c.Refund), c.Percent)
	}
}

// judgeRequest compares the trip's request with the schedule and with the request before the write.
func (w *world) judgeRequest(b *booking) {
	old, now := &b.old.trip, &b.now.trip
	before := old.request
	if (now.ended() || now.paid()) && now.Card == "" { // the card may be removed with the end
		before.Card = ""
	}
	switch {
	case old.there && before != now.request:
		w.report(tripFrozen, "%s asked for %s, and now for %s", b, shown(old.request), shown(now.request))
	case now.ID != b.id:
		w.report(tripFrozen, "%s: its record is of trip %q", b, now.ID)
	case b.asked == nil:
		return // reported as never requested
	case now.Flight != b.asked.flight || now.Stay != b.asked.stay || now.Currency != b.asked.Currency:
		w.report(tripFrozen, "%s asks for %s, its client asked for %s, %s in %s", b, shown(now.request),
			shown(b.asked.flight), shown(b.asked.stay), b.asked.Currency)
	}
}

// judgeState judges what must hold for a trip at every moment. A broken promise has one of two names: one if it was false
// in the transaction that made it, another if it was broken later. They are different bugs.
func (w *world) judgeState(b *booking) {
	w.judgeBelonging(b)
	w.judgeHeld(b)
	w.judgePayment(b)
	switch b.now.trip.Status {
	case confirmed:
		w.judgeConfirmed(b)
	case failed, cancelled:
		w.judgeFailed(b)
	}
}

func (w *world) judgeBelonging(b *booking) {
	v := &b.now
	something := v.any(func(_ parts, s *step) bool { return s.there }) || len(v.events) > 0 || v.started
	if something && !v.trip.there {
		w.report(belongsToTrip, "%s does not exist, but records that belong to it do", b)
	}
	if b.asked == nil && v.trip.there {
		w.report(belongsToTrip, "%s was never requested", b)
	}
}

func (w *world) judgeHeld(b *booking) {
	f, h := &b.now.flight, &b.now.hotel
	if b.asked == nil {
		return
	}
	if f.State == done && f.Result.Flight != b.asked.flight {
		w.report(reservedAsAsked, "%s: reserved %s, asked for %s", b, shown(f.Result.Flight), shown(b.asked.flight))
	}
	if h.State == done && h.Result.Stay != b.asked.stay {
		w.report(reservedAsAsked, "%s: reserved %s, asked for %s", b, shown(h.Result.Stay), shown(b.asked.stay))
	}
}

func (w *world) judgePayment(b *booking) {
	p, books := &b.now.payment, w.booksOf(b)
	if id := p.Result.IntentID; id != "" && w.payers[id] != b {
		w.report(paymentKeyOwn, "%s pays by intent %s, as %s does", b, id, w.payers[id])
	}
	if p.Result.Key != "" && books.intent.there && (keyOf(&books.intent) != p.Result.Key || books.intent.Reference != b.id) {
		w.report(paymentKeyOwn, "%s pays under key %s, and its intent is of key %s, for trip %s", b, p.Result.Key, books.intent.Key, books.intent.Reference)
	}
	if f, h := &b.now.flight, &b.now.hotel; p.Result.Key != "" && p.Result.Amount != f.Result.Amount.plus(h.Result.Amount) {
		w.report(paymentAsPriced, "%s: the payment is over %s, the flight costs %s and the hotel %s", b, shown(p.Result.Amount),
			shown(f.Result.Amount), shown(h.Result.Amount))
	}
	if p.State == done && (!books.intent.paid() || books.intent.Amount != p.Result.Amount) {
		w.report(doneIsCaptured, "%s: the payment of %s is DONE, the bank's intent is %s over %s",
			b, shown(p.Result.Amount), named(books.intent.State), shown(books.intent.Amount))
	}
	if books.intent.State == captured && p.State != started && p.State != done && !p.Open && !b.keepsFee() {
		w.report(capturedIsKnown, "%s: the bank has captured %s, the payment is %s",
			b, shown(books.intent.Amount), named(p.State))
	}
}

// keyOf returns the intent's key without the suffix after #, which counts how often the provider has forgotten the key.
func keyOf(in *intent) string {
	key, _, _ := strings.Cut(in.Key, "#")
	return key
}

// paid reports whether the money was captured, even if it was refunded since. A payment can be DONE for a moment after its
// refund: a delivery that lost the race against the compensation may still record the bank's answer; the compensation then
// finds the record and moves it to UNDONE. The money is right at every moment.
func (in *intent) paid() bool { return in.State == captured || in.State == refunded }

func (w *world) judgeConfirmed(b *booking) {
	v, books := &b.now, w.booksOf(b)
	if v.any(func(_ parts, s *step) bool { return s.State != done }) || books.intent.State != captured {
		name := confirmedWhen
		if b.old.trip.Status == confirmed {
			name = confirmedStays
		}
		w.report(name, "%s is CONFIRMED; %s", b, w.holdings(b))
	}
	if paid := books.charge.moved(); v.trip.Total != paid {
		w.report(totalCaptured, "%s: the total is %s, captured were %s", b, shown(v.trip.Total), shown(paid))
	}
}

func (w *world) judgeFailed(b *booking) {
	v, books := &b.now, w.booksOf(b)
	holds := v.any(func(_ parts, s *step) bool { return s.State == done || s.State == started || s.Open })
	kept := books.charge.moved().Minor - books.back().Minor
	if !holds && kept == v.trip.Cancel.Fee.Minor && (books.intent.State != captured || b.keepsFee()) {
		return
	}
	name := failedWhen
	if b.old.trip.Status == v.trip.Status {
		name = failedStays
	}
	w.report(name, "%s is %s; %s; %d minor units kept, the fee is %s", b, v.trip.Status, w.holdings(b), kept, shown(v.trip.Cancel.Fee))
}

// keepsFee reports whether the payment was refunded except for a fee, so that its intent stays captured.
func (b *booking) keepsFee() bool {
	return b.now.payment.State == undone && b.now.trip.paid() && b.now.trip.Cancel.Fee.Minor > 0
}

// holdings describes for a message what a trip holds.
func (w *world) holdings(b *booking) string {
	v := &b.now
	return fmt.Sprintf("flight %s, hotel %s, payment %s, the bank's intent %s", named(v.flight.State),
		named(v.hotel.State), named(v.payment.State), named(w.booksOf(b).intent.State))
}

// judgePrice requires that a reservation costs a price that was offered at some time.
func (w *world) judgePrice(b *booking) {
	f, h := &b.now.flight.Result, &b.now.hotel.Result
	if b.now.flight.State == done && !w.offered(b.seats(&b.now.flight), f.Flight.Seats, f.Amount) {
		w.report(paymentAsPriced, "%s: its flight costs %s, which was never its price", b, shown(f.Amount))
	}
	if b.now.hotel.State == done && !w.offered(b.nights(&b.now.hotel), h.Stay.Rooms, h.Amount) {
		w.report(paymentAsPriced, "%s: its hotel costs %s, which was never its price", b, shown(h.Amount))
	}
}

// offered reports whether n of each partition can have cost the sum. Each night may have been read at another of its
// prices, so the combinations are searched; a partition has one or two.
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

// plus adds two amounts of the same currency. A zero amount without a currency takes the other's.
func (a amount) plus(b amount) amount {
	if a.Currency == "" {
		a.Currency = b.Currency
	}
	return amount{a.Minor + b.Minor, a.Currency}
}
