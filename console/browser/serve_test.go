package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"tripsaga/console"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// server is a served system with the demo inventory.
type server struct {
	*testing.T
	sys  *local.System
	base string // its address
	now  func() time.Time
}

func serve(t *testing.T, opt local.Options) *server {
	t.Helper()
	sys, err := local.Open(t.Context(), opt)
	if err == nil {
		_, err = sys.KeepDemoInventory(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close(context.Background()) })
	s := &server{T: t, sys: sys, now: sys.App.Now}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.base = "http://" + listener.Addr().String()
	h := rest.Server(handler(sys))
	go h.Serve(listener)
	t.Cleanup(func() { h.Close() })
	return s
}

// handler is what the command serves.
func handler(sys *local.System) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return rest.Guard(console.New(sys.API(log), console.Options{
		UseCases: sys.UseCases(log), LatestEvents: sys.LatestEvents, Sagas: sys.Sagas(), Now: sys.App.Now, Cost: price,
	}), nil)
}

// begin is the first moment of virtual time.
var begin = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// serveVirtual serves a system whose sagas run only when the test steps or runs the time. Faults is a plan of engine/sim.
func serveVirtual(t *testing.T, faults string) (*server, *sim.Virtual) {
	t.Helper()
	plan, err := sim.ParsePlan(faults)
	if err != nil {
		t.Fatal(err)
	}
	v := sim.NewVirtual(begin)
	return serve(t, local.Options{
		Scheduler: v, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task { return sim.Tasks(tasks, v, plan.Decide) },
	}), v
}

// booking is a trip to book; "" takes what is always left.
type booking struct {
	name, email, card string
	flight, hotel     string
	rooms             int
}

// body is the request for it.
func (b booking) body(day time.Time) string {
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	date := func(days int) string { return day.AddDate(0, 0, days).Format(time.DateOnly) }
	data, err := json.Marshal(map[string]any{
		"traveler": map[string]any{"name": or(b.name, "Ada Lovelace"), "email": or(b.email, "ada@example.com")},
		"flight":   map[string]any{"number": or(b.flight, "JL5"), "date": date(30), "seats": 1},
		"hotel":    map[string]any{"id": or(b.hotel, "TYO-PARK"), "check_in": date(30), "check_out": date(32), "rooms": max(b.rooms, 1)},
		"payment":  map[string]any{"card_token": or(b.card, "tok_ok")},
		"currency": "JPY",
	})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// book books by the API and returns the trip's id.
func (s *server) book(b booking) string {
	s.Helper()
	answer, err := http.Post(s.base+"/trips", "application/json", strings.NewReader(b.body(s.now())))
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		s.Fatalf("the booking is answered with %s", answer.Status)
	}
	return path.Base(answer.Header.Get("Location"))
}

// inView is the expression that an element is on the screen.
func inView(selector string) string {
	return fmt.Sprintf(`(r => r.top >= 0 && r.top < innerHeight)(document.querySelector(%s).getBoundingClientRect())`, js(selector))
}

// row is the selector of a trip in a list.
func row(id string) string { return fmt.Sprintf(`tr[id="%s"]`, id) }

// price replaces the prices of the AWS wing, which may be deleted.
func price(_, _ bool, transitions int) (console.Cost, error) {
	return console.Cost{TransitionsUSD: float64(transitions) * 0.000025, WriteUnits: 23, WritesUSD: 0.00001, Region: "us-east-1", AsOf: "2026-11"}, nil
}
