package bench

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	"tripsaga/engine"
	"tripsaga/local"
)

// order is a request of the client's process to the server's, one JSON object per line.
type order struct {
	Offer    int // bookings to make room for; 0 asks for the usage
	Profiles Profiles
}

// message is an answer or a notification of the server's process, one JSON object per line.
type message struct {
	Addr  string `json:",omitempty"` // it serves
	Usage *Usage `json:",omitempty"`
	Done  bool   `json:",omitempty"` // of an offer
	Error string `json:",omitempty"`

	Ended  string `json:",omitempty"` // a trip, durably
	Failed string `json:",omitempty"` // why, if it did
}

// Server is the part of a server's process that a [Bench] with Server communicates with: it reports the end of each saga, so
// that the client need not poll for it over HTTP, and the resources that the process has used.
type Server struct {
	in   io.Reader
	out  io.Writer
	more chan struct{} // there is something pending

	mu      sync.Mutex
	pending []byte
}

// NewServer returns a server that reads orders from in, stops at its end, and writes messages to out.
func NewServer(in io.Reader, out io.Writer) *Server {
	return &Server{in: in, out: out, more: make(chan struct{}, 1)}
}

// WrapOnEnd reports the ends of sagas; it is for local.Options.
func (s *Server) WrapOnEnd(next local.OnEnd) local.OnEnd {
	return func(ctx context.Context, d engine.Description) error {
		err := next(ctx, d)
		s.say(message{Ended: d.Name, Failed: d.Error})
		return err
	}
}

// Serve reports the address of the API of sys and carries out orders. It calls stop when the input ends.
func (s *Server) Serve(ctx context.Context, sys *local.System, addr string, stop func()) {
	go s.write(ctx)
	go func() {
		defer stop()
		s.say(message{Addr: addr})
		var m meter
		for orders := json.NewDecoder(s.in); ; {
			var o order
			if orders.Decode(&o) != nil {
				return
			}
			var r message
			var err error
			if o.Offer > 0 {
				r.Done, err = true, offer(ctx, sys, o.Offer)
			} else {
				var u Usage
				u, err = m.read(sys, o.Profiles)
				r.Usage = &u
			}
			if err != nil {
				r = message{Error: err.Error()}
			}
			s.say(r)
		}
	}()
}

// say queues a message for write to send.
func (s *Server) say(r message) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // every message can be marshalled
	}
	s.mu.Lock()
	s.pending = append(append(s.pending, line...), '\n')
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// write sends all queued messages with one write.
func (s *Server) write(ctx context.Context) {
	var buffer []byte
	for {
		select {
		case <-s.more:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		buffer, s.pending = s.pending, buffer[:0]
		s.mu.Unlock()
		if _, err := s.out.Write(buffer); err != nil {
			return // the client is gone: in ends, too
		}
	}
}
