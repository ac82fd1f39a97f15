package shape

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tripsaga/local/rie"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
	"tripsaga/trip/functions"
)

// LoadDemoInventoryOnce loads the demo inventory, over the API, into a table that never had one, and completes a load
// that was cut off.
func (s *System) LoadDemoInventoryOnce(ctx context.Context) (loaded bool, err error) {
	offers, err := inventory.Demo()
	if err != nil {
		return false, err
	}
	last, err := store.NewInventory(s.Table).LastLoad(ctx)
	if err != nil || last.Complete || (last != domain.LoadState{} && last.Fingerprint != offers.Fingerprint) {
		return false, err
	}
	err = s.load(ctx, inventory.DemoFile())
	return err == nil, err
}

// loadTries bounds how often a load is taken up again that the function's time-out cut off: each goes on where the one
// before stopped.
const loadTries = 10

func (s *System) load(ctx context.Context, csv []byte) (err error) {
	for range loadTries {
		var status int
		if status, err = s.tryLoad(ctx, csv); status != http.StatusServiceUnavailable {
			return err
		}
	}
	return err
}

// tryLoad returns the answer's status: Service Unavailable for a load that was cut off, too.
func (s *System) tryLoad(ctx context.Context, csv []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/inventory", bytes.NewReader(csv))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "text/csv")
	payload, err := json.Marshal(requestEvent(r, csv, time.Now()))
	if err != nil {
		return 0, err
	}
	reply, err := s.Functions.Invoke(ctx, rie.Request{Function: functions.API, Payload: payload})
	var failed *rie.FunctionError
	if errors.As(err, &failed) && failed.Type == rie.ErrorTimedOut {
		return http.StatusServiceUnavailable, fmt.Errorf("loading the demo inventory: %w", err)
	}
	if err != nil {
		return 0, fmt.Errorf("loading the demo inventory: %w", err)
	}
	var a events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(reply, &a); err != nil {
		return 0, fmt.Errorf("loading the demo inventory: %w", err)
	}
	if a.StatusCode != http.StatusOK {
		return a.StatusCode, fmt.Errorf("loading the demo inventory: status %d: %s", a.StatusCode, a.Body)
	}
	return a.StatusCode, nil
}
