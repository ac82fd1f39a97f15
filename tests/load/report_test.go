package load

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// spread tells the percentiles of waits.
func spread(waits []time.Duration) string {
	if len(waits) == 0 {
		return "none"
	}
	sorted := slices.Sorted(slices.Values(waits))
	at := func(p float64) time.Duration {
		return sorted[int(float64(len(sorted)-1)*p)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p90 %v, p99 %v, p99.9 %v, max %v", at(.5), at(.9), at(.99), at(.999), at(1))
}

func (t *tally) report(tt *testing.T, rate float64) {
	tt.Helper()
	seconds := t.took.Seconds()
	answered := len(t.accepted) + len(t.refused) + len(t.wrong)
	tt.Logf("asked for %.0f bookings a second for %.1f s: %d sent, %d not sent as every connection waited",
		rate, seconds, answered, t.unsent)
	tt.Logf("accepted %.0f/s, answered in %s", float64(len(t.accepted))/seconds, spread(t.waited))
	tt.Logf("refused  %.0f/s, answered in %s", float64(len(t.refused))/seconds, spread(t.refused))
}

// reads is what came of reading during a burst.
type reads struct {
	waited []time.Duration
	wrong  []error
}

// reading reads trips one by one on a connection of its own until ctx ends.
func (s *server) reading(ctx context.Context) <-chan reads {
	result := make(chan reads, 1)
	go func() {
		c := rawClient{addr: s.addr}
		defer c.close()
		var r reads
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			_, took, err := c.get("/trips?limit=1")
			if err != nil {
				r.wrong = append(r.wrong, err)
				break
			}
			r.waited = append(r.waited, took)
			<-tick.C
		}
		result <- r
	}()
	return result
}

func (r reads) report(t *testing.T) {
	t.Helper()
	for _, err := range r.wrong {
		t.Errorf("a read during the burst: %v", err)
	}
	t.Logf("reads meanwhile: %d, answered in %s", len(r.waited), spread(r.waited))
}
