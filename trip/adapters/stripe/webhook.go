package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
)

const (
	maxEvent  = 64 << 10         // bytes of an event
	hintLimit = 10 * time.Second // of a hint; Stripe waits somewhat longer
)

var webhookSecret = pattern.New(`^whsec_[!-~]{1,250}$`)

// Webhook returns the handler of Stripe's events. They are hints: hint is called with the trip of an event whose signature is
// valid and not older than five minutes, and nothing else of the event is used. Events come early, late, twice and out of
// order. Stripe repeats an event when hint is Unavailable. The error of a wrong secret does not repeat it.
func Webhook(secret string, hint func(ctx context.Context, tripID string) error) (http.Handler, error) {
	if !webhookSecret().MatchString(secret) {
		return nil, errors.New("the secret of Stripe's webhook is wrong: allowed is whsec_ and 1 to 250 characters without spaces, as Stripe shows it with the endpoint")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(receive(w, r, secret, hint))
	}), nil
}

// receive returns the status of the answer.
func receive(w http.ResponseWriter, r *http.Request, secret string, hint func(context.Context, string) error) int {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return http.StatusBadRequest
	}
	// An event of another API version has the same metadata.
	event, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), secret,
		webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil || event.Data == nil {
		return http.StatusBadRequest
	}
	var object struct {
		Metadata map[string]string `json:"metadata"`
	}
	if json.Unmarshal(event.Data.Raw, &object) != nil || object.Metadata[metaTrip] == "" {
		return http.StatusNoContent // not of a trip
	}
	ctx, cancel := context.WithTimeout(r.Context(), hintLimit)
	defer cancel()
	err = hint(ctx, object.Metadata[metaTrip])
	switch fault.KindOf(err) {
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		if err != nil {
			return http.StatusInternalServerError
		}
	}
	return http.StatusNoContent // also for a trip that is not known here
}
