package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tripsaga/shared/fault"
)

const (
	maxStreams   = 100              // event streams at once
	feedPage     = 100              // events read at once
	heartbeat    = 15 * time.Second // between comments that keep an idle stream open
	writeTimeout = 10 * time.Second // after which a client that does not read is disconnected
)

type eventsInput struct {
	After       string `query:"after" maxLength:"40" pattern:"^(0|[a-z0-9]{1,16}-[1-9][0-9]{0,18})$" patternDescription:"the id of an event, such as k7f3qxw2ab-42, or 0 for the beginning" doc:"Only events after the one with this id."`
	Follow      bool   `query:"follow" default:"true" doc:"false ends the stream after the existing events."`
	LastEventID string `header:"Last-Event-ID" maxLength:"40" pattern:"^(0|[a-z0-9]{1,16}-[1-9][0-9]{0,18})$" patternDescription:"the id of an event, such as k7f3qxw2ab-42" doc:"The same as after, sent by browsers when they reconnect. It takes precedence over after."`

	head bool // a HEAD request: the client wants the headers alone
}

// Resolve stores the method, which a handler cannot see otherwise.
func (in *eventsInput) Resolve(hc huma.Context) []error {
	in.head = hc.Method() == http.MethodHead
	return nil
}

// place returns after which event the stream begins.
func (a *api) place(in *eventsInput) (after uint64, err error) {
	id := cmp.Or(in.LastEventID, in.After, "0")
	if id == "0" {
		return 0, nil
	}
	return a.Feed.Place(id)
}

func (a *api) eventRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "follow-events", Method: http.MethodGet, Path: "/events", Summary: "Follow the domain events",
		Description: "Server-sent events: id is the event's place in the feed, event its type, data its JSON. An id that does not belong to " +
			"this feed, for example after a restore of an older copy, is a conflict: read the feed from its beginning.",
		Tags: []string{"events"}, Errors: []int{403, 409, 503},
		Responses: map[string]*huma.Response{"200": {
			Description: "Events and comments in the format of the HTML standard, in UTF-8. A comment every 15 seconds keeps the stream open. An id is the " +
				"epoch of the feed, a hyphen and an increasing number.",
			Content: map[string]*huma.MediaType{"text/event-stream": {
				Schema:  &huma.Schema{Type: huma.TypeString, Pattern: "^: connected\\nretry: [0-9]+\\n\\n"},
				Example: exampleStream,
			}},
		}},
	}, a.events)
}

const exampleStream = ": connected\nretry: 1000\n\nid: k7f3qxw2ab-42\nevent: TripConfirmed\n" +
	`data: {"id":"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a","type":"TripConfirmed","trip_id":"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a",` +
	`"at":"2027-03-01T09:30:00Z"}` + "\n\n"

// noFeed answers if there is no feed. It is not an operation of the API, so the API's description does not include it.
func noFeed(w http.ResponseWriter, _ *http.Request) {
	newProblem(http.StatusNotFound, nameNoFeed,
		"this deployment has no feed of events: they are on its event bus, to which a rule subscribes").write(w)
}

func (a *api) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	after, err := a.place(in)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	changed := a.Feed.Changed()
	first, err := a.Feed.Events(ctx, after, feedPage)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	if in.head {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			_, w := humago.Unwrap(hc)
			streamHeaders(w.Header())
		}}, nil
	}
	select {
	case a.streams <- struct{}{}:
	default:
		Refused(ctx, ReasonStreams)
		return nil, newProblem(http.StatusServiceUnavailable, fault.NameUnavailable,
			fmt.Sprintf("%d event streams are open already", maxStreams))
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer func() { <-a.streams }()
		r, w := humago.Unwrap(hc)
		s := &stream{EventStream: NewEventStream(w, r), feed: a.Feed, after: after, once: !in.Follow}
		defer s.Close()
		if err := s.run(r.Context(), first, changed); err != nil && r.Context().Err() == nil {
			a.Log.WarnContext(ctx, "event stream ended", "error", err)
		}
	}}, nil
}

// stream is one client that is following the feed.
type stream struct {
	*EventStream
	feed  Feed
	after uint64
	once  bool // end where the feed ends
}

// run sends events until the client disconnects, the server shuts down or the feed fails. The caller must get changed
// before it reads first, or an event between the two would be sent only with the next one.
func (s *stream) run(ctx context.Context, first []FeedEvent, changed <-chan struct{}) error {
	if err := s.Open(); err != nil {
		return err
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for events := first; ; {
		if err := s.send(events); err != nil {
			return err
		}
		if len(events) < feedPage && (s.once || !s.wait(ctx, changed, tick.C)) {
			return nil
		}
		if ctx.Err() != nil || closing(ctx) {
			return nil
		}
		var err error
		changed = s.feed.Changed()
		if events, err = s.feed.Events(ctx, s.after, feedPage); err != nil {
			return err
		}
	}
}

func (s *stream) send(events []FeedEvent) error {
	var buf []byte
	for _, e := range events {
		data, err := json.Marshal(e.Event)
		if err != nil {
			return fmt.Errorf("rest: event %d: %w", e.Seq, err)
		}
		buf = fmt.Appendf(buf, "id: %s\nevent: %s\ndata: %s\n\n", s.feed.ID(e.Seq), e.Event.Type, data)
		s.after = e.Seq
	}
	if buf == nil {
		return nil
	}
	return s.Write(string(buf))
}

// wait reports whether there may be new events; false ends the stream.
func (s *stream) wait(ctx context.Context, changed <-chan struct{}, tick <-chan time.Time) bool {
	for {
		select {
		case <-changed:
			return true
		case <-tick:
			if s.Write(": heartbeat\n\n") != nil {
				return false
			}
		case <-ctx.Done():
			return false
		case <-s.Done():
			return false
		}
	}
}
