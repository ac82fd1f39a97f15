package story

import "testing"

// TestOnlyEqualRetriesAreSummedUp: a retry with another outcome, or behind a fault, has a line of its own.
func TestOnlyEqualRetriesAreSummedUp(t *testing.T) {
	r := reading{}
	for attempt, o := range []outcome{{}, {}, {}, {waits: true}, {waits: true}, {answered: true, heard: true}} {
		r.add(step{kind: delivered, saga: "A", actor: "Pay", delivery: &delivery{attempt: attempt, outcome: o}})
	}
	r.add(step{kind: delivered, saga: "A", actor: "Pay", delivery: &delivery{attempt: 6, faults: 1, outcome: outcome{answered: true, heard: true}}})
	var more []int
	for _, s := range r.summed() {
		more = append(more, s.more)
	}
	want := []int{0, 1, 1, 0, 0} // the first delivery, two retries, two, one, and the one with a fault
	if len(more) != len(want) {
		t.Fatalf("%v, want %v", more, want)
	}
	for i := range want {
		if more[i] != want[i] {
			t.Errorf("%v, want %v", more, want)
		}
	}
}
