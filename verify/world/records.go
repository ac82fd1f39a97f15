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
			r.standing(key.PK[len(pkTrip):]).trip = r.statusIn(key)
		case key.SK == skExecution:
			r.standing(strings.TrimPrefix(key.PK, pkExecution)).execution = r.statusIn(key)
		case strings.HasPrefix(key.SK, skJournal):
			r.journal[r.tripOf(key)]++
		}
	}
}

// standing is that of any trip: the program may write one that nobody asked for, which the judge reports.
func (r *run) standing(id string) *standing {
	s := r.standings[id]
	if s == nil {
		s = &standing{}
		r.standings[id] = s
	}
	return s
}

// statusIn reads the status of an item; "" when there is no such item, or it cannot be read, which the judge reports.
func (r *run) statusIn(key table.Key) string { return r.statusOf(key, "status") }

func (r *run) statusOf(key table.Key, field string) (status string) {
	item, ok := r.ledger.get(key)
	if !ok {
		return ""
	}
	var record map[string]json.RawMessage
	if json.Unmarshal(item.Data, &record) == nil {
		_ = json.Unmarshal(record[field], &status)
	}
	return status
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
