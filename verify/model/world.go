package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/table"
)

// world is the state of the table, by trip, intent of the bank and counter. Each of them has its state before the running
// transaction (old) and after it (now); judging compares the two.
type world struct {
	trips    map[string]*booking // by id
	payers   map[string]*booking // by the intent's id: the first trip whose payment has it
	accounts map[string]*account // by the intent's id
	stocks   map[string]*stock   // by partition
	prices   prices

	// What the running transaction touches.
	touchedTrips    []*booking
	touchedAccounts []*account
	touchedStocks   []*stock

	found []Violation
}

// booking is everything about one trip.
type booking struct {
	id       string
	asked    *terms // what was requested; nil if the schedule has no such trip
	now, old view
	wrote    parts
	touched  bool
}

type view struct {
	trip                   trip
	flight, hotel, payment step
	events                 []event // only ever appended to
	started                bool    // its execution exists
	execution              table.Item
	notice                 bool
	second                 bool // the execution of its cancellation exists
	secondExecution        table.Item
	secondNotice           bool
}

// parts is a set of records.
type parts uint8

const (
	partTrip parts = 1 << iota
	partFlight
	partHotel
	partPayment
)

// account is an intent of the bank.
type account struct {
	id       string
	now, old books
	wrote    bool // the intent
	touched  bool
}

type books struct {
	intent         intent
	charge, refund entry
	parts          []entry // partial refunds, one for each reference; only ever appended to
}

// stock is one flight or night.
type stock struct {
	partition string
	now, old  figures
	touched   bool
}

type figures struct {
	capacity, available int64 // of the offer and of the counter
	held                int64 // by the DONE reservations
	offered, counted    bool  // whether the two items exist
}

// take returns the violations and ends the running transaction.
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
	w.found = append(w.found, Violation{Invariant: invariant, Detail: fmt.Sprintf(format, args...)})
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

func (w *world) account(id string) *account {
	a := w.accounts[id]
	if a == nil {
		a = &account{id: strings.Clone(id)}
		w.accounts[a.id] = a
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

// booksOf returns the bank's books for the trip's payment, empty if the bank has none.
func (w *world) booksOf(b *booking) *books {
	if a := w.accounts[b.now.payment.Result.IntentID]; a != nil {
		return &a.now
	}
	return &books{}
}

// String returns the trip's name for messages.
func (b *booking) String() string {
	if b.asked == nil || b.asked.Name == "" {
		return "trip " + b.id
	}
	return "trip " + b.asked.Name
}

// judge compares what the running transaction has touched with its state before. A write of the bank also touches the trip
// that pays.
func (w *world) judge() {
	for _, a := range w.touchedAccounts {
		if b := w.payers[a.id]; b != nil {
			w.touch(b)
		}
	}
	for _, b := range w.touchedTrips {
		w.judgeBooking(b)
	}
	for _, a := range w.touchedAccounts {
		w.judgeAccount(a)
	}
	for _, s := range w.touchedStocks {
		w.judgeMove(s)
		w.judgeStock(s)
	}
}

func (w *world) judgeBooking(b *booking) {
	w.judgeTrip(b)
	for i := range kinds {
		part := kinds[i].part
		w.judgeStep(b, part, b.old.step(part), b.now.step(part))
	}
	w.judgeStart(b)
	w.judgeClosing(b)
	w.judgeNights(b)
	w.judgeEvents(b)
	w.judgeState(b)
}

// judgeStart requires the execution before its effects.
func (w *world) judgeStart(b *booking) {
	t := &b.now.trip
	if b.now.second && !(t.requested() && t.paid()) {
		w.report(effectAfter, "%s is %s, and its cancellation is started", b, t.Status)
	}
	if t.Status == cancelled && t.paid() && !b.now.second {
		w.report(effectAfter, "%s is CANCELLED, but no saga has cancelled it", b)
	}
	if b.now.started {
		return
	}
	if b.wrote&^partTrip != 0 || b.now.trip.ended() {
		w.report(effectAfter, "%s: a step or its end is written, and it has no execution", b)
	}
}

// judgeAll judges the present state of everything, without the changes that led to it.
func (w *world) judgeAll() {
	for _, b := range w.bookings() {
		w.judgeState(b)
	}
	for _, a := range sorted(w.accounts) {
		w.judgeOwner(a)
	}
	for _, s := range sorted(w.stocks) {
		w.judgeStock(s)
	}
}

// expect compares an item before the transaction with the judge's view of it, and reports a second write of what may be
// written only once.
func (w *world) expect(k table.Key, item table.Item, had bool) {
	there, figure := w.known(k)
	if had != there || had && figure != figureOf(k, &item) {
		w.report(unseenWrite, "%s: found %s, left as %s", k, presence(had, figureOf(k, &item)), presence(there, figure))
	}
	if !had {
		return
	}
	switch {
	case strings.HasPrefix(k.PK, tripPK) && strings.HasPrefix(k.SK, outboxSK):
		w.report(eventOnce, "%s is written again or deleted", k)
	case strings.HasPrefix(k.PK, bankPK) && k.SK != "INTENT":
		w.report(oneCharge, "%s is written again or deleted", k)
	}
}

// figureOf returns what distinguishes two writes of an item: a counter's value, else the version.
func figureOf(k table.Key, item *table.Item) int64 {
	switch k.SK {
	case "AVAILABLE":
		return item.Ints["available"]
	case "INVENTORY":
		return item.Ints["capacity"]
	case "TRIP", "INTENT":
		return item.Version
	}
	if partOf(k.SK) != 0 {
		return item.Version
	}
	return 0
}

// known returns figureOf for the judge's view of the item.
func (w *world) known(k table.Key) (there bool, figure int64) {
	switch {
	case strings.HasPrefix(k.PK, tripPK):
		return w.knownOfTrip(k.PK[len(tripPK):], k.SK)
	case strings.HasPrefix(k.PK, bankPK):
		return w.knownOfAccount(k.PK[len(bankPK):], k.SK)
	case k.PK == noticePK:
		b := w.trips[k.SK]
		return b != nil && b.now.notice, 0
	case k.PK == secondNoticePK:
		b := w.trips[k.SK]
		return b != nil && b.now.secondNotice, 0
	case strings.HasPrefix(k.PK, executionPK):
		b := w.trips[k.PK[len(executionPK):]]
		return b != nil && b.now.started, 0
	case strings.HasPrefix(k.PK, secondPK):
		b := w.trips[k.PK[len(secondPK):]]
		return b != nil && b.now.second, 0
	}
	return w.knownOfStock(k.PK, k.SK)
}

func (w *world) knownOfTrip(id, sk string) (there bool, figure int64) {
	b := w.trips[id]
	if b == nil {
		return false, 0
	}
	if sk == "TRIP" {
		return b.now.trip.there, b.now.trip.version
	}
	if part := partOf(sk); part != 0 {
		return b.now.step(part).there, b.now.step(part).version
	}
	return b.now.knows(sk), 0
}

func (w *world) knownOfAccount(id, sk string) (there bool, figure int64) {
	a := w.accounts[id]
	if a == nil {
		return false, 0
	}
	switch sk {
	case "INTENT":
		return a.now.intent.there, a.now.intent.version
	case "CHARGE":
		return a.now.charge.there, 0
	case "REFUND":
		return a.now.refund.there, 0
	}
	return a.now.knows(sk), 0
}

func (w *world) knownOfStock(partition, sk string) (there bool, figure int64) {
	s := w.stocks[partition]
	switch {
	case s == nil:
		return false, 0
	case sk == "AVAILABLE":
		return s.now.counted, s.now.available
	}
	return s.now.offered, s.now.capacity
}

func presence(there bool, figure int64) string {
	if !there {
		return "absent"
	}
	return fmt.Sprintf("at %d", figure)
}

// shown returns a part of a record for a message.
func shown(part any) string {
	switch p := part.(type) {
	case amount:
		return fmt.Sprintf("%d %s", p.Minor, cmp.Or(p.Currency, "of no currency"))
	case flight:
		return fmt.Sprintf("%d seats on %s of %s", p.Seats, p.Number, p.Date)
	case stay:
		return fmt.Sprintf("%d rooms in %s from %s to %s", p.Rooms, p.Hotel, p.CheckIn, p.CheckOut)
	}
	return fmt.Sprintf("%+v", part)
}

// sorted returns the values ordered by key, so that every run reports in the same order.
func sorted[T any](m map[string]T) []T {
	values := make([]T, 0, len(m))
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
