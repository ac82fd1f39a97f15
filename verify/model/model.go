// Package model judges what a booking system has written, independently of the product. It reads the table's items with its own
// structs and imports only the table's types from the product: a judge that shared code with the product would share its bugs.
// Package world runs the real saga under a schedule of faults. It passes every committed transaction to a Judge, in commit
// order, and calls the judge again when the run is at rest.
//
// [Invariants] lists what must hold. Most invariants are judged at every commit and not only at the end, because a saga
// repairs itself: a seat that was sold twice and then released leaves no trace at rest, but it was visible to
// customers. That works because a judge compares two states. Each trip, key of the bank and counter keeps its state
// before the transaction (old) beside the state after it (now), so an invariant over a change (a transition, a counter
// that moves with its reservation, an event with what it announces) is a comparison of the two, in the transaction that
// must do both. An invariant over a state is judged for what the transaction touched, and for everything after a crash
// and at rest.
//
// The judge also checks its own view. Before a transaction is applied, each of its items must be as the judge knows it
// (unseen-write): a write that bypassed the judge would make all later verdicts worthless. At rest it reads all items
// again instead of trusting what it derived from the commits.
//
// Where to look: the records in record.go; the state and its judging in world.go; one file for each noun that is judged
// (trip.go, step.go, account.go, event.go, answer.go); at rest, rest.go; the list in invariants.go.
package model

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/table"
	"tripsaga/verify/judge"
)

// Items are all items of a table by key.
type Items = judge.Items

// Trip is the request of one booking of the schedule, in terms of the table's keys.
type Trip struct {
	ID       string
	Name     string // short, for messages: "A"
	Flight   string // partition of the flight, "FLIGHT#TS100#2027-02-01"
	Seats    int64
	Nights   []string // partitions of the nights, in order, "HOTEL#GRAND#2027-02-01"
	Rooms    int64
	Minor    int64 // its price in minor units, at the inventory's first prices
	Currency string
	Departs  time.Time // zero: not judged
	Outcome  Outcome   // how it may end
	IDs      IDs       // the ids that its records must have; "": not judged
}

// IDs are the ids that are derived from a trip's id, and the keys that its payment may have.
type IDs struct {
	Flight, Hotel string
	Keys          []string
}

// Outcome is how a trip may end.
type Outcome uint8

// The outcomes. A trip that may end either way must still end.
const (
	Either Outcome = iota
	MustConfirm
	MustFail
	MustCancel
	MayStay // it may have ended or not: its saga may have stopped too long ago to be redriven
)

// Judge judges one run. It is not safe for concurrent use.
type Judge struct {
	asked   []*terms
	acked   []string
	cancels []string // trips whose cancellation was acknowledged
	expired bool     // enough time has passed for an open intent to expire
	world   *world
	pending []Violation // found by a call that does not return violations
	prices  prices
}

// prices are all prices at which a partition was ever offered: a reservation may have read one that has changed since.
type prices map[string][]amount

// New returns the judge of a run. base is the table before the first booking: the inventory.
func New(base Items, trips ...Trip) *Judge {
	j := &Judge{asked: make([]*terms, len(trips)), prices: prices{}}
	for i, t := range trips {
		j.asked[i] = newTerms(t)
	}
	j.world = load(maps.All(base), j.asked, j.prices)
	j.pending = j.world.take()
	return j
}

// SetOutcome changes how a trip may end. It panics for a trip that was not given to New.
func (j *Judge) SetOutcome(id string, o Outcome) {
	for _, a := range j.asked {
		if a.ID == id {
			if a.Outcome != MayStay {
				a.Outcome = o
			}
			return
		}
	}
	panic(fmt.Sprintf("model: SetOutcome: trip %q was not given to New", id))
}

// Expire records that enough time has passed for an open intent to expire at the provider.
func (j *Judge) Expire() { j.expired = true }

// Acknowledged records that the client received the trip's id. From here on the trip must never be lost.
func (j *Judge) Acknowledged(id string) { j.acked = append(j.acked, id) }

// CancelAccepted records that the client's cancellation of the trip was accepted. From here on the trip must end as CANCELLED.
func (j *Judge) CancelAccepted(id string) { j.cancels = append(j.cancels, id) }

// Commit judges one applied transaction. before returns an item as it was before the transaction, after as it is now; ok is
// false if the item does not exist. Both are called only for items of the transaction.
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

// Reset is called after a crash that lost the newest writes. items is the table as it is now. The next call that returns
// violations also returns those of Reset.
func (j *Judge) Reset(items iter.Seq2[table.Key, table.Item]) {
	j.world = j.reload(items)
	j.world.judgeAll()
	j.world.lost(j.acked)
	j.world.cancelsLost(j.cancels)
	j.pending = j.world.take()
}

// reload reads all items again and keeps the pending violations.
func (j *Judge) reload(items iter.Seq2[table.Key, table.Item]) *world {
	w := load(items, j.asked, j.prices)
	w.found = append(j.pending, w.found...)
	j.pending = nil
	return w
}

// The prefixes of the partitions.
const (
	tripPK      = "TRIP#"
	flightPK    = "FLIGHT#"
	hotelPK     = "HOTEL#"
	bankPK      = "BANK#"
	executionPK = "EXEC#booking#"
	noticePK    = "NOTICE#booking"

	secondPK       = "EXEC#cancellation#"
	secondNoticePK = "NOTICE#cancellation"
)

// terms is a requested trip in the fields of the records.
type terms struct {
	Trip
	flight flight
	stay   stay
	seats  []string // the partition of the flight, as a list
}

func newTerms(t Trip) *terms {
	a := &terms{Trip: t, seats: []string{t.Flight}}
	a.flight.Number, a.flight.Date = split(t.Flight, flightPK)
	a.flight.Seats = t.Seats
	if n := len(t.Nights); n > 0 {
		a.stay.Hotel, a.stay.CheckIn = split(t.Nights[0], hotelPK)
		_, last := split(t.Nights[n-1], hotelPK)
		a.stay.CheckOut = dayAfter(last)
		a.stay.Rooms = t.Rooms
	}
	return a
}

// split splits "FLIGHT#TS100#2027-02-01" into id and date.
func split(partition, prefix string) (id, date string) {
	rest := strings.TrimPrefix(partition, prefix)
	at := strings.LastIndexByte(rest, '#')
	if at < 0 {
		return rest, ""
	}
	return rest[:at], rest[at+1:]
}

func dayAfter(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}

// seatsOf returns the partitions with the counters of a flight's seats.
func (a *terms) seatsOf(f flight) []string {
	if a != nil && f.Number == a.flight.Number && f.Date == a.flight.Date {
		return a.seats
	}
	return []string{flightPK + f.Number + "#" + f.Date}
}

// nightsOf returns the partitions with the counters of a stay's rooms.
func (a *terms) nightsOf(s stay) []string {
	if a != nil && s.Hotel == a.stay.Hotel && s.CheckIn == a.stay.CheckIn && s.CheckOut == a.stay.CheckOut {
		return a.Nights
	}
	const longest = 400 // the record may hold any dates
	var nights []string
	for d := s.CheckIn; d != "" && d < s.CheckOut && len(nights) < longest; d = dayAfter(d) {
		nights = append(nights, hotelPK+s.Hotel+"#"+d)
	}
	return nights
}

// load reads all items without judging them.
func load(items iter.Seq2[table.Key, table.Item], asked []*terms, offered prices) *world {
	w := &world{
		prices: offered,
		trips:  map[string]*booking{}, payers: map[string]*booking{},
		accounts: map[string]*account{}, stocks: make(map[string]*stock, len(offered)),
	}
	for _, a := range asked {
		w.trips[a.ID] = &booking{id: a.ID, asked: a}
	}
	for key, item := range items {
		if judged(key) {
			w.put(key, item, true)
		}
	}
	w.settle()
	w.setPayers()
	slices.SortFunc(w.found, func(a, b Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return w
}

// setPayers assigns the bank's keys to trips in the order of the trips, since the items are in a map.
func (w *world) setPayers() {
	clear(w.payers)
	for _, b := range w.bookings() {
		if id := b.now.payment.Result.IntentID; id != "" && w.payers[id] == nil {
			w.payers[id] = b
		}
	}
}

// bookings returns all bookings, ordered by name.
func (w *world) bookings() []*booking {
	return slices.SortedFunc(maps.Values(w.trips), func(a, b *booking) int {
		return cmp.Or(strings.Compare(a.String(), b.String()), strings.Compare(a.id, b.id))
	})
}
