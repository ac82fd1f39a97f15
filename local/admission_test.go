package local_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tripsaga/engine"
	"tripsaga/local"
	"tripsaga/trip/domain"
)

// TestRefusedAtOnceIsNeverStored lets many bookings in at the same moment, more than there are places.
func TestRefusedAtOnceIsNeverStored(t *testing.T) {
	gate := make(chan struct{})
	sys, err := local.Open(t.Context(), local.Options{MaxOpen: 3, WrapTasks: held(gate)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.LoadDemoInventoryOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := sys.API(slog.New(slog.DiscardHandler))
	var accepted, refused atomic.Int64
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			switch status, _, _ := call(t, api, "POST", "/trips", "", strings.Replace(happy, "CARD", "tok_ok", 1)); status {
			case http.StatusAccepted:
				accepted.Add(1)
			case http.StatusServiceUnavailable:
				refused.Add(1)
			default:
				t.Errorf("status %d", status)
			}
		})
	}
	clients.Wait()
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || int64(len(page.Items)) != accepted.Load() || accepted.Load() > 3 || accepted.Load() == 0 {
		t.Errorf("accepted %d, refused %d, stored %d, %v", accepted.Load(), refused.Load(), len(page.Items), err)
	}
	close(gate)
	if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// held lets no first step go on before the gate is open.
func held(gate <-chan struct{}) func(map[string]engine.Task) map[string]engine.Task {
	return func(tasks map[string]engine.Task) map[string]engine.Task {
		reserve := tasks["ReserveFlight"]
		tasks["ReserveFlight"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			<-gate
			return reserve(ctx, in)
		}
		return tasks
	}
}
