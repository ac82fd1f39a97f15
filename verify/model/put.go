package model

import (
	"slices"
	"strings"

	"tripsaga/table"
)

// judged tells whether the model reads items of this key. A journal's entries are the engine's own affair.
func judged(k table.Key) bool {
	switch {
	case strings.HasPrefix(k.PK, tripPK):
		return k.SK == "TRIP" || k.SK == "FLIGHT" || k.SK == "HOTEL" || k.SK == "PAYMENT" || strings.HasPrefix(k.SK, outboxSK)
	case strings.HasPrefix(k.PK, bankPK), k.PK == noticePK:
		return true
	case strings.HasPrefix(k.PK, executionPK):
		return k.SK == "EXEC"
	case strings.HasPrefix(k.PK, flightPK), strings.HasPrefix(k.PK, hotelPK):
		return k.SK == "INVENTORY" || k.SK == "AVAILABLE"
	}
	return false
}

// judgeKnown reports what is written where no invariant looks, but for what no promise rests on: journals, the days on
// which there are trips, the definition and the mark of a load.
func (w *world) judgeKnown(k table.Key) {
	switch {
	case strings.HasPrefix(k.PK, executionPK) && strings.HasPrefix(k.SK, "J#"),
		k.PK == "TRIPDAYS", strings.HasPrefix(k.PK, "MACHINE#"), k == table.Key{PK: "INVENTORY", SK: "LOAD"}:
	default:
		w.report(unknownRecord, "%s is written, and no invariant looks at it", k)
	}
}

// put takes in an item as it is now; ok is false when it is gone.
func (w *world) put(k table.Key, item table.Item, ok bool) {
	if !ok {
		item = table.Item{}
	}
	switch {
	case strings.HasPrefix(k.PK, tripPK):
		w.putTrip(w.booking(k.PK[len(tripPK):]), k.SK, &item, ok)
	case strings.HasPrefix(k.PK, bankPK):
		w.putAccount(w.account(k.PK[len(bankPK):]), k.SK, &item, ok)
	case k.PK == noticePK:
		w.booking(k.SK).now.notice = ok
	case strings.HasPrefix(k.PK, executionPK):
		b := w.booking(k.PK[len(executionPK):])
		b.now.started, b.now.execution = ok, item
	default:
		w.putStock(w.stock(k.PK), k.SK, &item, ok)
	}
}

func (w *world) putTrip(b *booking, sk string, item *table.Item, ok bool) {
	v := &b.now
	switch sk {
	case "TRIP":
		v.trip = w.readTrip(item, ok)
		b.wrote |= partTrip
	case "FLIGHT":
		w.hold(b.seats(&v.flight), -v.flight.Result.Flight.Seats)
		v.flight = w.readStep(item, ok)
		w.hold(b.seats(&v.flight), v.flight.Result.Flight.Seats)
		b.wrote |= partFlight
	case "HOTEL":
		w.hold(b.nights(&v.hotel), -v.hotel.Result.Stay.Rooms)
		v.hotel = w.readStep(item, ok)
		w.hold(b.nights(&v.hotel), v.hotel.Result.Stay.Rooms)
		b.wrote |= partHotel
	case "PAYMENT":
		v.payment = w.readStep(item, ok)
		if key := v.payment.Result.Key; key != "" && w.payers[key] == nil {
			w.payers[key] = b
		}
		b.wrote |= partPayment
	default:
		w.putEvent(b, sk, item, ok)
	}
}

// seats are the partitions that the flight's record holds seats of.
func (b *booking) seats(s *step) []string {
	if s.State != done {
		return nil
	}
	return b.asked.seatsOf(s.Result.Flight)
}

// nights are the partitions that the hotel's record holds rooms of.
func (b *booking) nights(s *step) []string {
	if s.State != done {
		return nil
	}
	return b.asked.nightsOf(s.Result.Stay)
}

func (w *world) hold(partitions []string, n int64) {
	for _, p := range partitions {
		w.stock(p).now.held += n
	}
}

const outboxSK = "OUTBOX#"

func (w *world) putEvent(b *booking, sk string, item *table.Item, ok bool) {
	if !ok || b.now.knows(sk) {
		return // one that was written before is reported by expect
	}
	e := read(w, &events, item)
	e.sk = sk
	b.now.events = append(b.now.events, e)
}

func (v *view) knows(sk string) bool {
	for i := range v.events {
		if v.events[i].sk == sk {
			return true
		}
	}
	return false
}

func (w *world) putAccount(a *account, sk string, item *table.Item, ok bool) {
	switch sk {
	case "INTENT":
		a.now.intent = w.readIntent(item, ok)
		a.wrote = true
	case "CHARGE":
		a.now.charge = w.readEntry(item, ok)
	case "REFUND":
		a.now.refund = w.readEntry(item, ok)
	default:
		w.report(oneCharge, "key %s of the bank: %s is neither its INTENT, its CHARGE nor its REFUND", a.key, sk)
	}
}

func (w *world) putStock(s *stock, sk string, item *table.Item, ok bool) {
	if sk == "AVAILABLE" {
		s.now.counted, s.now.available = ok, item.Ints["available"]
		return
	}
	s.now.offered, s.now.capacity = ok, item.Ints["capacity"]
	if !ok {
		return
	}
	if p := read(w, &offers, item).Price; !slices.Contains(w.prices[s.partition], p) {
		w.prices[s.partition] = append(w.prices[s.partition], p)
	}
}
