package trip

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// Whatever the program reports must be true after a crash at that moment. The store then keeps only the writes that a caller
// has waited for, so each answer, notification and call of the bank is compared with that part of the records.

var keyLoad = table.Key{PK: "INVENTORY", SK: "LOAD"}

func tripKey(id string) table.Key      { return table.Key{PK: pkTrip + id, SK: skTrip} }
func executionKey(id string) table.Key { return table.Key{PK: pkExecution + id, SK: skExecution} }

// heardOfTrip checks the answer to a client: the trip as described and its execution must be durable.
func (r *cast) heardOfTrip(j *journey, t *domain.Trip) {
	j.done = true
	r.judge.Acknowledged(j.trip.ID)
	if t == nil || t.ID() != j.trip.ID {
		r.Violation(toldTrue, "trip %s: the client receives another trip", j.name)
		return
	}
	kept, ok := r.Lasting(tripKey(j.trip.ID))
	if !ok || kept.Version < t.Version() {
		r.Violation(world.Durable, "trip %s is acknowledged as %s, version %d, and a crash now would leave version %d",
			j.name, t.Status(), t.Version(), kept.Version)
	}
	if _, ok := r.Lasting(executionKey(j.trip.ID)); !ok && !r.ended(j) {
		r.Violation(world.Durable, "trip %s is acknowledged, and a crash now would leave no execution of it", j.name)
	}
}

// heardOfCancel checks the answer to a client that cancels: the request must be durable. The start of its saga may have failed;
// then the reconciler starts it.
func (r *cast) heardOfCancel(j *journey, t *domain.Trip) {
	r.judge.CancelAccepted(j.trip.ID)
	if _, requested := t.Cancellation(); t.ID() != j.trip.ID || !requested {
		r.Violation(toldTrue, "trip %s: its cancellation is answered by trip %s, which is not to be cancelled", j.name, t.ID())
	}
	if kept, ok := r.Lasting(tripKey(j.trip.ID)); !ok || kept.Version < t.Version() {
		r.Violation(world.Durable, "the cancellation of trip %s is acknowledged in version %d, and a crash now would leave version %d",
			j.name, t.Version(), kept.Version)
	}
}

// heardByBank checks that the intent's id is durable before money moves.
func (r *cast) heardByBank(trip, id string) {
	item, ok := r.Lasting(table.Key{PK: pkTrip + r.idOf(trip), SK: "PAYMENT"})
	if !ok || !strings.Contains(string(item.Data), `"`+id+`"`) {
		r.Violation(idFirst, "trip %s: the bank is called to charge %s, and a crash now would leave no record of it", trip, id)
	}
}

// errorName returns the name by which a state machine knows an error; "" without an error.
func errorName(err error) string {
	var named interface{ ErrorName() string }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &named):
		return named.ErrorName()
	}
	return "error"
}

// heardOfBank checks that an answer of the bank matches its books, and that these are durable.
func (r *cast) heardOfBank(op, intent, id string, err error) {
	key := table.Key{PK: pkBank + intent, SK: "INTENT"}
	state := r.FieldOf(key, "state")
	fits := false
	switch name := errorName(err); {
	case err == nil && op == opCreate:
		key.PK = pkBank + id
		fits = r.FieldOf(key, "state") != ""
	case err == nil && op == opCharge:
		fits = state == "CAPTURED"
	case err == nil && op == opRefund:
		fits = state == "CAPTURED" || state == "REFUNDED"
	case err == nil && id != "":
		fits = state == "REFUNDED"
	case err == nil:
		fits = state == "CANCELLED"
	case name == "PaymentDeclined":
		fits = state == "DECLINED"
	case name == "StepCancelled":
		fits = state == "CANCELLED" || state == "REFUNDED" || state != "CAPTURED" && r.Skipped() >= authorised
	default:
		return
	}
	if !fits {
		r.Violation(answersFit, "the bank answers the %s of %s with %q, %v, and its books say %s", op, intent, id, err, state)
	}
	r.MustLast("the bank has answered a "+op, key)
}

// The invariants that the records do not show, in addition to those of package world.
const (
	oneWins        = "one-wins"
	clientAnswered = "client-answered"
	toldTrue       = "told-is-true"
	answersFit     = "answer-fits-record" // an invariant of the model, checked here for the bank
	noneForgotten  = "none-forgotten"
	strayRefused   = "stray-refused"
	idFirst        = "id-durable-before-money"
	pivotSees      = "no-payment-after-cancel"
)

// invariants lists the invariants that a cast checks, in addition to the model's.
func invariants() []judge.Invariant {
	return []judge.Invariant{
		{Name: oneWins, Means: "One of two trips that want the last seat gets it, unless a fault outlasts its retries."},
		{Name: clientAnswered, Means: "A client that repeats its call with its Idempotency-Key gets an answer."},
		{Name: toldTrue, Means: "A reader gets all that the records say, and a request that must be refused is refused."},
		{Name: noneForgotten, Means: "The reconciler marks every trip that is overdue."},
		{Name: strayRefused, Means: "On the way to FAILED, a payment or a confirmation that no saga requested is refused."},
		{Name: idFirst, Means: "The provider is called to move money only with an id that a crash at that moment would not lose."},
		{Name: pivotSees, Means: "A payment that has not begun when the client requests the cancellation never begins."},
	}
}

// look reads everything that can be read, compares it with the records, and sends requests that must be refused.
func (r *cast) look() {
	p := r.current()
	if p.Dead() {
		return
	}
	r.Watch("", Looker, func() {
		for _, j := range r.trips {
			r.lookAtTrip(p, j)
			r.lookAtExecution(p, j)
			r.askForOther(p, j)
		}
		r.lookAtLists(p)
		r.lookAtOffers(p)
		r.lookAtLedger(p)
	})
}

// untrue reports a wrong answer of p, unless p crashed before: then no client received it.
func (r *cast) untrue(p *program, format string, args ...any) {
	if !p.Dead() {
		r.Violation(toldTrue, format, args...)
	}
}

// lookAtTrip reads a trip with all its parts.
func (r *cast) lookAtTrip(p *program, j *journey) {
	d, err := p.core.App.GetTrip(r.Context(), j.trip.ID)
	if fault.KindOf(err) == fault.NotFound || err == nil && d.Trip == nil {
		if r.status(j) != "" {
			r.untrue(p, "trip %s is %s, and cannot be found", j.name, r.status(j))
		}
		return
	}
	if err != nil {
		r.untrue(p, "trip %s cannot be read: %v", j.name, err)
		return
	}
	part := func(sk string) string { return r.FieldOf(table.Key{PK: pkTrip + j.trip.ID, SK: sk}, "state") }
	for _, told := range [][3]string{
		{"the trip", string(d.Trip.Status()), r.status(j)},
		{"its flight", stateOf(d.Flight), part("FLIGHT")},
		{"its hotel", stateOf(d.Hotel), part("HOTEL")},
		{"its payment", stateOf(d.Payment), part("PAYMENT")},
	} {
		if told[1] != told[2] {
			r.untrue(p, "trip %s: %s is read as %q, and is %q", j.name, told[0], told[1], told[2])
		}
	}
	r.MustLast("trip "+j.name+" is read", tripKey(j.trip.ID), table.Key{PK: pkTrip + j.trip.ID, SK: "FLIGHT"},
		table.Key{PK: pkTrip + j.trip.ID, SK: "HOTEL"}, table.Key{PK: pkTrip + j.trip.ID, SK: "PAYMENT"})
}

func stateOf[R any](s *domain.Step[R]) string {
	if s == nil {
		return ""
	}
	return string(s.State)
}

// lookAtExecution reads an execution and its history.
func (r *cast) lookAtExecution(p *program, j *journey) {
	d, err := p.core.Engine.Describe(r.Context(), j.trip.ID)
	if string(d.Status) != r.execution(j) {
		r.untrue(p, "the execution of trip %s is read as %q, %v, and is %q", j.name, d.Status, err, r.execution(j))
	}
	if err != nil {
		return
	}
	r.MustLast("the execution of trip "+j.name+" is read", executionKey(j.trip.ID))
	events, err := p.core.Engine.History(r.Context(), j.trip.ID)
	if err != nil || len(events) == 0 || (events[len(events)-1].Type == "ExecutionSucceeded") != (d.Status == asl.Succeeded) {
		r.untrue(p, "the execution of trip %s is %s, and its history of %d events does not end so: %v", j.name, d.Status, len(events), err)
	}
}

// askForOther repeats the client's request and the start of the execution with different content: both must be refused.
func (r *cast) askForOther(p *program, j *journey) {
	if r.status(j) != "" {
		other := j.request
		other.Flight.Seats++
		if _, err := p.core.App.BookTrip(r.Context(), j.name, other); !fault.Is(err, fault.NameIdempotencyMismatch) {
			r.untrue(p, "trip %s: its key is accepted with another request: %v", j.name, err)
		}
	}
	if r.execution(j) != "" {
		if err := p.core.App.Starter.Start(r.Context(), "booking", j.trip.ID, json.RawMessage(`{"trip_id":"other"}`)); err == nil {
			r.untrue(p, "trip %s: its execution is started with another input, and that is acknowledged", j.name)
		}
	}
}

// lookAtLists reads the lists of trips and executions, whole and by status.
func (r *cast) lookAtLists(p *program) {
	var trips, executions []string
	for _, j := range r.trips {
		if s := r.status(j); s != "" {
			trips = append(trips, j.trip.ID+" "+s)
		}
		if s := r.execution(j); s != "" {
			executions = append(executions, j.trip.ID+" "+s)
		}
	}
	for _, status := range []domain.Status{"", domain.Pending, domain.Confirmed, domain.Failed, domain.NeedsAttention, domain.Cancelling, domain.Cancelled} {
		found, err := tripsListed(r.Context(), p, status)
		r.compareLists(p, "trips "+string(status), found, trips, string(status), err)
	}
	for _, status := range []asl.Status{"", asl.Running, asl.Succeeded, asl.Failed} {
		found, err := executionsListed(r.Context(), p, status)
		r.compareLists(p, "executions "+string(status), found, executions, string(status), err)
	}
}

func (r *cast) compareLists(p *program, what string, found, want []string, status string, err error) {
	want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return status != "" && !strings.HasSuffix(s, " "+status) })
	slices.Sort(found)
	slices.Sort(want)
	if err != nil || !slices.Equal(found, want) {
		r.untrue(p, "the list of %s is %q, %v, and must be %q", what, found, err, want)
	}
}

func tripsListed(ctx context.Context, p *program, status domain.Status) (all []string, err error) {
	err = eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ListTrips(ctx, domain.TripQuery{Status: status, Limit: 1, Cursor: cursor})
		for _, t := range page.Items {
			all = append(all, t.ID()+" "+string(t.Status()))
		}
		return page.Cursor, err
	})
	return all, err
}

func executionsListed(ctx context.Context, p *program, status asl.Status) (all []string, err error) {
	err = eachPage(func(cursor string) (string, error) {
		page, next, err := p.core.Engine.List(ctx, engine.ListQuery{Status: status, Limit: 1, Cursor: cursor})
		for _, d := range page {
			all = append(all, d.Name+" "+string(d.Status))
		}
		return next, err
	})
	return all, err
}

// eachPage reads a list page by page. It stops after more pages than there can be, so that an endless list is reported as a
// wrong list instead of an endless run.
func eachPage(read func(cursor string) (next string, err error)) (err error) {
	cursor := ""
	for range 20 {
		if cursor, err = read(cursor); err != nil || cursor == "" {
			break
		}
	}
	return err
}

// lookAtOffers reads all offers and their availability.
func (r *cast) lookAtOffers(p *program) {
	left := map[string]int64{}
	err := eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ShowFlights(r.Context(), domain.InventoryQuery{Limit: 1, Cursor: cursor})
		for _, f := range page.Items {
			left["FLIGHT#"+string(f.Number)+"#"+string(f.Date)] = f.Available
		}
		return page.Cursor, err
	})
	err = errors.Join(err, eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ShowNights(r.Context(), domain.InventoryQuery{Limit: 1, Cursor: cursor})
		for _, h := range page.Items {
			left["HOTEL#"+string(h.Hotel)+"#"+string(h.Night)] = h.Available
		}
		return page.Cursor, err
	}))
	for _, pk := range partitions() {
		counter, ok := r.Item(table.Key{PK: pk, SK: "AVAILABLE"})
		if n, told := left[pk]; ok && (!told || n != counter.Ints["available"]) {
			r.untrue(p, "%s is read with %d left, %t, %v, and has %d", pk, n, told, err, counter.Ints["available"])
		}
	}
}

// lookAtLedger reads the audit of everything. It must balance once all trips have ended.
func (r *cast) lookAtLedger(p *program) {
	l, err := p.core.App.Audit(r.Context())
	trips, ended := 0, true
	for _, j := range r.trips {
		if r.status(j) != "" {
			trips++
			ended = ended && r.ended(j)
		}
	}
	counted := 0
	for _, n := range l.Trips {
		counted += n
	}
	var captured, refunded int64
	for _, account := range l.Currencies {
		captured, refunded = captured+account.Captured, refunded+account.Refunded
	}
	charged, back := r.moved("CHARGE"), r.moved("REFUND")
	if err != nil || counted != trips || captured != charged || refunded != back || ended && !l.Balanced {
		r.untrue(p, "the ledger counts %d trips, captured %d and refunded %d, balanced %t, %v, %q; there are %d trips, captured %d and refunded %d",
			counted, captured, refunded, l.Balanced, err, l.Problems, trips, charged, back)
	}
}

// moved returns the sum of the bank's entries of one kind.
func (r *cast) moved(sk string) (sum int64) {
	for key, item := range r.Outside() {
		var entry struct {
			Postings []struct {
				Debit int64 `json:"debit"`
			} `json:"postings"`
		}
		if (key.SK == sk || strings.HasPrefix(key.SK, sk+"#")) && json.Unmarshal(item.Data, &entry) == nil {
			for _, p := range entry.Postings {
				sum += p.Debit
			}
		}
	}
	return sum
}
