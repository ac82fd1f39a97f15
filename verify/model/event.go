package model

import (
	"fmt"
	"strings"
)

const (
	tripRequested      = "TripRequested"
	tripConfirmed      = "TripConfirmed"
	tripFailed         = "TripFailed"
	tripNeedsAttention = "TripNeedsAttention"
	tripCancelled      = "TripCancelled"
	cancelRequested    = "CancellationRequested"
	flightCancelled    = "FlightCancelled"
	hotelCancelled     = "HotelCancelled"
	paymentRefunded    = "PaymentRefunded"
)

// judgeEvents compares the events that the running transaction writes with its changes, in both directions: an event
// without its change announces what did not happen, and a change without its event is never announced, because nothing
// else writes it later. due computes the events from the changes alone; each event that is written takes one of them,
// and what is left at the end is missing.
func (w *world) judgeEvents(b *booking) {
	due := w.due(b)
	events := b.now.events[len(b.old.events):]
	for i := range events {
		e := &events[i]
		if !due.take(e.Type) {
			w.report(eventWithChange, "%s: %s is written, but what it announces did not happen", b, e.Type)
		}
		w.judgeOrder(b, len(b.old.events)+i)
		w.judgeTruth(b, e)
		w.judgeID(b, len(b.old.events)+i)
	}
	for _, missing := range due.types[:due.n] {
		w.report(changeWithEvent, "%s: %s is not written, but what it announces happened", b, missing)
	}
}

// dues are the types of event that a transaction must write. Each part of a trip adds at most one, so four are enough.
type dues struct {
	types [1 + len(kinds)]string
	n     int
}

func (d *dues) add(happened bool, what string) {
	if happened {
		d.types[d.n] = what
		d.n++
	}
}

func (d *dues) take(what string) bool {
	for i := range d.n {
		if d.types[i] == what {
			d.n--
			d.types[i] = d.types[d.n]
			return true
		}
	}
	return false
}

func (w *world) due(b *booking) (d dues) {
	old, now := &b.old, &b.now
	if b.wrote&partTrip != 0 && now.trip.there {
		d.add(true, announces(&old.trip, &now.trip))
	}
	for i := range kinds {
		if k := &kinds[i]; k.cancelled != "" {
			d.add(old.step(k.part).State == done && now.step(k.part).State == undone, k.cancelled)
		}
	}
	d.add(b.closes() && w.booksOf(b).back().Minor > 0, paymentRefunded)
	return d
}

// announces returns the event for a write of the trip.
func announces(old, now *trip) string {
	switch {
	case !old.there:
		return tripRequested
	case now.requested() && !old.requested():
		return cancelRequested
	case now.paid() && !old.paid():
		return tripConfirmed
	case now.Status == failed:
		return tripFailed
	case now.Status == cancelled:
		return tripCancelled
	}
	return tripNeedsAttention
}

// judgeOrder judges the event at index i by those before it.
func (w *world) judgeOrder(b *booking, i int) {
	what, before := b.now.events[i].Type, b.now.events[:i]
	first := len(before) == 0
	if first != (what == tripRequested) {
		w.report(eventOrder, "%s: %s is its event %d", b, what, i+1)
	}
	for _, e := range before {
		if e.Type == tripConfirmed && !b.now.trip.requested() || e.Type == tripFailed || e.Type == tripCancelled {
			w.report(eventOrder, "%s: %s comes after %s", b, what, e.Type)
		}
	}
}

// judgeTruth compares an event with the records.
func (w *world) judgeTruth(b *booking, e *event) {
	v := &b.now
	var want event
	switch e.Type {
	case tripConfirmed:
		want.Amount = v.trip.Total
	case tripFailed, tripNeedsAttention:
		want.Reason = v.trip.Reason
	case tripCancelled:
		want.Reason, want.Amount, want.Fee = v.trip.Reason, v.trip.Cancel.Refund, v.trip.Cancel.Fee
	case cancelRequested:
	case paymentRefunded:
		want.Amount = w.booksOf(b).back()
	default:
		for i := range kinds {
			if kinds[i].cancelled == e.Type {
				want.Amount = v.step(kinds[i].part).Result.Amount
			}
		}
	}
	sk, again, repeated := strings.Cut(strings.TrimPrefix(e.sk, outboxSK), "#")
	switch {
	case sk != e.Type, repeated && (again == "" || e.Type != tripNeedsAttention):
		w.report(eventTruth, "%s: an event %q has the sort key %s", b, e.Type, e.sk)
	case e.TripID != b.id:
		w.report(eventTruth, "%s: its %s names trip %q", b, e.Type, e.TripID)
	case e.Amount != want.Amount || e.Reason != want.Reason || e.Fee != want.Fee:
		w.report(eventTruth, "%s: %s says %s %v, the records say %s %v",
			b, e.Type, shown(e.Amount), e.Reason, shown(want.Amount), want.Reason)
	}
}

// judgeID compares an event's id with those of the same trip only, since ids are derived from the trip's id.
func (w *world) judgeID(b *booking, i int) {
	events := b.now.events
	if events[i].ID == "" {
		w.report(eventIDUnique, "%s: %s has no id", b, events[i].Type)
	}
	for _, e := range events[:i] {
		if e.ID == events[i].ID {
			w.report(eventIDUnique, "%s: %s and %s have the id %s", b, e.Type, events[i].Type, e.ID)
		}
	}
}

// judgeComplete requires, at rest, exactly the events that follow from the records. A trip's version counts its writes:
// each is its creation, its end, or a move to NEEDS_ATTENTION.
func (w *world) judgeComplete(b *booking) {
	v := &b.now
	due := map[string]int{tripRequested: 1}
	t := &v.trip
	due[tripConfirmed], due[cancelRequested] = one(t.paid()), one(t.requested())
	due[tripFailed], due[tripCancelled] = one(t.Status == failed), one(t.Status == cancelled)
	calls := int(t.version) - 1
	for _, n := range []string{tripConfirmed, cancelRequested, tripFailed, tripCancelled} {
		calls -= due[n]
	}
	due[tripNeedsAttention] = calls
	for i := range kinds {
		if k := &kinds[i]; k.cancelled != "" {
			due[k.cancelled] = one(v.step(k.part).State == undone && v.step(k.part).Result.ID != "")
		}
	}
	due[paymentRefunded] = one((v.payment.State == undone || v.payment.State == refused) && w.booksOf(b).back().Minor > 0)
	for i := range v.events {
		due[v.events[i].Type]--
	}
	for _, what := range sortedKeys(due) {
		if n := due[what]; n != 0 {
			w.report(eventsComplete, "%s: %s is written %s", b, what, offBy(n))
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func offBy(n int) string {
	if n > 0 {
		return fmt.Sprintf("%d times too few", n)
	}
	return fmt.Sprintf("%d times too many", -n)
}
