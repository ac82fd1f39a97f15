package model

import (
	"slices"
	"sync"
	"testing"
)

// The histories that are tampered with, by the scenario's name.
const (
	booked   = "booked"                      // all three steps done
	decline  = "card_declined"               // hotel and flight are cancelled
	refund   = "bank_timeout_after"          // charged, then everything is taken back
	unpaid   = "bank_timeout_before"         // the bank's key is cancelled before it was charged
	lostPay  = "payment_reply_lost"          // the payment is done, then undone
	soldOut  = "flight_sold_out"             // refused at once
	stuck    = "compensation_fails_for_good" // stopped at CancelFlight, redriven
	unmarked = "confirmation_fails_for_good" // stopped at BookingConfirmed, redriven
)

type tampering struct {
	invariant string // that must catch it
	scenario  string
	what      string
	change    func(h tampered)
}

var histories sync.Map // scenario name -> *history

// historyOf is the history of a scenario, booked twice, recorded once.
func historyOf(t testing.TB, name string) *history {
	if h, ok := histories.Load(name); ok {
		return h.(*history)
	}
	h := record(t, scenario(t, name), 2)
	histories.Store(name, h)
	return h
}

// TestTampering falsifies real histories, each in one way, and wants each caught under the name of the invariant that
// it breaks.
func TestTampering(t *testing.T) {
	for _, c := range tamperings() {
		t.Run(c.invariant+"/"+c.what, func(t *testing.T) {
			h := tamper(t, historyOf(t, c.scenario))
			c.change(h)
			found := c.found(h)
			if !slices.ContainsFunc(found, func(v Violation) bool { return v.Invariant == c.invariant }) {
				t.Errorf("not caught; found %q", found)
			}
			if again := c.found(h); !slices.Equal(found, again) {
				t.Errorf("judged again, it finds\n%q\nand not\n%q", again, found)
			}
		})
	}
}

// found is what is found when the tampering should be: at rest where it cannot be seen before, else on the way.
func (c tampering) found(h tampered) []Violation {
	found, atRest := h.judge()
	switch c.invariant {
	case tripEnded, executionEnded, executionFits, outcomeKept, noticeLeft, eventsComplete, ledgerAddsUp, booksFitTrip, acceptedCancel:
		return atRest
	}
	if h.rest != nil {
		return atRest
	}
	return found
}

// TestEveryInvariantBites asks for a tampering that trips it from every invariant, and for an invariant from every
// tampering.
func TestEveryInvariantBites(t *testing.T) {
	bites := map[string]bool{answerFits: true} // see TestAnswers
	for _, c := range tamperings() {
		bites[c.invariant] = true
	}
	for _, v := range Invariants() {
		if !bites[v.Name] || v.Means == "" {
			t.Errorf("invariant %s: tampered with: %t, meaning %q", v.Name, bites[v.Name], v.Means)
		}
		delete(bites, v.Name)
	}
	for name := range bites {
		t.Errorf("%s is named twice or not in the list", name)
	}
}

func tamperings() []tampering {
	return slices.Concat(recordTamperings(), stepTamperings(), stockTamperings(), bankTamperings(), tripTamperings(),
		eventTamperings(), restTamperings())
}
