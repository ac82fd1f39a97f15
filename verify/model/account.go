package model

func (w *world) judgeAccount(a *account) {
	w.judgeOwner(a)
	if a.wrote {
		w.judgeIntent(a)
	}
	w.judgeEntry(a, "charge", &a.old.charge, &a.now.charge, captured)
	w.judgeRefunds(a)
}

// judgeRefunds requires that refunds reverse the charge, wholly or in part, in the transaction that changes the intent.
func (w *world) judgeRefunds(a *account) {
	old, now := &a.old, &a.now
	fresh := now.parts[len(old.parts):]
	full := now.refund.there && !old.refund.there
	if n := len(fresh); n > 1 || n == 1 && (full || !a.wrote) || full && !a.wrote {
		w.report(entryWithIntent, "intent %s: %d parts are refunded, all of it: %t, the intent is written: %t", a.id, n, full, a.wrote)
	}
	for i := range fresh {
		w.judgeBalance(a, "refund of a part", &fresh[i])
	}
	if full {
		w.judgeBalance(a, "refund", &now.refund)
	}
	if full || len(fresh) > 0 {
		for _, e := range append([]entry{now.refund}, now.parts...) {
			if e.there && !reverses(&e, &now.charge, len(now.parts) > 0) {
				w.report(refundOfCharge, "intent %s: refund %v of charge %v", a.id, e, now.charge)
			}
		}
	}
	back, all := now.back().Minor, now.charge.moved().Minor
	if back > all {
		w.report(refundBounded, "intent %s: %d of %d minor units are refunded", a.id, back, all)
	}
	if gone := now.intent.State == refunded; a.wrote && gone != (all > 0 && back == all) {
		w.report(entryWithIntent, "intent %s is %s, and %d of %d minor units are refunded", a.id, now.intent.State, back, all)
	}
}

// back returns what was refunded.
func (k *books) back() amount {
	sum := k.refund.moved()
	for i := range k.parts {
		sum = sum.plus(k.parts[i].moved())
	}
	return sum
}

// judgeOwner requires that the intent belongs to a payment. An intent that was created and never confirmed need not: its
// reply was lost, or another delivery's intent was recorded. It belongs to a trip by its reference.
func (w *world) judgeOwner(a *account) {
	in := &a.now.intent
	switch owner := w.trips[in.Reference]; {
	case in.there && (owner == nil || !owner.now.trip.there):
		w.report(belongsToTrip, "intent %s of the bank is of trip %q, which does not exist", a.id, in.Reference)
	case w.payers[a.id] == nil && in.State != opened:
		w.report(unrecordedStill, "intent %s of the bank is %s, and no payment's", a.id, named(in.State))
	}
}

func (w *world) judgeIntent(a *account) {
	old, now := &a.old.intent, &a.now.intent
	if !legalIntent(old.State, now.State) {
		w.report(intentTransition, "intent %s: it went from %s to %s", a.id, named(old.State), named(now.State))
	}
	if now.there && now.version != old.version+1 {
		w.report(versionGrows, "intent %s: version %d was written over version %d", a.id, now.version, old.version)
	}
	switch {
	case now.State == captured && old.State != captured:
		w.judgeCapture(a)
	case now.State == captured && now.Amount != old.Amount:
		w.report(captureIsPrice, "intent %s: %s was captured, and is now %s", a.id, shown(old.Amount), shown(now.Amount))
	}
}

func legalIntent(from, to string) bool {
	switch from {
	case "":
		return to == opened
	case opened, declined: // a declined intent can be confirmed again
		return to == captured || to == declined || to == cancelled
	case captured: // the bank may write it again, with the reason why it did not refund
		return to == refunded || to == captured
	}
	return false
}

// judgeCapture requires that the captured amount is the one that the payment recorded in an earlier transaction. Without that
// id, a crash after the capture would leave money that no compensation knows of. A late confirm may capture what was declined,
// while the refusal is open: closing it refunds that.
func (w *world) judgeCapture(a *account) {
	for _, other := range sorted(w.accounts) {
		if other != a && other.now.charge.there && other.now.intent.Reference == a.now.intent.Reference {
			w.report(chargedOnce, "intent %s is captured, and so was intent %s of the same trip", a.id, other.id)
		}
	}
	b := w.payers[a.id]
	if b == nil {
		w.report(intentFirst, "intent %s: %s was captured, and no payment has the id", a.id, shown(a.now.intent.Amount))
		return
	}
	if p := &b.old.payment; p.State != started && !p.Open || p.Result.IntentID != a.id || p.Result.Amount != a.now.intent.Amount {
		w.report(intentFirst, "%s: %s was captured while its payment was %s over %s",
			b, shown(a.now.intent.Amount), named(p.State), shown(p.Result.Amount))
	}
	if cost := b.now.flight.Result.Amount.plus(b.now.hotel.Result.Amount); a.now.intent.Amount != cost {
		w.report(captureIsPrice, "%s: %s was captured, it costs %s", b, shown(a.now.intent.Amount), shown(cost))
	}
}

// judgeEntry requires the ledger's entry in the transaction that moves the key to state, and in no other.
func (w *world) judgeEntry(a *account, kind string, old, now *entry, state string) {
	entered := now.there && !old.there
	moved := a.wrote && a.now.intent.State == state && a.old.intent.State != state
	switch {
	case entered != moved:
		w.report(entryWithIntent, "intent %s: %s -> %s, %s entered: %t",
			a.id, named(a.old.intent.State), named(a.now.intent.State), kind, entered)
	case entered && now.moved() != a.now.intent.Amount:
		w.report(entryWithIntent, "intent %s: the %s enters %s, the intent is over %s",
			a.id, kind, shown(now.moved()), shown(a.now.intent.Amount))
	}
	if entered {
		w.judgeBalance(a, kind, now)
	}
}

func (w *world) judgeBalance(a *account, kind string, e *entry) {
	if debit, credit := e.totals(); debit != credit || debit <= 0 {
		w.report(entryBalances, "intent %s: the %s debits %d and credits %d", a.id, kind, debit, credit)
	}
}

func (e *entry) totals() (debit, credit int64) {
	for _, p := range e.Postings {
		debit += p.Debit
		credit += p.Credit
	}
	return debit, credit
}

// moved returns the amount that the entry takes from the cards, or a refund returns to them.
func (e *entry) moved() amount {
	n := e.net("cards")
	if e.Kind == "REFUND" {
		n = -n
	}
	return amount{n, e.Currency}
}

// net returns the entry's debits less its credits on an account.
func (e *entry) net(name string) (n int64) {
	for _, p := range e.Postings {
		if p.Account == name {
			n += p.Debit - p.Credit
		}
	}
	return n
}

// reverses reports whether the two entries together leave every account unchanged or, for a partial refund, closer to that.
func reverses(refund, charge *entry, part bool) bool {
	for _, e := range []*entry{refund, charge} {
		for _, p := range e.Postings {
			back, paid := refund.net(p.Account), charge.net(p.Account)
			if back+paid != 0 && (!part || back*paid >= 0 || max(back, -back) > max(paid, -paid)) {
				return false
			}
		}
	}
	return refund.Currency == charge.Currency
}
