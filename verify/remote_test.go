package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/remote"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// service is a bank behind HTTP. It knows nothing of the saga's table.
type service struct {
	*httptest.Server
	mu      sync.Mutex
	charges map[string]int // by order
	refunds map[string]bool
}

func newService(charge func(s *service, id string)) *service {
	s := &service{charges: map[string]int{}, refunds: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var o order
		switch err := json.NewDecoder(r.Body).Decode(&o); {
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/refund":
			s.refunds[o.ID] = true
			s.charges[o.ID] = 0
		case o.Card == "bad":
			w.WriteHeader(http.StatusPaymentRequired)
			io.WriteString(w, `{"errorType":"Declined","errorMessage":"the card is declined"}`)
		default:
			charge(s, o.ID)
		}
	}))
	return s
}

// once charges an order once, and never after its refund.
func once(s *service, id string) {
	if s.charges[id] == 0 && !s.refunds[id] {
		s.charges[id]++
	}
}

// atHTTP is the sale whose charge and refund are endpoints.
func atHTTP(charge func(s *service, id string)) Saga {
	s := theSale()
	s.Refusals = nil
	s.Compensations = map[string]string{"Reserve": "Release"}
	s.Participants = func() (any, func()) {
		bank := newService(charge)
		return bank, bank.Close
	}
	s.Open = func(p *Program) map[string]engine.Task {
		url := p.Participants.(*service).URL
		tasks := (&sale{table: p.Table}).tasks()
		for name, path := range map[string]string{"Charge": "/charge", "Refund": "/refund"} {
			tasks[name] = p.Remote(name, remote.HTTP(url+path, nil))
		}
		return tasks
	}
	s.Rest = func(r Rest) error {
		bank := r.Participants.(*service)
		bank.mu.Lock()
		defer bank.mu.Unlock()
		for _, e := range r.Executions {
			var o order
			if err := json.Unmarshal(e.Input, &o); err != nil {
				return err
			}
			want := 0
			if e.Status == "SUCCEEDED" {
				want = 1
			}
			if got := bank.charges[o.ID]; got != want {
				return fmt.Errorf("sale %s is %s, and was charged %d times", e.Name, e.Status, got)
			}
		}
		return nil
	}
	return s
}

// TestRemote explores a saga with tasks at an HTTP service: one that is right, and two whose mistakes only Rest can see.
func TestRemote(t *testing.T) {
	for name, test := range map[string]struct {
		charge func(s *service, id string)
		detail string // "": it is right
		by     string // one of the schedules
	}{
		"once":                   {once, "", ""},
		"charges each delivery":  {func(s *service, id string) { s.charges[id]++ }, "was charged 2 times", "sold:A.Charge#1.reply=lost"},
		"charges after a refund": {func(s *service, id string) { s.charges[id] = 1 }, "is FAILED, and was charged 1 times", "=late@"},
	} {
		t.Run(name, func(t *testing.T) {
			s := atHTTP(test.charge)
			s.Scenarios = s.Scenarios[:1]
			if strings.Contains(name, "refund") { // else it takes two faults
				s.Definition = []byte(strings.Replace(saleDefinition, `"Declined", "StepCancelled"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}`,
					`"States.ALL"], "MaxAttempts": 0}`, 1))
			}
			r, _ := exploreSaga(t, s)
			if test.detail == "" {
				if r.Found > 0 || r.Schedules < 200 {
					t.Errorf("%d schedules, %v: %v", r.Schedules, r.Broken, r.Violations[:min(r.Found, 3)])
				}
				return
			}
			if !slices.ContainsFunc(r.Violations, func(v Violation) bool {
				return v.Invariant == userRest && strings.Contains(v.Detail, test.detail) && strings.Contains(v.ID, test.by)
			}) {
				t.Errorf("%d schedules, %v, none is %q by %s", r.Schedules, r.Broken, test.detail, test.by)
			}
		})
	}
}

// played plays a schedule.
func played(t *testing.T, s Saga, id string) *world.Result {
	t.Helper()
	p, err := s.prepare()
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Subject: p.subject()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	schedule, err := p.subject().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Run(t.Context(), schedule)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRemoteOrder: the order of two deliveries to a participant counts, and each changes the state of the schedule. What is left
// out of pairs depends on both.
func TestRemoteOrder(t *testing.T) {
	r := played(t, atHTTP(once), "sold")
	at := slices.IndexFunc(r.Points, func(p world.Point) bool { return p.Label.String() == "A.Charge#1.remote1" })
	if at < 0 || r.States[at] == r.States[at+1] {
		t.Fatalf("point %d of %d", at, len(r.Points))
	}
	call := world.TouchedAt(r.Points[at : at+1])
	if again := played(t, atHTTP(once), "sold:A.Charge#1=twice"); !slices.ContainsFunc(again.Points, func(p world.Point) bool {
		return p.Label.String() == "A.Charge+#1.remote1" && p.Meets(call)
	}) {
		t.Errorf("the second delivery and the first do not conflict, or is not there: %v", again.Points)
	}
}

// TestRemoteWithoutAnswer: a participant that does not answer where nothing goes wrong is named before anything is explored, and
// nothing waits for it.
func TestRemoteWithoutAnswer(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for want, endpoint := range map[string]http.HandlerFunc{
		"Charge has not answered within 50ms": func(http.ResponseWriter, *http.Request) { <-hang },
		"EOF":                                 func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
		`is not JSON: "fine"`:                 func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") },
		"has more than 262144 bytes": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `"`+strings.Repeat("x", 10<<20)+`"`)
		},
		"HTTP.404": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
	} {
		s := atHTTP(once)
		if strings.Contains(want, "50ms") {
			s.Patience = 50 * time.Millisecond
		}
		s.Participants = func() (any, func()) {
			server := httptest.NewServer(endpoint)
			return &service{Server: server}, server.CloseClientConnections
		}
		p, err := s.prepare()
		if err != nil {
			t.Fatal(err)
		}
		err = p.play(t.Context(), world.Config{Subject: p.subject()})
		if err == nil || !strings.HasPrefix(err.Error(), "scenario sold: Charge ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestRemoteHangs: one that hangs when a delivery is repeated is a violation of those schedules, which end.
func TestRemoteHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		s := theSale()
		s.Participants = func() (any, func()) { return new(int), nil }
		s.Open = func(p *Program) map[string]engine.Task {
			tasks := (&sale{p.Table, called{booked{p.Outside}, p}}).tasks()
			tasks["Charge"] = p.Remote("Charge", func(context.Context, json.RawMessage) (json.RawMessage, error) {
				if n := p.Participants.(*int); *n > 0 {
					<-hang // whatever its context says
				} else {
					*n++
				}
				return nil, nil
			})
			return tasks
		}
		for id, want := range map[string]bool{"sold": false, "sold:A.Charge#1=twice": true} {
			r := played(t, s, id)
			if r.Stuck != want || slices.ContainsFunc(r.Violations, func(v judge.Violation) bool { return v.Invariant == participantAnswers }) != want {
				t.Errorf("%s: %t, %v", id, r.Stuck, r.Violations)
			}
		}
	})
}
