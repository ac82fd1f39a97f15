package world

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/verify/model"
)

// Whatever the program says must be true after a crash at that very moment. The store then keeps only what somebody has
// waited for, so each answer, notification and call of the bank is compared with that part of the records.

var keyLoad = table.Key{PK: "INVENTORY", SK: "LOAD"}

func tripKey(id string) table.Key      { return table.Key{PK: pkTrip + id, SK: skTrip} }
func executionKey(id string) table.Key { return table.Key{PK: pkExecution + id, SK: skExecution} }

// mustLast checks that a crash now would leave the items as they are.
func (r *run) mustLast(what string, keys ...table.Key) {
	for _, key := range keys {
		now, there := r.ledger.get(key)
		kept, ok := r.ledger.lasting(key)
		if there != ok || there && !(sameItem(now, kept) && string(now.Data) == string(kept.Data)) {
			r.violation(toldLasts, "%s, and a crash now would take back %s", what, key)
		}
	}
}

// heardOfTrip checks the answer to a client: the trip as it is described, and its execution, are durable.
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
	if _, ok := r.ledger.lasting(executionKey(j.trip.ID)); !ok && !r.ended(j) {
		r.violation(toldLasts, "trip %s is acknowledged, and a crash now would leave no execution of it", j.name)
	}
}

// heardOfCancel checks the answer to a client who cancels: the request is durable. The start of its saga may have
// failed; then the reconciler starts it.
func (r *run) heardOfCancel(j *journey, t *domain.Trip) {
	r.judge.CancelAccepted(j.trip.ID)
	if _, requested := t.Cancellation(); t.ID() != j.trip.ID || !requested {
		r.violation(toldTrue, "trip %s: its cancellation is answered by trip %s, which is not to be cancelled", j.name, t.ID())
	}
	if kept, ok := r.ledger.lasting(tripKey(j.trip.ID)); !ok || kept.Version < t.Version() {
		r.violation(toldLasts, "the cancellation of trip %s is acknowledged in version %d, and a crash now would leave version %d",
			j.name, t.Version(), kept.Version)
	}
}

// heardOfEnd checks the notification of an end: the end, and the notice of a failed one, are durable. A later redrive may
// have replaced it.
func (r *run) heardOfEnd(d engine.Description) {
	key := executionKey(d.Name)
	if d.Machine == domain.CancellationSaga {
		key.PK = pkSecond + d.Name
	}
	status := ""
	if item, ok := r.ledger.lasting(key); ok {
		status = r.world.seen.field(item.Data, "status")
		redrives, _ := strconv.Atoi(r.world.seen.field(item.Data, "redrives"))
		if status == string(d.Status) || redrives > d.Redrives {
			return
		}
	}
	r.violation(toldLasts, "trip %s: the end %s is announced, and a crash now would leave the execution %s", r.nameOf(d.Name), d.Status, status)
}

// heardByBank checks that the intent's id is durable before money moves.
func (r *run) heardByBank(trip, id string) {
	item, ok := r.ledger.lasting(table.Key{PK: pkTrip + r.idOf(trip), SK: "PAYMENT"})
	if !ok || !strings.Contains(string(item.Data), `"`+id+`"`) {
		r.violation(idFirst, "trip %s: the bank is asked to charge %s, and a crash now would leave no record of it", trip, id)
	}
}

// heardOfBank checks that an answer of the bank fits its books, and that these are durable.
func (r *run) heardOfBank(op, intent, id string, err error) {
	key := table.Key{PK: pkBank + intent, SK: "INTENT"}
	state := r.statusOf(key, "state")
	fits := false
	switch name := errorName(err); {
	case err == nil && op == opCreate:
		key.PK = pkBank + id
		fits = r.statusOf(key, "state") != ""
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
		fits = state == "CANCELLED" || state == "REFUNDED" || state != "CAPTURED" && r.skipped >= authorised
	default:
		return
	}
	if !fits {
		r.violation(answersFit, "the bank answers the %s of %s with %q, %v, and its books say %s", op, intent, id, err, state)
	}
	r.mustLast("the bank has answered a "+op, key)
}

func sameItem(a, b table.Item) bool { return a.Version == b.Version && maps.Equal(a.Ints, b.Ints) }

// The invariants of what the world sees and the records do not show.
const (
	runEnds         = "run-ends"
	oneWins         = "one-wins"
	stopsForLasting = "stops-only-for-lasting-faults"
	endsInTime      = "ends-in-time"
	journalFirst    = "journal-first"
	sameInput       = "same-input"
	clientAnswered  = "client-answered"
	noPanic         = "no-panic"
	canBePlayed     = "can-be-played"
	toldLasts       = "told-is-durable"
	toldTrue        = "told-is-true"
	answersFit      = "answer-fits-record" // the model's; checked here for the bank
	contextEnds     = "context-ends"
	timeKept        = "time-kept"
	noneForgotten   = "none-forgotten"
	strayRefused    = "stray-refused"
	idFirst         = "id-durable-before-money"
	pivotSees       = "no-payment-after-cancel"
)

// Invariants lists those that the world checks, beside the model's.
func Invariants() []model.Invariant {
	return []model.Invariant{
		{Name: runEnds, Means: "A run comes to rest, and a program that was killed starts again."},
		{Name: oneWins, Means: "Of two trips that want the last seat one gets it, unless a fault outlasts its retries."},
		{Name: stopsForLasting, Means: "A saga stops without an end only for a fault that outlasts its retries."},
		{Name: endsInTime, Means: "Without such a fault everything has ended within an hour."},
		{Name: journalFirst, Means: "A task is delivered only when the reply that led to it is in the journal."},
		{Name: sameInput, Means: "A step that was done is never done again with another input."},
		{Name: clientAnswered, Means: "A client that repeats its call under its Idempotency-Key gets an answer."},
		{Name: noPanic, Means: "Nothing panics: no task, not the engine, not a use case."},
		{Name: canBePlayed, Means: "A schedule can be played to its end."},
		{Name: toldLasts, Means: "What the program says to a client, a reader, the bank or the listener is true after a crash at that moment."},
		{Name: toldTrue, Means: "Whoever reads gets what the records say, all of it, and what must be refused is refused."},
		{Name: contextEnds, Means: "The context of a delivery has ended when its state is retried."},
		{Name: timeKept, Means: "A restart half-way through a wait keeps what was left of it."},
		{Name: noneForgotten, Means: "The reconciler marks every trip that is overdue."},
		{Name: strayRefused, Means: "A payment or a confirmation that no saga asked for, on the way to FAILED, is refused."},
		{Name: idFirst, Means: "The provider is asked to move money only by an id that a crash at that moment would not lose."},
		{Name: pivotSees, Means: "A payment that has not begun when the client asks to cancel the trip never begins."},
	}
}

// look reads everything that can be read, compares it with the records, and asks for what must be refused.
func (r *run) look() {
	p := r.process()
	if p.dead {
		return
	}
	f := r.someone("", Looker)
	f.quiet = true // a fault of one reader is like that of any other
	r.as(f, sim.Fault{}, func() {
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

// untrue reports an answer of p, unless p crashed before: then nobody got it.
func (r *run) untrue(p *process, format string, args ...any) {
	if !p.dead {
		r.violation(toldTrue, format, args...)
	}
}

// lookAtTrip reads a trip with all its parts.
func (r *run) lookAtTrip(p *process, j *journey) {
	d, err := p.core.App.GetTrip(r.ctx, j.trip.ID)
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
	part := func(sk string) string { return r.statusOf(table.Key{PK: pkTrip + j.trip.ID, SK: sk}, "state") }
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
	r.mustLast("trip "+j.name+" is read", tripKey(j.trip.ID), table.Key{PK: pkTrip + j.trip.ID, SK: "FLIGHT"},
		table.Key{PK: pkTrip + j.trip.ID, SK: "HOTEL"}, table.Key{PK: pkTrip + j.trip.ID, SK: "PAYMENT"})
}

func stateOf[R any](s *domain.Step[R]) string {
	if s == nil {
		return ""
	}
	return string(s.State)
}

// lookAtExecution reads an execution and its history.
func (r *run) lookAtExecution(p *process, j *journey) {
	d, err := p.core.Engine.Describe(r.ctx, j.trip.ID)
	if string(d.Status) != r.execution(j) {
		r.untrue(p, "the execution of trip %s is read as %q, %v, and is %q", j.name, d.Status, err, r.execution(j))
	}
	if err != nil {
		return
	}
	r.mustLast("the execution of trip "+j.name+" is read", executionKey(j.trip.ID))
	events, err := p.core.Engine.History(r.ctx, j.trip.ID)
	if err != nil || len(events) == 0 || (events[len(events)-1].Type == "ExecutionSucceeded") != (d.Status == asl.Succeeded) {
		r.untrue(p, "the execution of trip %s is %s, and its history of %d events does not end so: %v", j.name, d.Status, len(events), err)
	}
}

// askForOther repeats the client's request and the start of the execution with another content: both must be refused.
func (r *run) askForOther(p *process, j *journey) {
	if r.status(j) != "" {
		other := j.request
		other.Flight.Seats++
		if _, err := p.core.App.BookTrip(r.ctx, j.name, other); !fault.Is(err, fault.NameIdempotencyMismatch) {
			r.untrue(p, "trip %s: its key is taken with another request: %v", j.name, err)
		}
	}
	if r.execution(j) != "" {
		if err := p.core.App.Starter.Start(r.ctx, "booking", j.trip.ID, json.RawMessage(`{"trip_id":"other"}`)); err == nil {
			r.untrue(p, "trip %s: its execution is started with another input, and that is acknowledged", j.name)
		}
	}
}

// lookAtLists reads the lists of trips and executions, whole and by status.
func (r *run) lookAtLists(p *process) {
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
		found, err := tripsListed(r.ctx, p, status)
		r.compareLists(p, "trips "+string(status), found, trips, string(status), err)
	}
	for _, status := range []asl.Status{"", asl.Running, asl.Succeeded, asl.Failed} {
		found, err := executionsListed(r.ctx, p, status)
		r.compareLists(p, "executions "+string(status), found, executions, string(status), err)
	}
}

func (r *run) compareLists(p *process, what string, found, want []string, status string, err error) {
	want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return status != "" && !strings.HasSuffix(s, " "+status) })
	slices.Sort(found)
	slices.Sort(want)
	if err != nil || !slices.Equal(found, want) {
		r.untrue(p, "the list of %s is %q, %v, and is to be %q", what, found, err, want)
	}
}

func tripsListed(ctx context.Context, p *process, status domain.Status) (all []string, err error) {
	err = eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ListTrips(ctx, domain.TripQuery{Status: status, Limit: 1, Cursor: cursor})
		for _, t := range page.Items {
			all = append(all, t.ID()+" "+string(t.Status()))
		}
		return page.Cursor, err
	})
	return all, err
}

func executionsListed(ctx context.Context, p *process, status asl.Status) (all []string, err error) {
	err = eachPage(func(cursor string) (string, error) {
		page, next, err := p.core.Engine.List(ctx, engine.ListQuery{Status: status, Limit: 1, Cursor: cursor})
		for _, d := range page {
			all = append(all, d.Name+" "+string(d.Status))
		}
		return next, err
	})
	return all, err
}

// eachPage reads a list page by page. It stops after more pages than there can be, so that a list without an end is a
// wrong list, and not a run without an end.
func eachPage(read func(cursor string) (next string, err error)) (err error) {
	cursor := ""
	for range 20 {
		if cursor, err = read(cursor); err != nil || cursor == "" {
			break
		}
	}
	return err
}

// lookAtOffers reads all offers, with what is left of them.
func (r *run) lookAtOffers(p *process) {
	left := map[string]int64{}
	err := eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ShowFlights(r.ctx, domain.InventoryQuery{Limit: 1, Cursor: cursor})
		for _, f := range page.Items {
			left["FLIGHT#"+string(f.Number)+"#"+string(f.Date)] = f.Available
		}
		return page.Cursor, err
	})
	err = errors.Join(err, eachPage(func(cursor string) (string, error) {
		page, err := p.core.App.ShowNights(r.ctx, domain.InventoryQuery{Limit: 1, Cursor: cursor})
		for _, h := range page.Items {
			left["HOTEL#"+string(h.Hotel)+"#"+string(h.Night)] = h.Available
		}
		return page.Cursor, err
	}))
	for _, pk := range partitions() {
		counter, ok := r.ledger.get(table.Key{PK: pk, SK: "AVAILABLE"})
		if n, told := left[pk]; ok && (!told || n != counter.Ints["available"]) {
			r.untrue(p, "%s is read with %d left, %t, %v, and has %d", pk, n, told, err, counter.Ints["available"])
		}
	}
}

// lookAtLedger reads the audit of everything. It must balance once all trips have ended.
func (r *run) lookAtLedger(p *process) {
	l, err := p.core.App.Audit(r.ctx)
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
func (r *run) moved(sk string) (sum int64) {
	for key, item := range r.ledger.bank.items {
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
