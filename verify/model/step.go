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
	if now.State == refused && !now.Refusal.told() {
		w.report(reasonTold, "%s: %s was refused with the reason %q: %q", b, part, now.Refusal.Name, now.Refusal.Message)
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
