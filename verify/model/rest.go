package model

import (
	"iter"
	"strings"

	"tripsaga/table"
)

// Final judges the table at rest: all faults are repaired, late calls have arrived, and stopped sagas were redriven. It reads
// all items again and does not rely on what was derived from the commits.
func (j *Judge) Final(items iter.Seq2[table.Key, table.Item]) []Violation {
	w := j.reload(items)
	w.lost(j.acked)
	w.cancelsLost(j.cancels)
	for _, b := range w.bookings() {
		w.judgeNotice(b)
		if b.now.trip.there {
			w.judgeEnd(b)
			w.judgeBooks(b)
			w.judgeComplete(b)
		}
	}
	w.judgeAll()
	w.judgeLedger()
	return w.take()
}

// Stopped judges a trip whose execution stopped before the trip's end, or was abandoned, before it is redriven. It also
// accepts a trip whose execution failed after the trip's end had been recorded.
func (j *Judge) Stopped(items iter.Seq2[table.Key, table.Item], id string) []Violation {
	w := j.reload(items)
	b := w.booking(id)
	x := w.execution(b)
	if b.now.second {
		x = w.secondExecution(b)
	}
	if !x.there || x.Status == running || x.Status == "SUCCEEDED" {
		w.report(stoppedExecution, "%s: its execution is %s", b, named(x.Status))
	}
	t := &b.now.trip
	switch {
	case t.ended():
	case t.Status != attention:
		w.report(stoppedMarked, "%s is %s, its execution %s", b, named(t.Status), named(x.Status))
	case !t.Reason.given() || !strings.Contains(t.Reason.Message, x.Status) || !strings.Contains(t.Reason.Message, x.State):
		w.report(stoppedNames, "%s: the reason is %q: %q, the execution is %s at %q",
			b, t.Reason.Name, t.Reason.Message, named(x.Status), x.State)
	}
	w.judgeAll()
	return w.take()
}

// execution reads the trip's execution.
func (w *world) execution(b *booking) (x execution) {
	if b.now.started {
		x = read(w, &executions, &b.now.execution)
		x.there = true
	}
	return x
}

// secondExecution reads the execution of the trip's cancellation.
func (w *world) secondExecution(b *booking) (x execution) {
	if b.now.second {
		x = read(w, &executions, &b.now.secondExecution)
		x.there = true
	}
	return x
}

// cancelsLost reports the trips whose accepted cancellation is not in their record.
func (w *world) cancelsLost(accepted []string) {
	for _, id := range accepted {
		if b := w.trips[id]; b == nil || !b.now.trip.requested() {
			w.report(acceptedCancel, "trip %s: its cancellation was accepted and is not recorded", id)
		}
	}
}

// lost reports the trips that were acknowledged and do not exist.
func (w *world) lost(acked []string) {
	for _, id := range acked {
		b := w.trips[id]
		if b == nil {
			w.report(acknowledgedLost, "trip %s was acknowledged and does not exist", id)
		} else if !b.now.trip.there || !b.now.started {
			w.report(acknowledgedLost, "%s was acknowledged; its record exists: %t, its execution exists: %t",
				b, b.now.trip.there, b.now.started)
		}
	}
}

func (w *world) judgeNotice(b *booking) {
	if b.now.notice || b.now.secondNotice {
		w.report(noticeLeft, "%s: the notice of its execution's end is left over", b)
	}
}

// judgeEnd requires that the trip has ended in a way that its schedule allows.
func (w *world) judgeEnd(b *booking) {
	t, x := &b.now.trip, w.execution(b)
	over := x.there && x.Status != running
	if !over {
		w.report(executionEnded, "%s: its execution is %s", b, named(x.Status))
	}
	if !t.ended() && b.stays() {
		return
	}
	if !t.ended() {
		w.report(tripEnded, "%s is %s", b, t.Status)
		return
	}
	if t.requested() != (t.Status == cancelled) {
		w.report(acceptedCancel, "%s is %s, its cancellation requested: %t", b, t.Status, t.requested())
	}
	fits := map[string]string{confirmed: "SUCCEEDED", failed: "FAILED", cancelled: "FAILED"}[t.Status]
	if second := w.secondExecution(b); second.there {
		if second.Status == running {
			w.report(executionEnded, "%s: the execution of its cancellation is RUNNING", b)
		}
		over, x, fits = second.Status != running, second, "SUCCEEDED" // the booking was confirmed: whether its reply arrived is no matter
	}
	if over && x.Status != fits {
		w.report(executionFits, "%s is %s, its execution %s", b, t.Status, x.Status)
	}
	if b.asked == nil {
		return
	}
	if o := b.asked.Outcome; o == MustConfirm && t.Status != confirmed || o == MustFail && t.Status != failed || o == MustCancel && t.Status != cancelled {
		w.report(outcomeKept, "%s is %s (%s: %s), and must %s", b, t.Status, t.Reason.Name, t.Reason.Message, o)
	}
}

// judgeBooks compares the provider's books with the trip's end, whatever the trip's records of the payment say.
func (w *world) judgeBooks(b *booking) {
	var charged, back amount
	open := 0 // intents that were charged or declined and can still be charged
	for _, a := range sorted(w.accounts) {
		if k := &a.now; k.intent.Reference == b.id {
			charged, back = charged.plus(k.charge.moved()), back.plus(k.back())
			open += one(k.intent.State == declined)
		}
	}
	t := &b.now.trip
	fits := true
	switch t.Status {
	case confirmed:
		fits = charged == t.Total && back.Minor == 0
	case failed, cancelled:
		fits = charged.Minor-back.Minor == t.Cancel.Fee.Minor && open == 0
	}
	if !fits {
		w.report(booksFitTrip, "%s is %s over %s; the provider has charged %s and refunded %s, and %d of its intents are declined and open",
			b, t.Status, shown(t.Total), shown(charged), shown(back), open)
	}
}

// judgeLedger compares the bank's entries with what the trips say they paid.
func (w *world) judgeLedger() {
	kept := map[string]int64{}
	for _, a := range w.accounts {
		if b := w.trips[a.now.intent.Reference]; b != nil && b.stays() {
			continue
		}
		kept[a.now.charge.Currency] += a.now.charge.moved().Minor
		back := a.now.back()
		kept[back.Currency] -= back.Minor
	}
	for _, b := range w.trips {
		switch t := &b.now.trip; t.Status {
		case confirmed:
			kept[t.Total.Currency] -= t.Total.Minor
		case cancelled:
			kept[t.Total.Currency] -= t.Cancel.Fee.Minor
		}
	}
	for _, currency := range sortedKeys(kept) {
		if n := kept[currency]; n != 0 {
			w.report(ledgerAddsUp, "%s: the bank keeps %d minor units more than the confirmed trips paid and the cancelled ones owe", currency, n)
		}
	}
}

// stays reports whether the trip needs attention for ever and its schedule allows that.
func (b *booking) stays() bool {
	return b.asked != nil && b.asked.Outcome == MayStay && b.now.trip.Status == attention
}

func (o Outcome) String() string {
	return [...]string{"end either way", "be CONFIRMED", "be FAILED", "be CANCELLED", "end or NEED ATTENTION"}[o]
}
