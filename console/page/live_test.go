package page

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

var counter = Parse(fstest.MapFS{"texts.json": {Data: []byte(`{}`)}, "n.html": {Data: []byte(`{{.}}`)}})

// TestLivePagesRest renders a page that always changes at most 5 times a second, and seldom if it is costly: all open pages
// together take a tenth of the time.
func TestLivePagesRest(t *testing.T) {
	for _, test := range []struct {
		cost  time.Duration
		pages int
		most  int // renderings in 30 seconds
	}{{0, 1, 151}, {0, 100, 15_100}, {100 * time.Millisecond, 1, 31}, {100 * time.Millisecond, 10, 31}} {
		synctest.Test(t, func(t *testing.T) {
			f, n := New(slog.New(slog.DiscardHandler), ""), atomic.Int64{}
			always := make(chan struct{})
			close(always)
			f.Handle("/n", func(*Request) (Page, error) {
				time.Sleep(test.cost)
				return Page{Templates: counter, Name: "n.html", Data: n.Add(1), Live: &Live{Changed: func() <-chan struct{} { return always }}}, nil
			})
			ctx, cancel := context.WithCancel(t.Context())
			var open sync.WaitGroup
			for range test.pages {
				open.Go(func() {
					f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/n?live=1", nil))
				})
			}
			time.Sleep(30 * time.Second)
			cancel()
			open.Wait()
			again := int(n.Load()) - 2*test.pages // without the first rendering, and the one that looks whether it changed meanwhile
			if again > test.most || again < test.most/3 {
				t.Errorf("%d pages of %v each are rendered %d times, allowed are %d", test.pages, test.cost, again, test.most)
			}
		})
	}
}
