package play

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tripsaga/table"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

// tell appends how everything stands.
func (r *run) tell(id string) {
	r.tellEnd(id)
	r.tellSteps(id)
	r.tellEvents(id)
	r.tellLedger()
	r.tellHistory(id)
}

func (r *run) tellEnd(id string) {
	d, err := r.sys.Engine.Describe(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintf(&r.out, "saga %s", d.Status)
	if d.Error != "" {
		fmt.Fprintf(&r.out, " %s at %s", d.Error, d.State)
	}
	fmt.Fprintln(&r.out)
}

func (r *run) tellSteps(id string) {
	d, err := r.sys.App.GetTrip(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintf(&r.out, "trip %s", d.Trip.Status())
	if reason := d.Trip.Reason(); reason.Name != "" {
		fmt.Fprintf(&r.out, " %s: %s", reason.Name, reason.Message)
	}
	fmt.Fprintln(&r.out)
	tellStep(r, "flight", d.Flight)
	tellStep(r, "hotel", d.Hotel)
	tellStep(r, "payment", d.Payment)
}

func tellStep[S any](r *run, name string, s *domain.Step[S]) {
	state := domain.StepState("none")
	if s != nil {
		state = s.State
	}
	fmt.Fprintf(&r.out, "%s %s\n", name, state)
}

func (r *run) tellEvents(id string) {
	fmt.Fprint(&r.out, "events")
	for _, name := range r.events(id) {
		fmt.Fprint(&r.out, " ", name)
	}
	fmt.Fprintln(&r.out)
}

// events lists the types of the trip's events.
func (r *run) events(id string) []string {
	var types []string
	for _, key := range r.outbox(id) {
		if key.PK == "TRIP#"+id {
			types = append(types, strings.TrimPrefix(key.SK, store.OutboxPrefix))
		}
	}
	return types
}

// outbox reads keys in the order of their commits, or else of their sort keys.
func (r *run) outbox(id string) []table.Key {
	if r.sys.Events != nil {
		keys, err := r.sys.Events(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		return keys
	}
	var keys []table.Key
	for item, err := range table.Items(r.t.Context(), r.sys.Table, table.Query{PK: "TRIP#" + id, Prefix: store.OutboxPrefix}) {
		if err != nil {
			r.t.Fatalf("reading the outbox: %v", err)
		}
		keys = append(keys, item.Key)
	}
	return keys
}

// eventsByName puts the events of a report into the order of their names.
func eventsByName(report []byte) []byte {
	lines := strings.Split(string(report), "\n")
	for i, line := range lines {
		if list, ok := strings.CutPrefix(line, "events "); ok {
			names := strings.Fields(list)
			slices.Sort(names)
			lines[i] = "events " + strings.Join(names, " ")
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

func (r *run) tellLedger() {
	l, err := r.sys.App.Audit(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	yen := l.Currencies["JPY"] // of which every scenario is
	fmt.Fprintf(&r.out, "ledger seats=%d rooms=%d captured=%d refunded=%d confirmed=%d balanced=%v\n",
		l.SeatsHeld, l.RoomsHeld, yen.Captured, yen.Refunded, yen.Confirmed, l.Balanced)
	for _, p := range l.Problems {
		fmt.Fprintln(&r.out, "  ", p)
	}
}

// tellHistory tells the states entered and how each delivery ended.
func (r *run) tellHistory(id string) {
	events, err := r.sys.Engine.History(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintln(&r.out, "history")
	for _, ev := range events {
		raw, err := json.Marshal(ev)
		if err != nil {
			r.t.Fatal(err)
		}
		r.tellEvent(raw)
	}
}

func (r *run) tellEvent(raw []byte) {
	var e struct {
		Type         string                  `json:"type"`
		StateEntered *struct{ Name string }  `json:"stateEnteredEventDetails"`
		Failed       *struct{ Error string } `json:"lambdaFunctionFailedEventDetails"`
		TimedOut     *struct{ Error string } `json:"lambdaFunctionTimedOutEventDetails"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		r.t.Fatal(err)
	}
	switch {
	case e.StateEntered != nil:
		fmt.Fprintf(&r.out, "  %s\n", e.StateEntered.Name)
	case e.Failed != nil:
		fmt.Fprintf(&r.out, "    failed %s\n", e.Failed.Error)
	case e.TimedOut != nil:
		fmt.Fprintf(&r.out, "    timed out %s\n", e.TimedOut.Error)
	case e.Type == "LambdaFunctionSucceeded":
		fmt.Fprintln(&r.out, "    ok")
	case e.Type == "ExecutionRedriven":
		fmt.Fprintln(&r.out, "  (redriven)")
	}
}
