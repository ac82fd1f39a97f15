package world

import (
	"encoding/json"
	"maps"
	"strings"

	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// What anybody is told must be true after a crash at that very moment, of which the store keeps only what was waited for.

var keyLoad = table.Key{PK: "INVENTORY", SK: "LOAD"}

func tripKey(id string) table.Key      { return table.Key{PK: pkTrip + id, SK: skTrip} }
func executionKey(id string) table.Key { return table.Key{PK: pkExecution + id, SK: skExecution} }

// mustLast asks that a crash would leave the items as they are.
func (r *run) mustLast(what string, keys ...table.Key) {
	for _, key := range keys {
		now, there := r.ledger.get(key)
		kept, ok := r.ledger.lasting(key)
		if there != ok || there && !(sameItem(now, kept) && string(now.Data) == string(kept.Data)) {
			r.violation(toldLasts, "%s, and a crash now would take back %s", what, key)
		}
	}
}

// heardOfTrip is what a client knows once its call was answered.
func (r *run) heardOfTrip(j *journey, t *domain.Trip) {
	j.done = true
	r.judge.Acknowledged(j.trip.ID)
	if t == nil || t.ID() != j.trip.ID {
		r.violation(toldTrue, "trip %s: the client is given another trip", j.name)
		return
	}
	kept, ok := r.ledger.lasting(tripKey(j.trip.ID))
	if !ok || kept.Version < t.Version() {
		r.violation(toldLasts, "trip %s is acknowledged as %s, version %d, and a crash now would leave version %d",
			j.name, t.Status(), t.Version(), kept.Version)
	}
	if _, ok := r.ledger.lasting(executionKey(j.trip.ID)); !ok && r.status(j) != "CONFIRMED" && r.status(j) != "FAILED" {
		r.violation(toldLasts, "trip %s is acknowledged, and a crash now would leave no execution of it", j.name)
	}
}

// heardOfEnd is what the engine's listener knows: the end, and the notice of one without success, are durable. A later
// redrive may have gone on from it.
func (r *run) heardOfEnd(d engine.Description) {
	var kept struct {
		Status   string `json:"status"`
		Redrives int    `json:"redrives"`
	}
	item, ok := r.ledger.lasting(executionKey(d.Name))
	if ok && json.Unmarshal(item.Data, &kept) == nil && (kept.Status == string(d.Status) || kept.Redrives > d.Redrives) {
		return
	}
	r.violation(toldLasts, "trip %s: the end %s is announced, and a crash now would leave the execution %s",
		r.nameOf(d.Name), d.Status, kept.Status)
}

// heardByBank is what must be there before money moves: the payment's intent.
func (r *run) heardByBank(trip, key string) {
	item, ok := r.ledger.lasting(table.Key{PK: pkTrip + r.idOf(trip), SK: "PAYMENT"})
	if !ok || !strings.Contains(string(item.Data), key) {
		r.violation(toldLasts, "trip %s: the bank is asked to charge %s, and a crash now would leave no intent of it", trip, key)
	}
}

// bankAnswers are the states of a key that an answer of the bank fits.
func (r *run) heardOfBank(op, key, id string, err error) {
	intent := table.Key{PK: pkBank + key, SK: "INTENT"}
	state := r.statusOf(intent, "state")
	fits := false
	switch name := errorName(err); {
	case err == nil && op == opCharge:
		fits = state == "CAPTURED"
	case err == nil && id != "":
		fits = state == "REFUNDED"
	case err == nil:
		fits = state == "DECLINED" || state == "CANCELLED"
	case name == "PaymentDeclined":
		fits = state == "DECLINED"
	case name == "StepCancelled":
		fits = state == "CANCELLED" || state == "REFUNDED"
	default:
		return
	}
	if !fits {
		r.violation(answersFit, "the bank answers the %s of %s with %q, %v, and its books say %s", op, key, id, err, state)
	}
	r.mustLast("the bank has answered a "+op, intent)
}

func sameItem(a, b table.Item) bool { return a.Version == b.Version && maps.Equal(a.Ints, b.Ints) }
