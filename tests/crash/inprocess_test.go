package crash

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/local"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// acknowledged is what the children have reported: a booking accepted, and how an execution ended.
type acknowledged struct {
	booked map[string]bool
	ended  map[string]string
}

// TestCrashInProcess kills children that book without HTTP, in time that runs a thousand times too fast and with faults in
// the tasks: it reaches moments of time-outs, back-offs and late replies that the server has seldom.
func TestCrashInProcess(t *testing.T) {
	rounds, rng := given(t)
	dir := t.TempDir()
	if err := prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	ack := acknowledged{booked: map[string]bool{}, ended: map[string]string{}}
	for n := range rounds {
		inProcessRound(t, dir, rng, childMoments[n%len(childMoments)], &ack)
	}
	sys, err := open(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close(t.Context())
	if _, err := sys.App.Reconcile(t.Context(), app.Patience{}); err != nil {
		t.Fatal(err)
	}
	trips := everyTripEnds(t, sys)
	ack.check(t, trips)
	if len(ack.booked) < rounds || len(ack.ended) == 0 {
		t.Errorf("only %d bookings and %d ends were acknowledged: the test shows nothing", len(ack.booked), len(ack.ended))
	}
	outcomes(t, trips)
	everyEventOnce(t, sys, trips)
	balanced(t, sys)
}

// childMoments are what a child has said first when its last while begins. That there is something to lose does so not depend
// on how fast the machine is.
var childMoments = []string{"open", "booked", "ended"}

// inProcessRound runs a child until a random while after the moment, and kills it.
func inProcessRound(t *testing.T, dir string, rng *rand.Rand, moment string, ack *acknowledged) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childSeed+"="+strconv.FormatUint(rng.Uint64(), 10))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "open" {
		t.Fatalf("the child did not open: %q, %v\n%s", lines.Text(), cmd.Wait(), stderr.String())
	}
	kill := sync.OnceFunc(func() {
		time.AfterFunc(time.Duration(rng.IntN(250))*time.Millisecond, func() { cmd.Process.Kill() })
	})
	ack.read(t, lines, func(said string) {
		if said == moment {
			kill()
		}
	})
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v\n%s", err, stderr.String())
	}
}

// read takes in the child's lines until it is dead, and hears each; a torn last line counts as not said.
func (a *acknowledged) read(t *testing.T, lines *bufio.Scanner, hear func(said string)) {
	t.Helper()
	hear("open")
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 3 && f[0] == "booked" && f[2] == ".":
			a.booked[f[1]] = true
		case len(f) == 4 && f[0] == "ended" && f[3] == ".":
			a.ended[f[1]] = f[2]
		default:
			continue
		}
		hear(f[0])
	}
	if err := lines.Err(); err != nil && err != io.ErrClosedPipe {
		t.Fatal(err)
	}
}

// everyTripEnds waits for all executions and returns the trips by id.
func everyTripEnds(t *testing.T, sys *local.System) map[string]*domain.Trip {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	trips := map[string]*domain.Trip{}
	q := domain.TripQuery{Limit: domain.MaxPage}
	for {
		page, err := sys.App.ListTrips(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, trip := range page.Items {
			if _, err := sys.Engine.Wait(ctx, trip.ID()); err != nil {
				t.Fatalf("trip %s: %v", trip.ID(), err)
			}
			if trips[trip.ID()], err = sys.App.Trips.Get(ctx, trip.ID()); err != nil {
				t.Fatal(err)
			}
		}
		if page.Cursor == "" {
			return trips
		}
		q.Cursor = page.Cursor
	}
}

func (a *acknowledged) check(t *testing.T, trips map[string]*domain.Trip) {
	t.Helper()
	for id := range a.booked {
		if trips[id] == nil {
			t.Errorf("trip %s was acknowledged and is lost", id)
		}
	}
	for id, status := range a.ended {
		if trips[id] != nil && string(trips[id].Status()) != status {
			t.Errorf("trip %s was acknowledged as %s and is %s", id, status, trips[id].Status())
		}
	}
}

// outcomes checks that each trip has one of the two ends, and that the run had both.
func outcomes(t *testing.T, trips map[string]*domain.Trip) {
	t.Helper()
	count := map[domain.Status]int{}
	for id, trip := range trips {
		count[trip.Status()]++
		if s := trip.Status(); s != domain.Confirmed && s != domain.Failed {
			t.Errorf("trip %s is %s (%+v)", id, s, trip.Reason())
		}
	}
	t.Logf("trips: %v", count)
	if count[domain.Confirmed] == 0 || count[domain.Failed] == 0 {
		t.Errorf("the run had no trip of one kind: %v", count)
	}
}

// everyEventOnce checks the outbox: what happened is announced once, and in an order that can be.
func everyEventOnce(t *testing.T, sys *local.System, trips map[string]*domain.Trip) {
	t.Helper()
	seen := map[string][]string{}
	for after := uint64(0); ; {
		changes, err := sys.Store.Stream(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			trip := strings.TrimPrefix(c.Item.PK, "TRIP#")
			seen[trip] = append(seen[trip], strings.TrimPrefix(c.Item.SK, "OUTBOX#"))
			after = c.Seq
		}
	}
	for id, trip := range trips {
		events := seen[id]
		last := map[domain.Status]string{domain.Confirmed: "TripConfirmed", domain.Failed: "TripFailed"}[trip.Status()]
		if len(events) < 2 || events[0] != "TripRequested" || events[len(events)-1] != last {
			t.Errorf("trip %s is %s and announced %v", id, trip.Status(), events)
		}
		once := map[string]bool{}
		for _, e := range events {
			if once[e] {
				t.Errorf("trip %s announced %s twice: %v", id, e, events)
			}
			once[e] = true
		}
	}
}

func balanced(t *testing.T, sys *local.System) {
	t.Helper()
	a, err := sys.App.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ledger: %+v", a)
	if !a.Balanced {
		t.Errorf("the ledger does not balance: %+v", a)
	}
}
