package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"tripsaga/aws/functions"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

const samples = "../../events"

// sample is the event of a function in the folder events.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sampleTrip is the trip of all sample events.
const sampleTrip = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"

// of returns the event for another trip.
func of(trip string, event []byte) []byte {
	return bytes.ReplaceAll(event, []byte(sampleTrip), []byte(trip))
}

func TestEveryFunctionHasASampleEvent(t *testing.T) {
	files, err := filepath.Glob(samples + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = strings.TrimSuffix(filepath.Base(files[i]), ".json")
	}
	if want := functions.Names(); !slices.Equal(files, want) {
		t.Errorf("events has %q, the functions are %q", files, want)
	}
}

// TestTheTasksSampleEvents compares them with what the definitions send.
func TestTheTasksSampleEvents(t *testing.T) {
	for name, payload := range payloads(t) {
		var text bytes.Buffer
		if err := json.Indent(&text, payload, "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(samples, name+".json"), text.String()+"\n")
	}
}

// payloads carries out sagas by their definitions, and returns the first payload of every task.
func payloads(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	v, sent := sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)), map[string]json.RawMessage{}
	unpayable := false // a payment fails, and nobody knows how far it got
	sys, err := local.Open(t.Context(), local.Options{
		Scheduler: v, Random: rand.NewChaCha8([32]byte{}), Seed: func() uint64 { return 1 },
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			wrapped := map[string]engine.Task{}
			for name, task := range tasks {
				wrapped[name] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					info, _ := engine.InfoOf(ctx)
					if sent[name] == nil {
						sent[name] = bytes.ReplaceAll(bytes.ReplaceAll(in, []byte(info.Execution), []byte(sampleTrip)),
							[]byte("states:local:000000000000"), []byte("states:eu-west-1:123456789012"))
					}
					if unpayable && name == "ProcessPayment" {
						return nil, &engine.TaskError{Name: "Runtime.ExitError"}
					}
					return task(ctx, in)
				}
			}
			return wrapped
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close(context.WithoutCancel(t.Context())) })
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := sys.API(slog.New(slog.DiscardHandler))
	post := func(path, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
		}
		v.Run()
		return w.Header().Get("Location")
	}
	trip := post("/trips", booking)
	post(trip+"/cancel", "")
	post("/trips", strings.Replace(booking, "tok_ok", "tok_declined", 1))
	post("/trips", strings.Replace(booking, "JL317", "ZZ999", 1)) // no such flight
	unpayable = true
	post("/trips", booking)
	if missing := slices.DeleteFunc(functions.All(), func(f functions.Function) bool { return !f.Task || sent[f.Name] != nil }); len(missing) > 0 {
		t.Fatalf("no saga has called %v", missing)
	}
	return sent
}

// TestTheSampleEventsWork delivers each to its function, as a person does who puts the id of a real trip into it.
func TestTheSampleEventsWork(t *testing.T) {
	w := newWorld(t)
	deliver := func(trip, name, kind string) {
		t.Helper()
		_, err := dispatch()[name](w.system)(t.Context(), of(trip, sample(t, name)))
		var failure messages.InvokeResponse_Error
		if errors.As(err, &failure); err != nil && failure.Type != kind || err == nil && kind != "" {
			t.Errorf("%s: %v, want %q", name, err, kind)
		}
	}
	delivered := map[string]bool{}
	walk := func(trip string, want domain.Status, names ...string) {
		t.Helper()
		for _, name := range names {
			name, kind, _ := strings.Cut(name, "=")
			deliver(trip, name, kind)
			delivered[name] = true
		}
		if got := w.trip(t, trip).Status(); got != want {
			t.Errorf("after %q the trip is %s, want %s", names, got, want)
		}
	}

	booked := w.book(t)
	walk(booked, domain.Confirmed, "ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed")
	if _, err := w.app.CancelTrip(t.Context(), booked, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	walk(booked, domain.Cancelled, "CancelHotel", "CancelFlight", "RefundBooking", "BookingCancelled")
	walk(w.book(t), domain.Failed, "ReserveFlight", "RefundPayment", "CancelHotel", "CancelFlight", "BookingFailed=BookingFailed")
	walk(w.book(t), domain.Failed, "FlightBookingFailed=FlightBookingFailed")
	for _, f := range functions.All() {
		if f.Task && !delivered[f.Name] {
			t.Errorf("%s is not delivered", f.Name)
		}
	}
}

func TestTheOtherSampleEventsWork(t *testing.T) {
	w := newWorld(t)
	invoke := func(name string, event []byte, want string) {
		t.Helper()
		reply, err := dispatch()[name](w.system)(t.Context(), event)
		if err != nil || !strings.Contains(string(reply), want) {
			t.Errorf("%s: %s, %v; want %s", name, reply, err, want)
		}
	}
	invoke(functions.API, sample(t, functions.API), `"statusCode":202`)
	invoke(functions.OutboxRelay, sample(t, functions.OutboxRelay), `"type":"TripConfirmed"`)
	w.now = w.now.Add(3 * time.Minute)
	invoke(functions.Reconciler, sample(t, functions.Reconciler), `"started":1`)

	trip := w.book(t)
	w.stands("FAILED", "0", "Conflict")
	invoke(functions.ExecutionListener, of(trip, sample(t, functions.ExecutionListener)), "null")
	if got := w.trip(t, trip).Status(); got != domain.NeedsAttention {
		t.Errorf("after news of its saga the trip is %s", got)
	}

	// The hook needs a deployment. So it is only read.
	var hook hookEvent
	if err := json.Unmarshal(sample(t, functions.PreTraffic), &hook); err != nil || hook.DeploymentID == "" || hook.HookID == "" {
		t.Errorf("%+v, %v", hook, err)
	}
}
