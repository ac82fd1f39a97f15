package model

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"tripsaga/table"
)

// The structs into which the items' data is decoded. The parts of a record that must not change are comparable with ==.

type amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

type reason struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (r reason) given() bool { return r.Name != "" && r.Message != "" }

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

	cancelling = "CANCELLING" // its end is cancelled, which is also a state of an intent
)

// request is the part of a trip that its client chose.
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
	Cancel cancel `json:"cancellation"`

	there   bool
	version int64
	listed  bool // it is in the index under its status
}

// cancel is the client's accepted request to cancel the trip.
type cancel struct {
	Requested   string `json:"requested"`
	Reason      string `json:"reason"`
	Fingerprint string `json:"fingerprint"`
	Percent     int64  `json:"fee_percent"`
	Fee         amount `json:"fee"`
	Refund      amount `json:"refund"`
}

func (t *trip) ended() bool {
	return t.there && (t.Status == confirmed || t.Status == failed || t.Status == cancelled)
}

// requested reports whether the client has asked to cancel the trip.
func (t *trip) requested() bool { return t.Cancel.Requested != "" }

// paid reports whether the trip is or was CONFIRMED.
func (t *trip) paid() bool { return t.Total != amount{} }

const (
	started = "STARTED"
	done    = "DONE"
	refused = "REFUSED"
	undone  = "UNDONE"
)

// result is the result of a step. Each of the three steps uses some of the fields.
type result struct {
	ID       string `json:"id"`
	Amount   amount `json:"amount"`
	Flight   flight `json:"flight"`
	Stay     stay   `json:"stay"`
	Key      string `json:"key"`
	IntentID string `json:"intent_id"`
	ChargeID string `json:"charge_id"`
	RefundID string `json:"refund_id"`
	Refunded amount `json:"refunded"`
}

type step struct {
	State       string `json:"state"`
	Fingerprint string `json:"fingerprint"`
	Refusal     reason `json:"refusal"`
	Open        bool   `json:"open"` // refused, and not yet closed at the provider
	Result      result `json:"result"`

	there   bool
	version int64
}

const (
	opened    = "OPEN"
	captured  = "CAPTURED"
	declined  = "DECLINED"
	cancelled = "CANCELLED"
	refunded  = "REFUNDED"
)

type intent struct {
	State     string `json:"state"`
	Key       string `json:"key"`
	Reference string `json:"reference"`
	Amount    amount `json:"amount"`

	there   bool
	version int64
}

type posting struct {
	Account string `json:"account"`
	Debit   int64  `json:"debit"`
	Credit  int64  `json:"credit"`
}

type entry struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Currency string    `json:"currency"`
	Postings []posting `json:"postings"`

	there bool
	sk    string // sort key of a partial refund
}

type event struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	TripID string `json:"trip_id"`
	Reason reason `json:"reason"`
	Amount amount `json:"amount"`
	Fee    amount `json:"fee"`

	sk string
}

type execution struct {
	Status string `json:"status"`
	State  string `json:"state"`

	there bool
}

const running = "RUNNING"

// offer is the price of a flight or a night.
type offer struct {
	Price amount `json:"price"`
}

// read decodes the item's data and reports what cannot be decoded.
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

// judged reports whether the model reads items of this key. It does not read the journal, which is the engine's own.
func judged(k table.Key) bool {
	switch {
	case strings.HasPrefix(k.PK, tripPK):
		return k.SK == "TRIP" || partOf(k.SK) != 0 || strings.HasPrefix(k.SK, outboxSK)
	case strings.HasPrefix(k.PK, bankPK), k.PK == noticePK, k.PK == secondNoticePK:
		return true
	case strings.HasPrefix(k.PK, executionPK), strings.HasPrefix(k.PK, secondPK):
		return k.SK == "EXEC"
	case strings.HasPrefix(k.PK, flightPK), strings.HasPrefix(k.PK, hotelPK):
		return k.SK == "INVENTORY" || k.SK == "AVAILABLE"
	}
	return false
}

// judgeKnown reports a write that no invariant covers, so that a new kind of record cannot go without an invariant. Exceptions
// are items on which no promise depends: journals, the days that have trips, the definition and the mark of a load.
func (w *world) judgeKnown(k table.Key) {
	switch {
	case (strings.HasPrefix(k.PK, executionPK) || strings.HasPrefix(k.PK, secondPK)) && strings.HasPrefix(k.SK, "J#"),
		k.PK == "TRIPDAYS", strings.HasPrefix(k.PK, "MACHINE#"), k == table.Key{PK: "INVENTORY", SK: "LOAD"}:
	default:
		w.report(unknownRecord, "%s is written, and no invariant covers it", k)
	}
}

// put sets an item to its present state; ok is false if it does not exist any more.
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
	case k.PK == secondNoticePK:
		w.booking(k.SK).now.secondNotice = ok
	case strings.HasPrefix(k.PK, secondPK):
		b := w.booking(k.PK[len(secondPK):])
		b.now.second, b.now.secondExecution = ok, item
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
		if id := v.payment.Result.IntentID; id != "" && w.payers[id] == nil {
			w.payers[id] = b
		}
		b.wrote |= partPayment
	default:
		if part := partOf(sk); part != 0 {
			*v.step(part) = w.readStep(item, ok)
			b.wrote |= part
			return
		}
		w.putEvent(b, sk, item, ok)
	}
}

// seats returns the partitions of which a flight's record holds seats; empty unless it is DONE.
func (b *booking) seats(s *step) []string {
	if s.State != done {
		return nil
	}
	return b.asked.seatsOf(s.Result.Flight)
}

// nights returns the partitions of which a hotel's record holds rooms; empty unless it is DONE.
func (b *booking) nights(s *step) []string {
	if s.State != done {
		return nil
	}
	return b.asked.nightsOf(s.Result.Stay)
}

// hold adds n to what reservations hold of each partition. A write of a reservation subtracts what the old record held and
// adds what the new one holds, so held is right after each write without a pass over all trips. It also touches the
// counters, which judgeMove then compares even if the transaction did not write them: a reservation without its
// counter is the bug to find.
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
		w.putPart(a, sk, item, ok)
	}
}

// putPart adds a partial refund. expect reports one that was written before.
func (w *world) putPart(a *account, sk string, item *table.Item, ok bool) {
	switch {
	case !strings.HasPrefix(sk, partSK):
		w.report(oneCharge, "intent %s: %s is neither its INTENT, its CHARGE nor a REFUND", a.id, sk)
	case ok && !a.now.knows(sk):
		e := w.readEntry(item, ok)
		e.sk = sk
		a.now.parts = append(a.now.parts, e)
	}
}

const partSK = "REFUND#"

func (k *books) knows(sk string) bool {
	return slices.ContainsFunc(k.parts, func(e entry) bool { return e.sk == sk })
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

// memo caches decoded records by their bytes. The runs of one exploration write the same few records over and over, so most
// of the decoding is saved (BenchmarkBooking). All judges share it.
type memo[T any] struct {
	mu    sync.RWMutex
	known map[string]T
}

const mostKnown = 4096 // then the cache is emptied

var (
	trips      memo[trip]
	steps      memo[step]
	intents    memo[intent]
	entries    memo[entry]
	events     memo[event]
	executions memo[execution]
	offers     memo[offer]
	answers    memo[answer]
)

// decode returns the record in data. The caller must not change what the record points to. With an error, it returns the
// part that could be decoded.
func (m *memo[T]) decode(data []byte) (T, error) {
	m.mu.RLock()
	r, ok := m.known[string(data)]
	m.mu.RUnlock()
	if ok {
		return r, nil
	}
	var fresh T
	if err := json.Unmarshal(data, &fresh); err != nil {
		return fresh, err
	}
	m.keep(data, fresh)
	return fresh, nil
}

func (m *memo[T]) keep(data []byte, r T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= mostKnown {
		m.known = make(map[string]T)
	}
	m.known[string(data)] = r
}
