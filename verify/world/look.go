package world

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// look reads everything that can be read, compares it with the records, and asks for what must be refused.
func (r *run) look() {
	p := r.process()
	if p.dead {
		return
	}
	f := r.someone("", Looker)
	f.quiet = true // what goes wrong for who reads is the same for all who read
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

// untrue reports what p answered, unless p crashed before: then nobody heard it.
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

// askForOther repeats what the client and the engine were asked for, with another content.
func (r *run) askForOther(p *process, j *journey) {
	if r.status(j) != "" {
		other := j.request
		other.Flight.Seats++
		if _, err := p.core.App.BookTrip(r.ctx, j.name, other); !fault.Is(err, fault.NameIdempotencyMismatch) {
			r.untrue(p, "trip %s: its key is taken with another request: %v", j.name, err)
		}
	}
	if r.execution(j) != "" {
		if err := p.core.App.Starter.Start(r.ctx, j.trip.ID, json.RawMessage(`{"trip_id":"other"}`)); err == nil {
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
	for _, status := range []domain.Status{"", domain.Pending, domain.Confirmed, domain.Failed, domain.NeedsAttention} {
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
	q := domain.TripQuery{Status: status, Limit: 1}
	for range 20 {
		page, err := p.core.App.ListTrips(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Items {
			all = append(all, t.ID()+" "+string(t.Status()))
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	return all, nil
}

func executionsListed(ctx context.Context, p *process, status asl.Status) (all []string, err error) {
	q := engine.ListQuery{Status: status, Limit: 1}
	for range 20 {
		var page []engine.Description
		if page, q.Cursor, err = p.core.Engine.List(ctx, q); err != nil {
			return nil, err
		}
		for _, d := range page {
			all = append(all, d.Name+" "+string(d.Status))
		}
		if q.Cursor == "" {
			break
		}
	}
	return all, nil
}

// lookAtOffers counts what is offered, with what is left of it.
func (r *run) lookAtOffers(p *process) {
	left := map[string]int64{}
	var err error
	q := domain.InventoryQuery{Limit: 1}
	for range 20 {
		var page domain.Page[domain.FlightDay]
		if page, err = p.core.App.ShowFlights(r.ctx, q); err != nil {
			break
		}
		for _, f := range page.Items {
			left["FLIGHT#"+string(f.Number)+"#"+string(f.Date)] = f.Available
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	q.Cursor = ""
	for range 20 {
		var page domain.Page[domain.HotelNight]
		if page, err = p.core.App.ShowNights(r.ctx, q); err != nil {
			break
		}
		for _, h := range page.Items {
			left["HOTEL#"+string(h.Hotel)+"#"+string(h.Night)] = h.Available
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	for _, pk := range partitions() {
		counter, ok := r.ledger.get(table.Key{PK: pk, SK: "AVAILABLE"})
		if n, told := left[pk]; ok && (!told || n != counter.Ints["available"]) {
			r.untrue(p, "%s is read with %d left, %t, %v, and has %d", pk, n, told, err, counter.Ints["available"])
		}
	}
}

// lookAtLedger reads the account of everything: it adds up once all trips have ended.
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

// moved is the money of the bank's entries of one kind, of payments that the trips know.
func (r *run) moved(sk string) (sum int64) {
	for key, item := range r.ledger.bank.items {
		var entry struct {
			Postings []struct {
				Debit int64 `json:"debit"`
			} `json:"postings"`
		}
		if key.SK == sk && json.Unmarshal(item.Data, &entry) == nil {
			for _, p := range entry.Postings {
				sum += p.Debit
			}
		}
	}
	return sum
}
