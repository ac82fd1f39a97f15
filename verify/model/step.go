package model

func (p parts) String() string {
	switch p {
	case partFlight:
		return "FLIGHT"
	case partHotel:
		return "HOTEL"
	case partPayment:
		return "PAYMENT"
	}
	return "TRIP"
}

func (w *world) judgeStep(b *booking, part parts, old, now *step) {
	if b.wrote&part == 0 {
		return
	}
	if !legalStep(part, old.State, now.State) {
		w.report(stepTransition, "%s: %s went from %s to %s", b, part, named(old.State), named(now.State))
	}
	if now.there && now.version != old.version+1 {
		w.report(versionGrows, "%s: %s of version %d was written over version %d", b, part, now.version, old.version)
	}
	if now.there && old.there && !sameStep(old, now) {
		w.report(stepFrozen, "%s: %s was %s under fingerprint %q, and is %s under %q",
			b, part, told(old.Result), old.Fingerprint, told(now.Result), now.Fingerprint)
	}
	if part == partPayment && now.State == started && (b.now.flight.State != done || b.now.hotel.State != done) {
		w.report(paidWhileHeld, "%s: its payment is begun while %s", b, w.holdings(b))
	}
	if now.State == done && old.State != done {
		w.judgePrice(b)
	}
	w.judgeIDs(b, part, &now.Result)
	if now.State == refused && !now.Refusal.told() {
		w.report(reasonTold, "%s: %s was refused with the reason %q: %q", b, part, now.Refusal.Name, now.Refusal.Message)
	}
}

// judgeIDs holds a record to the ids that follow from the trip's.
func (w *world) judgeIDs(b *booking, part parts, r *result) {
	if b.asked == nil {
		return
	}
	ids := &b.asked.IDs
	differs := func(id, want string) bool { return id != "" && want != "" && id != want }
	own := map[parts]string{partFlight: ids.Flight, partHotel: ids.Hotel}[part]
	if differs(r.ID, own) || differs(r.Key, ids.Key) || differs(r.ChargeID, ids.Charge) || differs(r.RefundID, ids.Refund) {
		w.report(idsDerived, "%s: %s has the ids %q, of the bank %q %q %q; from the trip's id follow %q, %q %q %q",
			b, part, r.ID, r.Key, r.ChargeID, r.RefundID, own, ids.Key, ids.Charge, ids.Refund)
	}
}

// legalStep tells whether a write may move a step so; "" is that there is none. Only a payment is asked for first and
// done later, for its effect is outside.
func legalStep(part parts, from, to string) bool {
	switch from {
	case "":
		first := done
		if part == partPayment {
			first = started
		}
		return to == first || to == refused || to == undone
	case started:
		return to == done || to == refused || to == undone
	case done:
		return to == undone
	}
	return false
}

// sameStep compares what never changes. The bank's ids come later than the intent, and then stand.
func sameStep(old, now *step) bool {
	was, is := old.Result, now.Result
	if was.ChargeID == "" {
		is.ChargeID = ""
	}
	if was.RefundID == "" {
		is.RefundID = ""
	}
	return was == is && old.Fingerprint == now.Fingerprint
}

// judgeClosing asks that a payment, once undone, cannot be charged late: a tombstone over nothing never reached the
// bank, anything else must be closed there first.
func (w *world) judgeClosing(b *booking) {
	if b.wrote&partPayment == 0 || b.now.payment.State != undone || !b.old.payment.there {
		return
	}
	if books := w.booksOf(b); !books.intent.there {
		w.report(undoneIsClosed, "%s: the payment is undone, and a late charge of key %q would be captured",
			b, b.now.payment.Result.Key)
	}
}

func named(state string) string {
	if state == "" {
		return "nothing"
	}
	return state
}
