package capacity

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/aws/production"
	"tripsaga/aws/stepfunctions"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table/embedded"
	"tripsaga/trip/app"
	"tripsaga/trip/handlers"
	"tripsaga/trip/handlers/rest"
	"tripsaga/trip/saga"
	"tripsaga/trip/wire"
)

// Clients as they come: each books a trip and then reads it three times, before and after its end. That is four times more than
// reads of executions could serve.
const (
	bookingsASecond = 20
	bookings        = 30 * bookingsASecond
	stepTakes       = 300 * time.Millisecond
)

var pollsAfter = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}

// TestPolling counts, in virtual time, how clients are answered who poll their trips, under the quotas of Step Functions that
// everything in an account shares. Every trip is read, and no quota is used up by it.
func TestPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPolled(t)
		p.bookAndPoll(t, "")
		if want := map[string]int{"200 PENDING": 2 * bookings, "200 CONFIRMED": bookings}; !maps.Equal(p.answers, want) {
			t.Errorf("the polls were answered with %v, want %v", p.answers, want)
		}
		if want := map[string]int{"StartExecution": bookings}; !maps.Equal(p.calls, want) {
			t.Errorf("Step Functions was called %v, want %v", p.calls, want)
		}
	})
}

// TestPollingOfHistories uses a quota up. What is refused then is the client's to repeat, and no fault of the server.
func TestPollingOfHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPolled(t)
		p.bookAndPoll(t, "/history")
		t.Logf("answers %v, calls of Step Functions %v", p.answers, p.calls)
		if read, refused := p.answers["200"], p.answers["429"]; refused == 0 || read == 0 || read+refused != bookings*len(pollsAfter) {
			t.Errorf("the polls were answered with %v, want some 200, some 429 and no other", p.answers)
		}
	})
}

// polled is the API over Step Functions' stand-in, with the account's quotas.
type polled struct {
	api http.Handler
	sfn http.Handler

	engines []*engine.Engine
	mu      sync.Mutex
	answers map[string]int // by status of HTTP and, where it has one, of the trip
	calls   map[string]int // of Step Functions, by action
}

func openPolled(t *testing.T) *polled {
	p := &polled{answers: map[string]int{}, calls: map[string]int{}}
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, e := range p.engines {
			e.Close(context.Background())
		}
		store.Close()
	})
	s := service(store, store, sim.NewVirtual(time.Now()))
	s.Now, s.Random = time.Now, rand.Reader
	var machines []sfnapi.Machine
	for _, of := range saga.All() {
		e, err := engine.Open(t.Context(), engine.Options{
			Name: of.Name(), Definition: of.Definition(), Table: store, Tasks: slowly(s), Scheduler: goroutines{engine.RealTime},
		})
		if err != nil {
			t.Fatal(err)
		}
		p.engines = append(p.engines, e)
		machines = append(machines, sfnapi.Machine{ARN: engine.StateMachineID(of.Name()), Engine: e})
	}
	p.sfn = sfnapi.New(sfnapi.Options{Quotas: sfnapi.OtherRegions()}, machines...)
	sagas := stepfunctions.New(sfn.New(sfn.Options{
		Region: "local", BaseEndpoint: aws.String("http://localhost"), HTTPClient: p,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}), production.StateMachines())
	s.Starter = sagas
	load(t, s, strings.NewReplacer(", 40\n", ", 9000\n", ", 64\n", ", 9000\n").Replace(rush))
	p.api = rest.New(rest.Deps{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Book: s.BookOnce, Details: s.GetTrip, Executions: sagas})
	return p
}

// goroutines are new ones for each call: those that the engine keeps are of no one bubble.
type goroutines struct{ engine.Scheduler }

func (goroutines) Go(f func()) { go f() }

// slowly are the tasks, each of which takes its time.
func slowly(s *app.Service) map[string]engine.Task {
	all := map[string]engine.Task{}
	for name, handle := range handlers.New(s) {
		all[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			time.Sleep(stepTakes)
			return handle(ctx, input)
		}
	}
	return all
}

// Do calls Step Functions without a network.
func (p *polled) Do(r *http.Request) (*http.Response, error) {
	p.count(p.calls, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions."))
	r.Host = r.URL.Host // as a server sees it
	return ask(p.sfn, r), nil
}

func ask(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Result()
	answer.Request = r
	return answer
}

func (p *polled) count(what map[string]int, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what[key]++
}

// bookAndPoll lets all clients come, and reads what each polls at the path behind its trip's address.
func (p *polled) bookAndPoll(t *testing.T, path string) {
	body, err := json.Marshal(rushRequest)
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for range bookings {
		clients.Go(func() { p.client(t, body, path) })
		time.Sleep(time.Second / bookingsASecond)
	}
	clients.Wait()
}

func (p *polled) client(t *testing.T, booking []byte, path string) {
	var trip wire.Trip
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/trips", bytes.NewReader(booking))
	r.Header.Set("Content-Type", "application/json")
	if answer := ask(p.api, r); json.NewDecoder(answer.Body).Decode(&trip) != nil || answer.StatusCode != http.StatusAccepted {
		t.Errorf("a booking was answered with %s", answer.Status)
		return
	}
	booked := time.Now()
	for _, after := range pollsAfter {
		time.Sleep(time.Until(booked.Add(after)))
		var read wire.TripDetails
		answer := ask(p.api, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/trips/"+trip.ID+path, nil))
		json.NewDecoder(answer.Body).Decode(&read)
		p.count(p.answers, strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", read.Status)))
	}
}
