package world

import (
	"encoding/json"
	"strings"

	"tripsaga/table"
)

type (
	op     = table.Op
	lookup = func(table.Key) (table.Item, bool)
)

// standing is how a trip and its execution stand.
type standing struct{ trip, execution string }

// note keeps the statuses that a transaction has written.
func (r *run) note(ops []op) {
	for i := range ops {
		key := ops[i].Key
		switch {
		case key.SK == skTrip && strings.HasPrefix(key.PK, pkTrip):
			r.standings[key.PK[len(pkTrip):]].trip = r.statusIn(key)
		case key.SK == skExecution:
			r.standings[key.PK[len(pkExecution):]].execution = r.statusIn(key)
		case strings.HasPrefix(key.SK, skJournal):
			r.journal[r.tripOf(key)]++
		}
	}
}

// statusIn reads the status of an item; "" when there is no such item.
func (r *run) statusIn(key table.Key) string {
	item, ok := r.ledger.get(key)
	if !ok {
		return ""
	}
	var record struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(item.Data, &record); err != nil {
		r.broken = err
	}
	return record.Status
}

// renote reads the statuses anew, after a crash took some back.
func (r *run) renote() {
	for id, s := range r.standings {
		s.trip = r.statusIn(table.Key{PK: pkTrip + id, SK: skTrip})
		s.execution = r.statusIn(table.Key{PK: pkExecution + id, SK: skExecution})
	}
}

// status is the trip's, "" when there is none.
func (r *run) status(j *journey) string { return r.standings[j.trip.ID].trip }

// execution is the status of the trip's execution, "" when there is none.
func (r *run) execution(j *journey) string { return r.standings[j.trip.ID].execution }

func (r *run) ended(j *journey) bool {
	s := r.status(j)
	return s == "CONFIRMED" || s == "FAILED"
}

func (r *run) stopped(j *journey) bool {
	s := r.execution(j)
	return s == "FAILED" || s == "TIMED_OUT" || s == "ABORTED"
}

// halted tells that somebody must redrive the trip's execution: it stopped, and the trip has not failed.
func (r *run) halted(j *journey) bool { return r.stopped(j) && r.status(j) != "FAILED" }

func (r *run) unstarted(j *journey) bool {
	return r.status(j) != "" && r.execution(j) == ""
}

// someStopped tells that a saga stands stopped at this moment.
func (r *run) someStopped() bool {
	for _, j := range r.trips {
		if r.halted(j) {
			return true
		}
	}
	return false
}
