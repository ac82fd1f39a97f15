// Package load drives the server that users run with more bookings than it can carry out, and checks what becomes of
// them: each is accepted and ends, or is refused before anything of it is stored, and told when to come again.
//
// What makes the load shares the machine with the server, so that the figures, which are told and not checked, are
// lower than those of a server that has its machine for itself.
package load

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	secondsEnv     = "TRIPSAGA_LOAD_SECONDS"
	connectionsEnv = "TRIPSAGA_LOAD_CONNECTIONS"
	seedEnv        = "TRIPSAGA_LOAD_SEED"
)

const (
	warmUp     = 500  // bookings before anything is measured
	measured   = 2000 // bookings that tell the capacity
	fewClients = 64   // that book one after the other: as many as keep the server busy, and fewer than it lets in at once
	overload   = 3    // times the capacity
	maxFactor  = 48   // times the capacity; a machine that cannot ask for more shows nothing
	maxMemory  = 1 << 30
)

func TestLoad(t *testing.T) {
	seconds, conns, seed := fromEnv(t, secondsEnv, 3), fromEnv(t, connectionsEnv, 500), fromEnv(t, seedEnv, 1)
	s := serve(t, build(t))
	s.loadInventory(t)
	ledger := &bookings{}
	before := s.held(t)
	capacity := s.capacity(t, ledger)
	burst := s.overload(t, time.Duration(seconds)*time.Second, conns, capacity, uint64(seed))
	ended := time.Now()
	s.settle(t)
	t.Logf("recovery: no booking was under way %v after the last answer", time.Since(ended).Round(time.Millisecond))
	ledger.add(t, burst)
	s.letsGo(t, before)
	ledger.add(t, s.normal(t))
	s.settle(t)

	s.checkTrips(t, ledger)
	s.checkLedger(t, ledger)
	s.checkRefusals(t, len(burst.refused))
	s.checkMemory(t)
	s.stop(t)
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a whole number above 0", name, v)
	}
	return n
}

// capacity is how many bookings a second come to their end when clients wait for their answers.
func (s *server) capacity(t *testing.T, ledger *bookings) float64 {
	t.Helper()
	ledger.add(t, closed(s.addr, fewClients, warmUp))
	s.settle(t)
	began := time.Now()
	done := closed(s.addr, fewClients, measured)
	s.settle(t)
	rate := measured / time.Since(began).Seconds()
	ledger.add(t, done)
	t.Logf("capacity: %.0f bookings a second, %d clients that wait for their answers: %v", rate, fewClients, spread(done.waited))
	return rate
}

// overload asks for more than the capacity, ever more until something is refused, and checks that reads are answered
// all the while. One who follows the events never reads them.
func (s *server) overload(t *testing.T, d time.Duration, conns int, capacity float64, seed uint64) *tally {
	t.Helper()
	idle := rawClient{addr: s.addr}
	defer idle.close()
	if err := idle.send("GET", "/events", "", ""); err != nil {
		t.Fatal(err)
	}
	all := &tally{}
	for factor := float64(overload); len(all.refused)+len(all.wrong) == 0 && factor <= maxFactor; factor *= 2 {
		ctx, stop := context.WithTimeout(t.Context(), d)
		reads := s.reading(ctx)
		burst := open(ctx, s.addr, conns, factor*capacity, seed)
		stop()
		burst.report(t, factor*capacity)
		(<-reads).report(t)
		all.add(burst)
	}
	if len(all.wrong) == 0 && (len(all.refused) == 0 || len(all.accepted) == 0) {
		t.Fatalf("%d bookings were accepted and %d refused: this shows nothing", len(all.accepted), len(all.refused))
	}
	return all
}

// checkRefusals wants the server to have counted every booking that it shed.
func (s *server) checkRefusals(t *testing.T, shed int) {
	t.Helper()
	counted := 0.0
	for _, reason := range []string{"overload", "open_sagas"} {
		counted += s.gauge(t, `tripsaga_http_refusals_total{method="POST",reason="`+reason+`",route="/trips"}`)
	}
	if counted != float64(shed) {
		t.Errorf("%d bookings were shed, and /metrics counts %v", shed, counted)
	}
}

// normal is a load within the capacity: nothing of it may be refused.
func (s *server) normal(t *testing.T) *tally {
	t.Helper()
	done := closed(s.addr, fewClients, warmUp)
	if len(done.refused) > 0 {
		t.Errorf("after the burst %d of %d bookings were refused", len(done.refused), warmUp)
	}
	t.Logf("after the burst: %.0f bookings accepted a second, %v", warmUp/done.took.Seconds(), spread(done.waited))
	return done
}
