package crash

import (
	"math/rand/v2"
	"testing"
	"time"

	"tripsaga/trip/domain"
)

// roundsOfAFolder bounds what one data folder sees, so that a thousand rounds do not become slower and slower.
const roundsOfAFolder = 100

// moments are what has happened when a server's last while begins. That there is something to lose does so not depend on
// how fast the machine is. At "starting" the server may still be recovering from the kill before.
var moments = []string{"starting", "serving", "accepted", "ended"}

// TestCrash kills tripsaga serve over and over while clients book, repeat and read, and one follows the events.
func TestCrash(t *testing.T) {
	rounds, rng := given(t)
	begun := time.Now()
	for done := 0; done < rounds; {
		n := min(roundsOfAFolder, rounds-done)
		siege(t, n, rng)
		done += n
		t.Logf("%d of %d rounds after %v", done, rounds, time.Since(begun).Round(time.Second))
		if t.Failed() {
			return
		}
	}
}

// siege is what one folder goes through.
func siege(t *testing.T, rounds int, rng *rand.Rand) {
	t.Helper()
	dir, d, f := t.TempDir(), newTold(), newFeed()
	first := start(t, serve(t, dir))
	offer(t, first)
	first.stop(t)
	for n := range rounds {
		round(t, dir, moments[n%len(moments)], d, f, rng)
	}
	got := verify(t, dir, d, f)
	t.Logf("trips %v, %d events; acknowledged %d bookings and %d repeated ones, %d without an answer, %d reads",
		got, len(f.events), d.bookings, d.repeats, d.cut, d.reads)
	if rounds > 3 && (d.bookings < rounds || d.reads == 0 || got[domain.Confirmed] == 0 || got[domain.Failed] == 0) {
		t.Error("the test shows nothing")
	}
}

// round serves until a random while after the moment, and kills the server.
func round(t *testing.T, dir, moment string, d *told, f *feed, rng *rand.Rand) {
	t.Helper()
	while := time.Duration(rng.IntN(250)) * time.Millisecond
	if moment == "starting" {
		s := launch(t, serve(t, dir))
		time.Sleep(while)
		s.kill(t)
		return
	}
	s := start(t, serve(t, dir))
	end := newSignal()
	l := &load{t: t, server: s, told: d}
	l.start(rng)
	l.clients.Go(func() {
		f.follow(t, s, func(e domain.Event) {
			if e.Type == domain.TripConfirmed || e.Type == domain.TripFailed {
				end.give()
			}
		})
	})
	await(t, s, map[string]<-chan struct{}{"serving": s.ready, "accepted": l.accepted.ch, "ended": end.ch}[moment])
	time.Sleep(while)
	s.kill(t)
	l.clients.Wait()
}

// await waits for the moment; a server that is gone before ended by itself.
func await(t *testing.T, s *server, moment <-chan struct{}) {
	t.Helper()
	select {
	case <-moment:
	case <-s.gone:
	case <-time.After(hang):
		t.Fatalf("nothing happens\n%s", s.text())
	}
}
