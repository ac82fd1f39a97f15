package model

import "slices"

// kinds are the saga's steps, in order. A step is judged by the rules of all steps once it is here, in [view], in
// [view.step] and, with its tasks, in effects.
var kinds = [...]struct {
	part      parts
	sk        string // sort key of its record
	cancelled string // the event of its compensation; "" if a separate rule decides
}{
	{partFlight, "FLIGHT", flightCancelled},
	{partHotel, "HOTEL", hotelCancelled},
	{partPayment, "PAYMENT", ""},
}

// step returns the record of a part other than the trip itself.
func (v *view) step(part parts) *step {
	switch part {
	case partFlight:
		return &v.flight
	case partHotel:
		return &v.hotel
	}
	return &v.payment
}

// any reports whether such is true for the record of a step.
func (v *view) any(such func(parts, *step) bool) bool {
	for i := range kinds {
		if such(kinds[i].part, v.step(kinds[i].part)) {
			return true
		}
	}
	return false
}

// partOf returns the step whose record has this sort key; 0 if there is no such step.
func partOf(sk string) parts {
	for i := range kinds {
		if kinds[i].sk == sk {
			return kinds[i].part
		}
	}
	return 0
}

func (p parts) String() string {
	for i := range kinds {
		if kinds[i].part == p {
			return kinds[i].sk
		}
	}
	return "TRIP"
}

func (w *world) judgeStep(b *booking, part parts, old, now *step) {
	if b.wrote&part == 0 {
		return
	}
	if !legalStep(part, old, now) {
		w.report(stepTransition, "%s: %s went from %s to %s", b, part, named(old.State), named(now.State))
	}
	if now.there && now.version != old.version+1 {
		w.report(versionGrows, "%s: %s of version %d was written over version %d", b, part, now.version, old.version)
	}
	if now.there && old.there && !sameStep(old, now) {
		w.report(stepFrozen, "%s: %s was %s under fingerprint %q, and is %s under %q",
			b, part, shown(old.Result), old.Fingerprint, shown(now.Result), now.Fingerprint)
	}
	if part == partPayment && now.State == started &&
		b.now.any(func(part parts, s *step) bool { return part != partPayment && s.State != done }) {
		w.report(paidWhileHeld, "%s: its payment begins while %s", b, w.holdings(b))
	}
	if now.State == done && old.State != done {
		w.judgePrice(b)
	}
	w.judgeIDs(b, part, &now.Result)
	if now.State == refused && !now.Refusal.given() {
		w.report(reasonTold, "%s: %s was refused with the reason %q: %q", b, part, now.Refusal.Name, now.Refusal.Message)
	}
}

// judgeIDs requires the ids that are derived from the trip's id.
func (w *world) judgeIDs(b *booking, part parts, r *result) {
	if b.asked == nil {
		return
	}
	ids, books := &b.asked.IDs, w.booksOf(b)
	differs := func(id, want string) bool { return id != "" && want != "" && id != want }
	own := map[parts]string{partFlight: ids.Flight, partHotel: ids.Hotel}[part]
	if differs(r.ID, own) || r.Key != "" && ids.Keys != nil && !slices.Contains(ids.Keys, r.Key) {
		w.report(idsDerived, "%s: %s has the id %q and the key %q; from the trip's id follow %q and %q", b, part, r.ID, r.Key, own, ids.Keys)
	}
	if differs(r.ChargeID, books.charge.ID) || differs(r.RefundID, books.refund.ID) {
		w.report(idsDerived, "%s: %s has the bank's ids %q and %q; the bank has %q and %q", b, part, r.ChargeID, r.RefundID,
			books.charge.ID, books.refund.ID)
	}
}

// legalStep reports whether a write may move a step from one state to another; "" means that the record does not exist. Only
// a payment is STARTED first and DONE later, because its effect is outside of the table. For the same reason a refusal of the
// provider is open first, and closed later.
func legalStep(part parts, old, now *step) bool {
	to := now.State
	switch old.State {
	case "":
		first := done
		if part == partPayment {
			first = started
		}
		return to == first || to == refused && !now.Open || to == undone
	case started:
		return to == done || to == refused && now.Open || to == undone
	case done:
		return to == undone
	case refused:
		return old.Open && to == refused && !now.Open
	}
	return false
}

// sameStep compares the fields that never change. The bank's ids are added after the intent and never change from then on.
func sameStep(old, now *step) bool {
	was, is := old.Result, now.Result
	if was.ChargeID == "" {
		is.ChargeID = ""
	}
	if was.RefundID == "" {
		is.RefundID, is.Refunded = "", amount{}
	}
	return was == is && old.Fingerprint == now.Fingerprint
}

// judgeClosing requires that a payment that is undone, or refused for good, cannot be charged by a late call. A payment
// without an earlier record never reached the bank; any other must be closed at the bank first.
func (w *world) judgeClosing(b *booking) {
	p := &b.now.payment
	if b.wrote&partPayment == 0 || p.State != undone && (p.State != refused || p.Open) || !b.old.payment.there {
		return
	}
	books := w.booksOf(b)
	switch {
	case b.keepsFee():
		if t := &b.now.trip; books.back() != t.Cancel.Refund && (books.back().Minor != 0 || t.Cancel.Refund.Minor != 0) {
			w.report(undoneIsClosed, "%s: the payment is %s, and %s were refunded of it, not %s", b, p.State, shown(books.back()), shown(t.Cancel.Refund))
		}
	case books.intent.State != cancelled && books.intent.State != refunded:
		w.report(undoneIsClosed, "%s: the payment is %s, and a late confirm of intent %q would be captured",
			b, p.State, p.Result.IntentID)
	}
}

// closes reports whether the running transaction moves the payment to a state in which it can never be charged.
func (b *booking) closes() bool {
	old, now := &b.old.payment, &b.now.payment
	return old.State != undone && now.State == undone || old.Open && !now.Open
}

func named(state string) string {
	if state == "" {
		return "nothing"
	}
	return state
}

// judgeMove requires that a counter moves by exactly what its reasons account for: reservations that become or cease to be
// DONE, and the capacity. judgeStock compares the sums, and so reports a broken counter at every later commit, too. judgeMove
// reports only the transaction that broke the counter, and by how much.
func (w *world) judgeMove(s *stock) {
	moved := s.now.available - s.old.available
	due := s.now.capacity - s.old.capacity - (s.now.held - s.old.held)
	if moved != due {
		w.report(counterMoves, "%s: the counter moved by %d, by reservations and capacity it should by %d",
			s.partition, moved, due)
	}
}

func (w *world) judgeStock(s *stock) {
	n := s.now
	if n.available < 0 || n.available > n.capacity {
		w.report(counterBounds, "%s: %d available of %d", s.partition, n.available, n.capacity)
	}
	if n.capacity-n.available != n.held {
		w.report(heldIsReserved, "%s: %d of %d available, so that %d are taken; reservations hold %d",
			s.partition, n.available, n.capacity, n.capacity-n.available, n.held)
	}
}

// judgeNights requires that a write of a stay moves the counters of all its nights, or of none. The sums of judgeMove are per
// night, so they cannot distinguish a stay that took two of three nights from a wrong record; this check can.
func (w *world) judgeNights(b *booking) {
	if b.wrote&partHotel == 0 {
		return
	}
	nights := b.nights(&b.now.hotel)
	if len(nights) == 0 {
		nights = b.nights(&b.old.hotel)
	}
	moved := 0
	for _, night := range nights {
		if s := w.stocks[night]; s != nil && s.now.available != s.old.available {
			moved++
		}
	}
	if moved > 0 && moved < len(nights) {
		w.report(everyNight, "%s: %d of its %d nights moved", b, moved, len(nights))
	}
}
