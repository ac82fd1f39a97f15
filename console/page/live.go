package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers/rest"
)

// Live says when a page changes. Each field is optional; a page without Changed and Every is rendered once.
type Live struct {
	// Changed returns a channel that is closed when there is something newer than this call.
	Changed func() <-chan struct{}
	// Every is the interval in which the page is looked at without a change, for what nothing announces.
	Every time.Duration
	// Version returns a text that differs when the page differs. The page is rendered only then. It must be cheap.
	Version func(context.Context) (string, error)
}

const (
	maxStreams = 200                    // live pages at once
	restful    = 200 * time.Millisecond // least time between two renderings of one live page
	// busyness bounds the share of one processor that all live pages take together: 1/busyness.
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
	l.run()
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
	took    time.Duration // for the last rendering
}

func (l *livePage) run() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	live, ok := l.render(nil)
	for ok && live != nil {
		// Taken before the page is rendered, so that a change in between is not missed.
		var changed <-chan struct{}
		if live.Changed != nil {
			changed = live.Changed()
		}
		if live, ok = l.render(live); ok && live != nil {
			ok = l.wait(live, changed, beat.C)
		}
	}
	if !ok {
		return
	}
	l.stream.Write("event: end\ndata: {}\n\n") // so that the browser does not connect again
}

// render sends the page if it differs from what was sent. ok is false when the stream must end.
func (l *livePage) render(before *Live) (live *Live, ok bool) {
	ctx, cancel := context.WithTimeout(l.r.Context(), renderTime)
	defer cancel()
	defer func(start time.Time) { l.took = time.Since(start) }(time.Now())
	if before != nil && before.Version != nil && l.sent != nil {
		v, err := before.Version(ctx)
		if err == nil && v == l.version {
			return before, true
		}
		l.version = v
	}
	r := &Request{Request: l.r.WithContext(ctx), Lang: l.r.Lang}
	p, err := l.frame.make(r, l.handler)
	if err != nil {
		if before == nil || l.r.Context().Err() != nil {
			return nil, false // the browser, if it is still there, connects again
		}
		p = l.frame.failed(r, err)
		p.Live = before
	}
	main, err := l.frame.main(l.w, r, p)
	if err != nil {
		l.frame.log.ErrorContext(ctx, "a live page could not be rendered", "path", r.URL.Path, "error", err)
		return nil, false
	}
	if bytes.Equal(main, l.sent) {
		return p.Live, true
	}
	l.sent = main
	data, _ := json.Marshal(string(main))
	return p.Live, l.stream.Write(fmt.Sprintf("event: page\ndata: %s\n\n", data)) == nil
}

// wait returns true when the page may have changed, and not before a pause since the last rendering.
func (l *livePage) wait(live *Live, changed <-chan struct{}, beat <-chan time.Time) bool {
	var tick <-chan time.Time
	if live.Every > 0 {
		tick = time.After(live.Every)
	}
	pause := time.After(max(restful, l.took*busyness*time.Duration(len(l.frame.streams))))
	due := false
	for {
		select {
		case <-changed:
			changed, due = nil, true
		case <-tick:
			tick, due = nil, true
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
