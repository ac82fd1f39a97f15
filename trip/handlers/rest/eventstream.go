package rest

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// EventStream is an answer of server-sent events. Only its writes have a time limit.
type EventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	ctx     context.Context
	stop    func() bool
	closing atomic.Bool
}

// NewEventStream makes the answer to r a stream. The caller must call Close before its handler returns.
func NewEventStream(w http.ResponseWriter, r *http.Request) *EventStream {
	s := &EventStream{w: w, control: http.NewResponseController(w), ctx: r.Context()}
	s.stop = context.AfterFunc(closingOf(s.ctx), s.hurry)
	return s
}

// Open sends the headers. It lifts the server's time limits, which are for short answers: an expired read deadline would
// cancel the request's context too.
func (s *EventStream) Open() error {
	s.control.SetReadDeadline(time.Time{}) // a recorder in a test does not support it and has no limits
	streaming(s.ctx)
	streamHeaders(s.w.Header())
	return s.Write(": connected\nretry: 1000\n\n")
}

func streamHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not buffer events
}

// Write sends text, which must consist of whole events or comments. It fails if the client does not read for 10 seconds.
func (s *EventStream) Write(text string) error {
	s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if s.closing.Load() {
		s.hurry()
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}

// Done is closed when the server begins to shut down. The stream must end then.
func (s *EventStream) Done() <-chan struct{} { return closed(s.ctx) }

// Close releases the connection.
func (s *EventStream) Close() { s.stop() }

// hurry limits the time for a client that does not read while the server shuts down.
func (s *EventStream) hurry() {
	s.closing.Store(true)
	s.control.SetWriteDeadline(time.Now().Add(bodyGrace))
}
