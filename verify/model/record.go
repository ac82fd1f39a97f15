package model

import (
	"strings"

	"tripsaga/table"
)

// The forms in which the items' data are read. All of a record that may not change is comparable.

type amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

type reason struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (r reason) told() bool { return r.Name != "" && r.Message != "" }

type flight struct {
	Number string `json:"number"`
	Date   string `json:"date"`
	Seats  int64  `json:"seats"`
}

type stay struct {
	Hotel    string `json:"id"`
	CheckIn  string `json:"check_in"`
	CheckOut string `json:"check_out"`
	Rooms    int64  `json:"rooms"`
}

const (
	pending   = "PENDING"
	confirmed = "CONFIRMED"
	failed    = "FAILED"
	attention = "NEEDS_ATTENTION"
)

// request is what a trip asks for.
type request struct {
	ID       string `json:"id"`
	Traveler struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"traveler"`
	Flight      flight `json:"flight"`
	Stay        stay   `json:"hotel"`
	Card        string `json:"card"`
	Currency    string `json:"currency"`
	Fingerprint string `json:"fingerprint"`
	Created     string `json:"created"`
}

type trip struct {
	request
	Status string `json:"status"`
	Reason reason `json:"reason"`
	Total  amount `json:"total"`

	there   bool
	version int64
	listed  bool // in the index, under its status
}

func (t *trip) ended() bool { return t.there && (t.Status == confirmed || t.Status == failed) }

const (
	started = "STARTED"
	done    = "DONE"
	refused = "REFUSED"
	undone  = "UNDONE"
)

// result is what any of the three steps made.
type result struct {
	ID       string `json:"id"`
	Amount   amount `json:"amount"`
	Flight   flight `json:"flight"`
	Stay     stay   `json:"stay"`
	Key      string `json:"key"`
	ChargeID string `json:"charge_id"`
	RefundID string `json:"refund_id"`
}

type step struct {
	State       string `json:"state"`
	Fingerprint string `json:"fingerprint"`
	Refusal     reason `json:"refusal"`
	Result      result `json:"result"`

	there   bool
	version int64
}

const (
	captured  = "CAPTURED"
	declined  = "DECLINED"
	cancelled = "CANCELLED"
	refunded  = "REFUNDED"
)

type intent struct {
	State  string `json:"state"`
	Amount amount `json:"amount"`

	there   bool
	version int64
}

type posting struct {
	Account string `json:"account"`
	Debit   int64  `json:"debit"`
	Credit  int64  `json:"credit"`
}

type entry struct {
	Kind     string    `json:"kind"`
	Currency string    `json:"currency"`
	Postings []posting `json:"postings"`

	there bool
}

type event struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	TripID string `json:"trip_id"`
	Reason reason `json:"reason"`
	Amount amount `json:"amount"`

	sk string
}

type execution struct {
	Status string `json:"status"`
	State  string `json:"state"`

	there bool
}

const running = "RUNNING"

// offer is what a flight or a night is sold at.
type offer struct {
	Price amount `json:"price"`
}

// read decodes the item's data; what cannot be read is reported.
func read[T any](w *world, m *memo[T], item *table.Item) T {
	r, err := m.decode(item.Data)
	if err != nil {
		w.report(recordReadable, "%s: %v", item.Key, err)
	}
	return r
}

func (w *world) readTrip(item *table.Item, ok bool) (t trip) {
	if ok {
		t = read(w, &trips, item)
		t.there, t.version = true, item.Version
		listed := strings.TrimPrefix(item.Index.PK, "TRIPS#"+t.Status+"#")
		t.listed = listed != item.Index.PK && strings.HasSuffix(item.Index.SK, "#"+t.ID)
	}
	return t
}

func (w *world) readStep(item *table.Item, ok bool) (s step) {
	if ok {
		s = read(w, &steps, item)
		s.there, s.version = true, item.Version
	}
	return s
}

func (w *world) readIntent(item *table.Item, ok bool) (in intent) {
	if ok {
		in = read(w, &intents, item)
		in.there, in.version = true, item.Version
	}
	return in
}

func (w *world) readEntry(item *table.Item, ok bool) (e entry) {
	if ok {
		e = read(w, &entries, item)
		e.there = true
	}
	return e
}
