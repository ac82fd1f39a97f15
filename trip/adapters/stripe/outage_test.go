package stripe

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/stripe/stripedouble"
	"tripsaga/trip/domain"
)

// dead never answers; it counts the calls that wait.
type dead struct{ waiting, all atomic.Int64 }

func (d *dead) RoundTrip(r *http.Request) (*http.Response, error) {
	d.all.Add(1)
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestADeadStripeTakesFewGoroutines and no caller waits longer than a call may take.
func TestADeadStripeTakesFewGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, callers = 8, 1000
		d := &dead{}
		p, err := New(Options{Key: key, HTTP: d, InFlight: limit})
		if err != nil {
			t.Fatal(err)
		}
		before := runtime.NumGoroutine()
		began := time.Now()
		var refused atomic.Int64
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				if _, err := p.Cancel(context.Background(), "pi_1"); fault.KindOf(err) != fault.Unavailable {
					t.Error(err)
				}
				refused.Add(1)
			})
		}
		synctest.Wait()
		if d.waiting.Load() != limit || refused.Load() != callers-limit {
			t.Errorf("%d calls wait and %d were refused, want %d and %d", d.waiting.Load(), refused.Load(), limit, callers-limit)
		}
		if n := runtime.NumGoroutine() - before; n > 4*limit {
			t.Errorf("%d goroutines for %d calls", n, limit)
		}
		wg.Wait()
		if took := time.Since(began); took != Timeout {
			t.Errorf("the last call took %s", took)
		}
	})
}

// TestTheBreaker opens after outages, lets one call through after a while, and closes when that succeeds.
func TestTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		double := stripedouble.New(time.Now)
		p, err := New(Options{Key: key, HTTP: double})
		if err != nil {
			t.Fatal(err)
		}
		id := create(t, p)
		reached, down := 0, true
		double.Before = func(*http.Request) stripedouble.Fault {
			reached++
			if down {
				return stripedouble.Down
			}
			return stripedouble.Works
		}
		get := func() (bool, error) {
			before := reached
			_, err := p.Get(t.Context(), id)
			return reached > before, err
		}
		for n := range breakerAfter {
			if sent, err := get(); !sent || fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("call %d: sent %v, %v", n, sent, err)
			}
		}
		held := func(when string) {
			t.Helper()
			if sent, err := get(); sent || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "held back") {
				t.Errorf("%s: sent %v, %v", when, sent, err)
			}
		}
		held("open")
		// In the bubble's virtual time, so nothing waits.
		time.Sleep(breakerOpen + time.Millisecond)
		if sent, err := get(); !sent || err == nil {
			t.Errorf("half open: sent %v, %v", sent, err)
		}
		held("open again")
		time.Sleep(breakerOpen + time.Millisecond)
		down = false
		for n := range 3 {
			if sent, err := get(); !sent || err != nil {
				t.Errorf("closed, call %d: sent %v, %v", n, sent, err)
			}
		}
	})
}

// TestWhatIsNoOutage never opens the breaker, however often it comes.
func TestWhatIsNoOutage(t *testing.T) {
	p, double, _ := open(t)
	id := create(t, p)
	double.Before = func(*http.Request) stripedouble.Fault { return stripedouble.Fails }
	if _, err := p.Create(t.Context(), "stored", domain.PaymentOrder{Reference: "trip", Amount: price}); err == nil {
		t.Fatal("the fault did not happen")
	}
	double.Before = nil
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"a declined card":       func() error { _, err := p.Confirm(t.Context(), id, "pm_card_chargeDeclined"); return err },
		"an unknown id":         func() error { _, err := p.Get(t.Context(), "pi_none"); return err },
		"a caller that gave up": func() error { _, err := p.Get(gone, id); return err },
		"a stored error": func() error {
			_, err := p.Create(t.Context(), "stored", domain.PaymentOrder{Reference: "trip", Amount: price})
			return err
		},
		"a limit": func() error {
			double.Before = func(*http.Request) stripedouble.Fault { return stripedouble.Limited }
			defer func() { double.Before = nil }()
			_, err := p.Get(t.Context(), id)
			return err
		},
	} {
		for range 3 * breakerAfter {
			if err := call(); err == nil || strings.Contains(err.Error(), "held back") {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := p.Get(t.Context(), id); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// TestACallIsMadeOnce: the saga retries, nobody else.
func TestACallIsMadeOnce(t *testing.T) {
	p, double, _ := open(t)
	calls := 0
	double.Before = func(*http.Request) stripedouble.Fault { calls++; return stripedouble.Lost }
	if _, err := p.Cancel(t.Context(), "pi_1"); err == nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
