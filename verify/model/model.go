// Package model judges what a booking system has written, apart from the product's code: it reads the table's items by
// structs of its own and imports nothing of the product but the table's types. Package world runs the real saga under a
// schedule of faults, feeds a Judge every committed transaction in commit order, and asks it again when all is at rest.
//
// What must hold is listed by [Invariants]. Most invariants are judged at every commit, so that a wrong moment is seen
// even when it is repaired later.
package model

import (
	"fmt"

	"tripsaga/table"
)

// Items are all items of a table by key.
type Items map[table.Key]table.Item

// Trip is what one booking of the schedule asked for, in raw terms.
type Trip struct {
	ID       string
	Name     string // short, for messages: "A"
	Flight   string // partition of the flight, "FLIGHT#TS100#2027-02-01"
	Seats    int64
	Nights   []string // partitions of the nights, in order, "HOTEL#GRAND#2027-02-01"
	Rooms    int64
	Minor    int64 // what it costs, in minor units, by the inventory's first prices
	Currency string
	Outcome  Outcome // how it may end
	IDs      IDs     // what its records must be named; "" is not judged
}

// IDs are the ids that follow from a trip's.
type IDs struct{ Flight, Hotel, Key, Charge, Refund string }

// Outcome says how a trip may end.
type Outcome uint8

// The outcomes. A trip that may end either way must still end.
const (
	Either Outcome = iota
	MustConfirm
	MustFail
)

// Judge follows one run. It is not safe for concurrent use.
type Judge struct {
	asked   []*terms
	acked   []string
	world   *world
	pending []Violation // found where nothing could be returned
	prices  prices      // that were ever offered
}

// prices are those that a partition was ever offered at: a reservation may have read one that has changed since.
type prices map[string][]amount

// New makes a judge of a run over base, the inventory before anything was booked.
func New(base Items, trips ...Trip) *Judge {
	j := &Judge{asked: make([]*terms, len(trips)), prices: prices{}}
	for i, t := range trips {
		j.asked[i] = newTerms(t)
	}
	j.world = load(base, j.asked, j.prices)
	j.pending = j.world.take()
	return j
}

// SetOutcome changes what a trip may end as. It panics for a trip that was not given to New.
func (j *Judge) SetOutcome(id string, o Outcome) {
	for _, a := range j.asked {
		if a.ID == id {
			a.Outcome = o
			return
		}
	}
	panic(fmt.Sprintf("model: SetOutcome: trip %q was not given to New", id))
}

// Acknowledged notes that the client was told that the trip is booked: from here on it must never be lost.
func (j *Judge) Acknowledged(id string) { j.acked = append(j.acked, id) }

// Commit judges one transaction that has been applied. before gives an item as it was, after as it is; ok is false when
// there is none. Both are asked for items of the transaction only.
func (j *Judge) Commit(ops []table.Op, before, after func(table.Key) (table.Item, bool)) []Violation {
	w := j.world
	w.found, j.pending = j.pending, nil
	for i := range ops {
		key := ops[i].Key
		if ops[i].Kind == table.OpCheck {
			continue
		}
		if !judged(key) {
			w.judgeKnown(key)
			continue
		}
		old, had := before(key)
		w.expect(key, old, had)
		item, ok := after(key)
		w.put(key, item, ok)
	}
	w.judge()
	return w.take()
}

// Reset is called after a crash that took back the newest writes: items is the table as it is now. What it finds wrong
// is told by the next call that returns violations.
func (j *Judge) Reset(items Items) {
	j.world = j.reload(items)
	j.world.stand()
	j.world.lost(j.acked)
	j.pending = j.world.take()
}

// reload reads the items anew, and takes over what is to be told.
func (j *Judge) reload(items Items) *world {
	w := load(items, j.asked, j.prices)
	w.found = append(j.pending, w.found...)
	j.pending = nil
	return w
}
