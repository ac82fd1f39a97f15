package stripedouble

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Event is an event as a webhook receives it.
type Event struct {
	Type string
	Body []byte
}

// event returns an event about an object. The caller holds mu.
func (d *Double) event(kind string, object any) Event {
	body, err := json.Marshal(map[string]any{
		"id": d.id("evt"), "object": "event", "api_version": "2019-01-01", // the account's default, perhaps an old one
		"created": d.Now().Unix(), "type": kind, "data": map[string]any{"object": object},
	})
	if err != nil {
		panic(err) // the double's own types
	}
	return Event{kind, body}
}

// Sign returns the Stripe-Signature header of a body that is sent at a time.
func Sign(body []byte, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Request returns the request that delivers the event to url.
func (e Event) Request(url, secret string, at time.Time) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(e.Body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Stripe-Signature", Sign(e.Body, secret, at))
	return r
}
