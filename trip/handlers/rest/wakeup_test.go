package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/trip/domain"
)

// busyFeed has an event more whenever somebody has just looked and found none of it.
type busyFeed struct {
	*world
	left uint64
}

func (b *busyFeed) Events(ctx context.Context, after uint64, limit int) ([]FeedEvent, error) {
	found, err := b.world.Events(ctx, after, limit)
	if b.left > 0 {
		b.left--
		b.announce(feedEvent(100-b.left, domain.TripRequested))
	}
	return found, err
}

// TestAnEventBetweenALookAndItsWait is sent at once, and not with the next one.
func TestAnEventBetweenALookAndItsWait(t *testing.T) {
	for _, late := range []uint64{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			h := New(Deps{Book: w.book, Executions: w, Feed: &busyFeed{w, late}, Log: slog.New(slog.DiscardHandler)})
			ctx, cancel := context.WithCancel(t.Context())
			answer := httptest.NewRecorder()
			ended := make(chan bool)
			go func() {
				h.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/events", nil))
				close(ended)
			}()
			time.Sleep(time.Second) // nothing else happens meanwhile
			cancel()
			<-ended
			text, _ := io.ReadAll(answer.Body)
			if got := strings.Count(string(text), "event: TripRequested\n"); got != int(late) {
				t.Errorf("%d events of %d were sent: %q", got, late, text)
			}
		})
	}
}
