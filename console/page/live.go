package page

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers/rest"
)

// Live describes when a page changes. Each field is optional; a page without Changed and Every is rendered once.
type Live struct {
	// Changed returns a channel that is closed when there is something newer than this call.
	Changed func() <-chan struct{}
	// Every is the interval in which the page is looked at without a change, for what nothing announces.
	Every time.Duration
	// Version returns a text that differs when the page differs. The page is rendered only then. It must be cheap.
	Version func(context.Context) (string, error)
}

const (
	maxStreams = 200 // live pages concurrently
	// maxRenderings is how many of them are rendered concurrently; the others wait, for they are pages that are shown already.
	maxRenderings = 2
	restful       = 200 * time.Millisecond // least time between two renderings of one live page
	// busyness bounds the share of one processor that the renderings of all live pages take together: 1/busyness.
	busyness  = 10
	heartbeat = 15 * time.Second
	// renderTime bounds one rendering.
	renderTime = 10 * time.Second
)

// stream renders the page whenever it changes and sends what is new, until the client leaves or the server ends.
func (f *Frame) stream(w http.ResponseWriter, r *Request, h Handler) {
	select {
	case f.streams <- struct{}{}:
		defer func() { <-f.streams }()
	default:
		rest.Refused(r.Context(), rest.ReasonStreams)
		f.fail(w, r, fault.New(fault.Unavailable, fault.NameUnavailable, "%d live pages are open already", maxStreams))
		return
	}
	f.headers(w)
	s := rest.NewEventStream(w, r.Request)
	defer s.Close()
	l := &livePage{frame: f, stream: s, w: w, r: r, handler: h}
	if s.Open() != nil {
		return
	}
	l.shared = f.share(r)
	defer f.unshare(r)
	l.run()
}

// shared is the last rendering of a live page for everybody who has it open. It is not older than what they wait for: the
// order of renderings and of what was noticed is that of the frame's clock.
type shared struct {
	viewers int // guarded by the frame

	took atomic.Int64 // nanoseconds

	turn  chan struct{} // holds what is below
	began uint64        // 0: not rendered yet
	live  *Live
	// version is that of this rendering or of an older one.
	version string
	// changed is closed when there is something newer than this rendering.
	changed <-chan struct{}
	main    []byte // with the mark of tokens
	event   []byte // of main, if it has no token
}

func (r *Request) shareKey() string { return string(r.Lang) + r.URL.RequestURI() }

func (f *Frame) share(r *Request) *shared {
	f.sharing.Lock()
	defer f.sharing.Unlock()
	s := f.shared[r.shareKey()]
	if s == nil {
		s = &shared{turn: make(chan struct{}, 1)}
		f.shared[r.shareKey()] = s
	}
	s.viewers++
	return s
}

func (f *Frame) unshare(r *Request) {
	f.sharing.Lock()
	defer f.sharing.Unlock()
	if s := f.shared[r.shareKey()]; s.viewers > 1 {
		s.viewers--
		return
	}
	delete(f.shared, r.shareKey())
}

// current reports whether nothing has changed since the rendering, as far as changes are announced.
func (s *shared) current() bool {
	if s.began == 0 || s.live == nil || s.live.Changed == nil || s.live.Every > 0 {
		return false
	}
	select {
	case <-s.changed:
		return false
	default:
		return true
	}
}

// pause is the least time between two renderings of the page.
func (f *Frame) pause(s *shared) time.Duration {
	f.sharing.Lock()
	defer f.sharing.Unlock()
	return max(restful, time.Duration(s.took.Load())*busyness*time.Duration(len(f.shared)))
}

// livePage is one open page.
type livePage struct {
	frame   *Frame
	stream  *rest.EventStream
	w       http.ResponseWriter
	r       *Request
	handler Handler

	sent    []byte
	version string
	shared  *shared
	noticed uint64 // when the page may have changed, in time of the frame's clock
}

func (l *livePage) run() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	l.noticed = l.frame.clock.Add(1)
	live, changed, ok := l.render(nil)
	for ok && live != nil {
		if ok = l.wait(live, changed, beat.C); ok {
			live, changed, ok = l.render(live)
		}
	}
	if !ok {
		return
	}
	l.stream.Write("event: end\ndata: {}\n\n") // so that the browser does not connect again
}

// render sends the page if it differs from what was sent. changed is closed when there is something newer than that. ok is
// false when the stream must end.
func (l *livePage) render(before *Live) (live *Live, changed <-chan struct{}, ok bool) {
	ctx, cancel := context.WithTimeout(l.r.Context(), renderTime)
	defer cancel()
	version := ""
	changed = before.changed() // before anything is read, so that no change is missed
	if before != nil && before.Version != nil && l.sent != nil {
		var err error
		version, err = before.Version(ctx)
		if err == nil && version == l.version {
			return before, changed, true
		}
	}
	s := l.shared
	if !l.enter(s.turn) {
		return nil, nil, false
	}
	if s.began <= l.noticed && !s.current() {
		if err := l.renew(before, version, changed); err != nil {
			<-s.turn
			return nil, nil, false
		}
	}
	live, changed, main, event := s.live, s.changed, s.main, s.event
	l.version = s.version
	<-s.turn
	if event == nil {
		main = l.frame.withTokens(l.w, l.r, main)
		event = pageEvent(main)
	}
	if bytes.Equal(main, l.sent) {
		return live, changed, true
	}
	l.sent = main
	return live, changed, l.stream.Write(string(event)) == nil
}

// enter takes a place, and reports false if the stream has to end first.
func (l *livePage) enter(places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-l.stream.Done():
	case <-l.r.Context().Done():
	}
	return false
}

// now is a channel that is closed.
var now = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// changed returns l's channel; of a page that was never rendered one that is closed, since nobody watched meanwhile.
func (l *Live) changed() <-chan struct{} {
	switch {
	case l == nil:
		return now
	case l.Changed == nil:
		return nil
	}
	return l.Changed()
}

// renew renders the page for everybody who has it open. It is not older than version and changed.
func (l *livePage) renew(before *Live, version string, changed <-chan struct{}) error {
	if !l.enter(l.frame.rendering) {
		return context.Canceled
	}
	defer func() { <-l.frame.rendering }()
	ctx, cancel := context.WithTimeout(l.r.Context(), renderTime)
	defer cancel()
	s, r := l.shared, &Request{Request: l.r.WithContext(ctx), Lang: l.r.Lang}
	began, start := l.frame.clock.Add(1), time.Now()
	p, err := l.frame.make(r, l.handler)
	if err != nil {
		if before == nil || l.r.Context().Err() != nil {
			return err // the browser, if it is still there, connects again
		}
		p = l.frame.failed(r, err)
		p.Live = before
	}
	main, err := l.frame.render(r, p)
	if err != nil {
		l.frame.log.ErrorContext(ctx, "a live page could not be rendered", "path", r.URL.Path, "error", err)
		return err
	}
	switch {
	case p.Live == nil || p.Live.Changed == nil:
		changed = nil
	case changed == nil:
		changed = now
	}
	s.took.Store(int64(time.Since(start)))
	s.began, s.live, s.version, s.changed, s.main, s.event = began, p.Live, version, changed, main, nil
	if !hasTokens(main) {
		s.event = pageEvent(main)
	}
	return nil
}

// pageEvent is the event that sends the page.
func pageEvent(main []byte) []byte {
	var out bytes.Buffer
	out.WriteString("event: page\ndata: ")
	e := json.NewEncoder(&out) // ends with a line break
	e.SetEscapeHTML(false)
	e.Encode(string(main)) // a string can be encoded
	out.WriteString("\n")
	return out.Bytes()
}

// wait returns true when the page may have changed, and not before a pause since the last rendering.
func (l *livePage) wait(live *Live, changed <-chan struct{}, beat <-chan time.Time) bool {
	var tick <-chan time.Time
	if live.Every > 0 {
		tick = time.After(live.Every)
	}
	pause := time.After(l.frame.pause(l.shared))
	due := false
	notice := func() {
		if !due {
			due, l.noticed = true, l.frame.clock.Add(1)
		}
	}
	for {
		select {
		case <-changed:
			changed = nil
			notice()
		case <-tick:
			tick = nil
			notice()
		case <-pause:
			pause = nil
		case <-beat:
			if l.stream.Write(": heartbeat\n\n") != nil {
				return false
			}
		case <-l.stream.Done():
			return false
		case <-l.r.Context().Done():
			return false
		}
		if due && pause == nil {
			return true
		}
	}
}
