package model

import (
	"fmt"
	"strings"

	"tripsaga/table"
)

// world is what the items say, taken together. Each part keeps how it stood before the transaction under way, so that
// judging is comparing the two.
type world struct {
	trips    map[string]*booking // by id
	payers   map[string]*booking // by the bank's key; the first that named it
	accounts map[string]*account // by the bank's key
	stocks   map[string]*stock   // by partition
	prices   prices

	// What the transaction under way touches.
	touchedTrips    []*booking
	touchedAccounts []*account
	touchedStocks   []*stock

	found []Violation
}

// booking is everything about one trip.
type booking struct {
	id       string
	asked    *terms // nil when the schedule has no such trip
	now, old view
	wrote    parts
	touched  bool
}

type view struct {
	trip                   trip
	flight, hotel, payment step
	events                 []event // only ever appended to
	started                bool    // its execution is there
	execution              table.Item
	notice                 bool
}

// parts tells which records a transaction has written.
type parts uint8

const (
	partTrip parts = 1 << iota
	partFlight
	partHotel
	partPayment
)

// account is a key of the bank.
type account struct {
	key      string
	now, old books
	wrote    bool // the intent
	touched  bool
}

type books struct {
	intent         intent
	charge, refund entry
}

// stock is one flight or night.
type stock struct {
	partition string
	now, old  figures
	touched   bool
}

type figures struct {
	capacity, available int64 // by the offer and by the counter
	held                int64 // by the DONE reservations
	offered, counted    bool  // whether the two items are there
}

// take returns what was found and ends the transaction under way.
func (w *world) take() []Violation {
	w.settle()
	found := w.found
	w.found = nil
	return found
}

func (w *world) settle() {
	for _, b := range w.touchedTrips {
		b.old, b.wrote, b.touched = b.now, 0, false
	}
	for _, a := range w.touchedAccounts {
		a.old, a.wrote, a.touched = a.now, false, false
	}
	for _, s := range w.touchedStocks {
		s.old, s.touched = s.now, false
	}
	w.touchedTrips, w.touchedAccounts, w.touchedStocks = w.touchedTrips[:0], w.touchedAccounts[:0], w.touchedStocks[:0]
}

func (w *world) report(invariant, format string, args ...any) {
	w.found = append(w.found, Violation{invariant, fmt.Sprintf(format, args...)})
}

func (w *world) booking(id string) *booking {
	b := w.trips[id]
	if b == nil {
		b = &booking{id: strings.Clone(id)}
		w.trips[b.id] = b
	}
	w.touch(b)
	return b
}

func (w *world) touch(b *booking) {
	if !b.touched {
		b.touched = true
		w.touchedTrips = append(w.touchedTrips, b)
	}
}

func (w *world) account(key string) *account {
	a := w.accounts[key]
	if a == nil {
		a = &account{key: strings.Clone(key)}
		w.accounts[a.key] = a
	}
	if !a.touched {
		a.touched = true
		w.touchedAccounts = append(w.touchedAccounts, a)
	}
	return a
}

func (w *world) stock(partition string) *stock {
	s := w.stocks[partition]
	if s == nil {
		s = &stock{partition: strings.Clone(partition)}
		w.stocks[s.partition] = s
	}
	if !s.touched {
		s.touched = true
		w.touchedStocks = append(w.touchedStocks, s)
	}
	return s
}

// booksOf are the bank's books on the trip's payment, empty when the bank has not heard of it.
func (w *world) booksOf(b *booking) *books {
	if a := w.accounts[b.now.payment.Result.Key]; a != nil {
		return &a.now
	}
	return &books{}
}

// String is the name in messages.
func (b *booking) String() string {
	if b.asked == nil || b.asked.Name == "" {
		return "trip " + b.id
	}
	return "trip " + b.asked.Name
}
