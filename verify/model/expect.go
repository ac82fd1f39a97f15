package model

import (
	"fmt"
	"strings"

	"tripsaga/table"
)

// expect compares an item as the transaction found it with what the model knows of it, and refuses a second write of
// what is written once.
func (w *world) expect(k table.Key, item table.Item, had bool) {
	there, figure := w.known(k)
	if had != there || had && figure != figureOf(k, &item) {
		w.report(unseenWrite, "%s: found %s, left as %s", k, stood(had, figureOf(k, &item)), stood(there, figure))
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

// figureOf is what tells two writes of an item apart: a counter's value, else the version.
func figureOf(k table.Key, item *table.Item) int64 {
	switch k.SK {
	case "AVAILABLE":
		return item.Ints["available"]
	case "INVENTORY":
		return item.Ints["capacity"]
	case "TRIP", "FLIGHT", "HOTEL", "PAYMENT", "INTENT":
		return item.Version
	}
	return 0
}

// known is figureOf, as the model knows it.
func (w *world) known(k table.Key) (there bool, figure int64) {
	switch {
	case strings.HasPrefix(k.PK, tripPK):
		return w.knownOfTrip(k.PK[len(tripPK):], k.SK)
	case strings.HasPrefix(k.PK, bankPK):
		return w.knownOfAccount(k.PK[len(bankPK):], k.SK)
	case k.PK == noticePK:
		b := w.trips[k.SK]
		return b != nil && b.now.notice, 0
	case strings.HasPrefix(k.PK, executionPK):
		b := w.trips[k.PK[len(executionPK):]]
		return b != nil && b.now.started, 0
	}
	return w.knownOfStock(k.PK, k.SK)
}

func (w *world) knownOfTrip(id, sk string) (there bool, figure int64) {
	b := w.trips[id]
	if b == nil {
		return false, 0
	}
	switch v := &b.now; sk {
	case "TRIP":
		return v.trip.there, v.trip.version
	case "FLIGHT":
		return v.flight.there, v.flight.version
	case "HOTEL":
		return v.hotel.there, v.hotel.version
	case "PAYMENT":
		return v.payment.there, v.payment.version
	default:
		return v.knows(sk), 0
	}
}

func (w *world) knownOfAccount(key, sk string) (there bool, figure int64) {
	a := w.accounts[key]
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
	return false, 0
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

func stood(there bool, figure int64) string {
	if !there {
		return "absent"
	}
	return fmt.Sprintf("at %d", figure)
}
