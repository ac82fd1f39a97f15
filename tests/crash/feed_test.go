package crash

import (
	"fmt"
	"strings"
	"testing"

	"tripsaga/trip/client"
	"tripsaga/trip/domain"
)

// feed is one follower of GET /events over all lives of the servers. Its place is the number of events that it has.
type feed struct {
	events []domain.Event
	ids    map[string]bool
	last   string // the id of the last event, 0 before the first
}

func newFeed() *feed { return &feed{ids: map[string]bool{}, last: "0"} }

// follow reads on from the last event until the server is gone, and passes each event on.
func (f *feed) follow(t *testing.T, s *server, each func(domain.Event)) {
	err := s.api(t).Events(t.Context(), f.last, true, func(e client.Event) error {
		f.take(t, e)
		each(e.Event)
		return nil
	})
	if err != nil && !client.NoAnswer(err) {
		t.Error(err)
	}
}

// catchUp reads what is there.
func (f *feed) catchUp(t *testing.T, s *server) {
	t.Helper()
	err := s.api(t).Events(t.Context(), f.last, false, func(e client.Event) error {
		f.take(t, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// take wants the next event: neither a gap nor a repetition.
func (f *feed) take(t *testing.T, e client.Event) {
	if want := fmt.Sprint("-", len(f.events)+1); !strings.HasSuffix(e.Place, want) {
		t.Errorf("event %s follows, want one that ends in %s", e.Place, want)
	}
	f.last = e.Place
	if f.ids[e.ID] {
		t.Errorf("event %s, %s of trip %s, was there before under another number", e.Place, e.Type, e.TripID)
	}
	f.ids[e.ID] = true
	f.events = append(f.events, e.Event)
}

// rereads wants the whole feed, read again, to be what was followed piece by piece.
func (f *feed) rereads(t *testing.T, s *server) {
	t.Helper()
	again := newFeed()
	again.catchUp(t, s)
	if len(again.events) != len(f.events) {
		t.Fatalf("the feed has %d events, followed were %d", len(again.events), len(f.events))
	}
	for i, e := range again.events {
		if e != f.events[i] {
			t.Errorf("event %d was %+v when it was followed, and is %+v", i+1, f.events[i], e)
		}
	}
}

// tells wants each trip's events to be possible: requested first, its end last, nothing twice.
func (f *feed) tells(t *testing.T, trips map[string]domain.Status) {
	t.Helper()
	of := map[string][]domain.EventType{}
	for _, e := range f.events {
		of[e.TripID] = append(of[e.TripID], e.Type)
	}
	for id, status := range trips {
		events := of[id]
		last := map[domain.Status]domain.EventType{domain.Confirmed: domain.TripConfirmed, domain.Failed: domain.TripFailed}[status]
		if len(events) < 2 || events[0] != domain.TripRequested || events[len(events)-1] != last {
			t.Errorf("trip %s is %s and announced %v", id, status, events)
		}
		once := map[domain.EventType]bool{}
		for _, e := range events {
			if once[e] {
				t.Errorf("trip %s announced %s twice: %v", id, e, events)
			}
			once[e] = true
		}
		delete(of, id)
	}
	for id, events := range of {
		t.Errorf("trip %s announced %v and is not in the list", id, events)
	}
}
