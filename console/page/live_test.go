package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
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
	}{{0, 1, 151}, {0, 100, 151}, {100 * time.Millisecond, 1, 31}, {100 * time.Millisecond, 10, 31}} {
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
			again := int(n.Load()) - test.pages // without the first rendering of each
			if again > test.most || again < test.most/3 {
				t.Errorf("%d pages of %v each are rendered %d times, allowed are %d", test.pages, test.cost, again, test.most)
			}
		})
	}
}

// TestLivePagesAreShared renders one page for all who look at it, and shows each of them the last change.
func TestLivePagesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(slog.New(slog.DiscardHandler), "")
		var mu sync.Mutex
		shown, changed, renderings := 0, make(chan struct{}), 0
		change := func() {
			mu.Lock()
			defer mu.Unlock()
			shown++
			close(changed)
			changed = make(chan struct{})
		}
		f.Handle("/n", func(*Request) (Page, error) {
			mu.Lock()
			defer mu.Unlock()
			renderings++
			return Page{Templates: counter, Name: "n.html", Data: fmt.Sprint("shown ", shown), Live: &Live{Changed: func() <-chan struct{} {
				mu.Lock()
				defer mu.Unlock()
				return changed
			}}}, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var open sync.WaitGroup
		pages := make([]*httptest.ResponseRecorder, 50)
		for i := range pages {
			pages[i] = httptest.NewRecorder()
			open.Go(func() { f.ServeHTTP(pages[i], httptest.NewRequestWithContext(ctx, "GET", "/n?live=1", nil)) })
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(time.Second)
		mu.Lock()
		renderings = 0
		mu.Unlock()
		for range 20 {
			change()
			time.Sleep(3 * time.Millisecond)
		}
		time.Sleep(time.Second)
		cancel()
		open.Wait()
		if renderings == 0 || renderings > 10 {
			t.Errorf("%d renderings for %d pages", renderings, len(pages))
		}
		for i, w := range pages {
			if !strings.HasSuffix(w.Body.String(), "data: \"shown 20\"\n\n") {
				t.Errorf("page %d ends with %s", i, w.Body)
			}
		}
		if len(f.shared) != 0 {
			t.Errorf("%d pages are kept", len(f.shared))
		}
	})
}

// TestLivePageThatIsAnnouncedLater is first looked at in intervals, and then announces its changes.
func TestLivePageThatIsAnnouncedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, n, changed := New(slog.New(slog.DiscardHandler), ""), 0, make(chan struct{})
		f.Handle("/n", func(*Request) (Page, error) {
			n++
			p := Page{Templates: counter, Name: "n.html", Data: n, Live: &Live{Every: time.Second}}
			if n > 1 {
				p.Live = &Live{Changed: func() <-chan struct{} { return changed }}
			}
			if n == 2 {
				defer func() { close(changed); changed = make(chan struct{}) }()
			}
			return p, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		var open sync.WaitGroup
		open.Go(func() { f.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/n?live=1", nil)) })
		time.Sleep(time.Minute)
		cancel()
		open.Wait()
		if !strings.Contains(w.Body.String(), "data: \"3\"\n\n") {
			t.Errorf("the change during the second rendering is missing: %s", w.Body)
		}
	})
}

// TestRenderingsWaitTheirTurn opens many costly pages at once: few are rendered concurrently, each is rendered.
func TestRenderingsWaitTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(slog.New(slog.DiscardHandler), "")
		var now, most, all atomic.Int64
		f.Handle("/n", func(r *Request) (Page, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			time.Sleep(renderTime / 2)
			if err := r.Context().Err(); err != nil {
				return Page{}, err
			}
			all.Add(1)
			return Page{Templates: counter, Name: "n.html", Data: r.URL.Query().Get("q")}, nil
		})
		var open sync.WaitGroup
		for i := range 60 {
			open.Go(func() {
				w := httptest.NewRecorder()
				f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("/n?live=1&q=%d", i), nil))
				if want := fmt.Sprintf("data: \"%d\"", i); !strings.Contains(w.Body.String(), want) {
					t.Errorf("stream %d ended without its page: %s", i, w.Body)
				}
			})
		}
		open.Wait()
		if most.Load() != maxRenderings || all.Load() != 60 {
			t.Errorf("%d were rendered, up to %d concurrently", all.Load(), most.Load())
		}
	})
}
