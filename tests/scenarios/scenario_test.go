// Package scenarios runs whole bookings, each described by a file: the request, the faults that meet it, and how it must
// end. The parts of a *.txtar file:
//
//	trip.json       the request
//	inventory.csv   what is on offer; without it the demo inventory
//	faults          a plan of engine/faulty: which delivery of which task goes wrong, and how
//	redrive         present when the saga is to be redriven after it has failed, with the faults of this part
//	want            the report of what came of it; -update writes it anew, for a person to read the difference
package scenarios

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/engine"
	"tripsaga/engine/faulty"
	"tripsaga/local"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
)

var update = flag.Bool("update", false, "write the part want of each scenario anew")

var begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".txtar"), func(t *testing.T) {
			t.Parallel()
			scenario(t, file)
		})
	}
}

func scenario(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := newRun(t, archive).report()
	if *update {
		setPart(archive, "want", got)
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, ok := part(archive, "want")
	if !ok {
		t.Fatal("the scenario has no part want; write it with -update")
	}
	if string(want) != got {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func part(a *txtar.Archive, name string) ([]byte, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

func setPart(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

// run is a scenario under way, in virtual time.
type run struct {
	t       *testing.T
	archive *txtar.Archive
	virtual *engine.Virtual
	faults  atomic.Pointer[faulty.Plan]
	sys     *local.System
	out     bytes.Buffer
}

func newRun(t *testing.T, archive *txtar.Archive) *run {
	r := &run{t: t, archive: archive, virtual: engine.NewVirtual(begin)}
	r.setFaults("faults")
	var err error
	r.sys, err = local.Open(t.Context(), local.Options{
		Scheduler: r.virtual, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return faulty.Tasks(tasks, r.virtual, func(d faulty.Delivery) faulty.Fault { return r.faults.Load().Decide(d) })
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.sys.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	r.loadInventory()
	return r
}

func (r *run) setFaults(name string) {
	text, _ := part(r.archive, name)
	plan, err := faulty.ParsePlan(string(text))
	if err != nil {
		r.t.Fatalf("part %s: %v", name, err)
	}
	r.faults.Store(&plan)
}

func (r *run) loadInventory() {
	csv, ok := part(r.archive, "inventory.csv")
	if !ok {
		if _, err := r.sys.LoadDemoInventoryOnce(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	offers, err := inventory.Parse("inventory.csv", bytes.NewReader(csv))
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.sys.App.LoadInventory(r.t.Context(), offers); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) report() string {
	ctx := r.t.Context()
	data, _ := part(r.archive, "trip.json")
	var request domain.Request
	if err := json.Unmarshal(data, &request); err != nil {
		r.t.Fatalf("part trip.json: %v", err)
	}
	trip, err := r.sys.App.BookTrip(ctx, "scenario", request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.virtual.Run()
	r.tell(trip.ID())
	if _, ok := part(r.archive, "redrive"); ok {
		r.setFaults("redrive")
		if err := r.sys.Engine.Redrive(ctx, trip.ID()); err != nil {
			r.t.Fatal(err)
		}
		r.virtual.Run()
		fmt.Fprintln(&r.out, "\nafter the redrive:")
		r.tell(trip.ID())
	}
	return r.out.String()
}

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
	changes, err := r.sys.Store.Stream(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprint(&r.out, "events")
	for _, c := range changes {
		if c.Item.PK == "TRIP#"+id {
			fmt.Fprint(&r.out, " ", strings.TrimPrefix(c.Item.SK, "OUTBOX#"))
		}
	}
	fmt.Fprintln(&r.out)
}

func (r *run) tellLedger() {
	l, err := r.sys.App.Audit(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintf(&r.out, "ledger seats=%d rooms=%d captured=%d refunded=%d confirmed=%d balanced=%v\n",
		l.SeatsHeld, l.RoomsHeld, l.CapturedMinor, l.RefundedMinor, l.ConfirmedMinor, l.Balanced)
	for _, p := range l.Problems {
		fmt.Fprintln(&r.out, "  ", p)
	}
}

// tellHistory tells the states entered and how each delivery ended, with the virtual time since the start.
func (r *run) tellHistory(id string) {
	events, err := r.sys.Engine.History(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	fmt.Fprintln(&r.out, "history")
	for _, ev := range events {
		var e struct {
			Type         string                  `json:"type"`
			StateEntered *struct{ Name string }  `json:"stateEnteredEventDetails"`
			Failed       *struct{ Error string } `json:"lambdaFunctionFailedEventDetails"`
			TimedOut     *struct{ Error string } `json:"lambdaFunctionTimedOutEventDetails"`
		}
		raw, err := json.Marshal(ev)
		if err != nil {
			r.t.Fatal(err)
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
}
