package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// board is a page that shows a text, and announces when it changes.
type board struct {
	mu      sync.Mutex
	text    string
	final   bool
	changed chan struct{}
	shown   int // how often it was rendered
}

func (b *board) set(text string, final bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text, b.final = text, final
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *board) page(*Request) (Page, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown++
	p := Page{Templates: sample, Name: "form.html", Data: b.text, Title: "Board", Live: &Live{Changed: b.next}}
	if b.final {
		p.Live = nil
	}
	return p, nil
}

// wire is a response that another goroutine reads while it is written.
type wire struct {
	*httptest.ResponseRecorder
	lines chan string
}

func (w wire) WriteString(s string) (int, error) {
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		w.lines <- line
	}
	return len(s), nil
}

// look opens the live part of the page; what it sends is in the channel.
func look(t *testing.T, f *Frame, target string) (lines chan string, leave func()) {
	ctx, cancel := context.WithCancel(t.Context())
	w := wire{httptest.NewRecorder(), make(chan string, 100)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", target, nil))
		close(w.lines)
	}()
	return w.lines, func() { cancel(); <-ended }
}

// texts returns what the stream has sent by now: the pages' texts, and the names of other events.
func texts(lines chan string) (sent []string) {
	synctest.Wait()
	for event := ""; ; {
		select {
		case line, open := <-lines:
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				event = name
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var html string
				json.Unmarshal([]byte(data), &html)
				_, html, _ = strings.Cut(html, "<bdi>")
				html, _, _ = strings.Cut(html, "</bdi>")
				sent = append(sent, event+" "+html)
			}
			if !open {
				return append(sent, "closed")
			}
		default:
			return sent
		}
	}
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// TestLivePage follows a page from its first state to its last.
func TestLivePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := frame()
		b := &board{text: "one", changed: make(chan struct{})}
		f.Handle("/console/board", b.page)
		lines, leave := look(t, f, "/console/board?live=1")
		defer leave()
		equal(t, texts(lines), "page one")
		b.set("two", false)
		b.set("three", false)
		time.Sleep(restful)
		equal(t, texts(lines), "page three")
		b.set("three", false) // nothing that differs
		time.Sleep(time.Second)
		equal(t, texts(lines))
		b.set("four", true)
		time.Sleep(time.Second)
		equal(t, texts(lines), "page four", "end ", "closed")
	})
}

// TestLivePageThatFails keeps its browser trying: an error is no final state.
func TestLivePageThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := frame()
		b := &board{text: "one", changed: make(chan struct{})}
		fails := true
		f.Handle("/console/board", func(r *Request) (Page, error) {
			if fails {
				return Page{}, errors.New("the store is not ready")
			}
			return b.page(r)
		})
		lines, leave := look(t, f, "/console/board?live=1")
		equal(t, texts(lines), "closed")
		leave()
		fails = false
		lines, leave = look(t, f, "/console/board?live=1")
		defer leave()
		equal(t, texts(lines), "page one")
		fails = true
		b.set("two", false)
		time.Sleep(restful)
		if sent := texts(lines); len(sent) != 1 || sent[0] != "page " { // the page of the error
			t.Errorf("sent %q", sent)
		}
		fails = false
		b.set("three", false)
		time.Sleep(restful)
		equal(t, texts(lines), "page three")
	})
}

// TestVersionSavesRenderings looks at a page every second whose version stays the same.
func TestVersionSavesRenderings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := frame()
		var shown, version atomic.Int64
		f.Handle("/console/board", func(*Request) (Page, error) {
			shown.Add(1)
			return Page{Templates: sample, Name: "form.html", Data: version.Load(), Title: "Board",
				Live: &Live{Every: time.Second, Version: func(context.Context) (string, error) { return fmt.Sprint(version.Load()), nil }}}, nil
		})
		lines, leave := look(t, f, "/console/board?live=1")
		defer leave()
		time.Sleep(time.Minute)
		synctest.Wait()
		if shown.Load() > 2 { // the first time, and when its version is known
			t.Errorf("rendered %d times", shown.Load())
		}
		version.Store(1)
		time.Sleep(2 * time.Second)
		equal(t, texts(lines), "page 0", "page 1")
	})
}

// TestTooManyLivePages refuses one more than there is room for, until one leaves.
func TestTooManyLivePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := frame()
		b := &board{text: "one", changed: make(chan struct{})}
		f.Handle("/console/board", b.page)
		var leave func()
		for range maxStreams {
			_, leave = look(t, f, "/console/board?live=1")
			defer leave()
		}
		synctest.Wait()
		if w := get(f, "/console/board?live=1"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d %v", w.Code, w.Header())
		}
		leave()
		lines, leave := look(t, f, "/console/board?live=1")
		defer leave()
		equal(t, texts(lines), "page one")
	})
}
