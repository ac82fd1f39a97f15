package model

func (w *world) judgeAccount(a *account) {
	w.judgeOwner(a)
	if a.wrote {
		w.judgeIntent(a)
	}
	w.judgeEntry(a, "charge", &a.old.charge, &a.now.charge, captured)
	w.judgeEntry(a, "refund", &a.old.refund, &a.now.refund, refunded)
	if a.now.refund.there && !reverses(&a.now.refund, &a.now.charge) {
		w.report(refundOfCharge, "key %s: refund %v of charge %v", a.key, a.now.refund, a.now.charge)
	}
}

// judgeOwner requires that the key belongs to a payment. Whether the payment was written before the money moved is judged in
// judgeIntent.
func (w *world) judgeOwner(a *account) {
	if w.payers[a.key] == nil {
		w.report(belongsToTrip, "key %s of the bank is no payment's", a.key)
	}
}

func (w *world) judgeIntent(a *account) {
	old, now := &a.old.intent, &a.now.intent
	if !legalIntent(old.State, now.State) {
		w.report(intentTransition, "key %s: the bank's intent went from %s to %s", a.key, named(old.State), named(now.State))
	}
	if now.there && now.version != old.version+1 {
		w.report(versionGrows, "key %s: an intent of version %d was written over version %d", a.key, now.version, old.version)
	}
	switch {
	case now.State == captured && old.State != captured:
		w.judgeCapture(a)
	case now.State == captured && now.Amount != old.Amount:
		w.report(captureIsPrice, "key %s: %s was captured, and is now %s", a.key, shown(old.Amount), shown(now.Amount))
	}
}

func legalIntent(from, to string) bool {
	switch from {
	case "":
		return to == captured || to == declined || to == cancelled
	case captured: // the bank may write it again, with the reason why it did not refund
		return to == refunded || to == captured
	}
	return false
}

// judgeCapture requires that the captured amount is the one that the payment recorded in an earlier transaction. Without that
// intent a crash after the capture would leave money that no undo knows of.
func (w *world) judgeCapture(a *account) {
	b := w.payers[a.key]
	if b == nil {
		w.report(intentFirst, "key %s: %s was captured, and no payment has the key", a.key, shown(a.now.intent.Amount))
		return
	}
	if p := &b.old.payment; p.State != started || p.Result.Amount != a.now.intent.Amount {
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
		w.report(entryWithIntent, "key %s: intent %s -> %s, %s entered: %t",
			a.key, named(a.old.intent.State), named(a.now.intent.State), kind, entered)
	case entered && now.moved() != a.now.intent.Amount:
		w.report(entryWithIntent, "key %s: the %s enters %s, the intent is over %s",
			a.key, kind, shown(now.moved()), shown(a.now.intent.Amount))
	}
	if debit, credit := now.totals(); entered && (debit != credit || debit <= 0) {
		w.report(entryBalances, "key %s: the %s debits %d and credits %d", a.key, kind, debit, credit)
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

// reverses reports whether the two entries together leave every account unchanged.
func reverses(refund, charge *entry) bool {
	for _, e := range []*entry{refund, charge} {
		for _, p := range e.Postings {
			if refund.net(p.Account)+charge.net(p.Account) != 0 {
				return false
			}
		}
	}
	return refund.Currency == charge.Currency
}
