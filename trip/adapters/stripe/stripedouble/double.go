// Package stripedouble is a double of Stripe for tests: an http.Handler that keeps PaymentIntents, refunds and idempotency
// keys as Stripe's documentation describes them. It knows the calls of package stripe and no others.
package stripedouble

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Double is a double of Stripe. It is safe for concurrent use.
type Double struct {
	// Now returns the time of the double's clock.
	Now func() time.Time
	// Before, if set, is called at the beginning of each call and decides which fault happens. It may block.
	Before func(*http.Request) Fault
	// OnEvent, if set, is called with every event before the call is answered. The test delivers it: immediately, later, twice
	// or never.
	OnEvent func(Event)

	mu      sync.Mutex
	ids     int
	intents map[string]*intent
	methods map[string]string // token from which each PaymentMethod was made
	spent   map[string]bool   // single-use tokens
	keys    map[string]*stored
	active  map[string]bool // keys of running calls
}

// Fault is a fault of a call.
type Fault uint8

// The faults. The zero Fault means no fault.
const (
	Works     Fault = iota
	Fails           // an error 500, nothing done; it is stored under the key
	FailsLate       // an error 500 after it was done; it is stored under the key
	Lost            // done, and the reply is lost
	Locked          // an error 429 lock_timeout, nothing done
	Limited         // an error 429 rate_limit, nothing done
	Down            // an error 503 of a proxy in HTML
)

// New returns a double with empty books. now may be nil.
func New(now func() time.Time) *Double {
	if now == nil {
		now = time.Now
	}
	return &Double{
		Now: now, intents: map[string]*intent{}, methods: map[string]string{}, spent: map[string]bool{},
		keys: map[string]*stored{}, active: map[string]bool{},
	}
}

// answer is a reply.
type answer struct {
	status   int
	body     []byte
	replayed bool
}

func reply(v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the double's own types
	}
	return answer{status: http.StatusOK, body: body}
}

// problem is an error of Stripe.
type problem struct {
	Type          string  `json:"type"`
	Code          string  `json:"code,omitempty"`
	DeclineCode   string  `json:"decline_code,omitempty"`
	Param         string  `json:"param,omitempty"`
	Message       string  `json:"message"`
	PaymentIntent *intent `json:"payment_intent,omitempty"`
}

func (p problem) with(status int) answer {
	a := reply(struct {
		Error problem `json:"error"`
	}{p})
	a.status = status
	return a
}

func invalid(code, param, format string, args ...any) problem {
	return problem{Type: "invalid_request_error", Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.write(w, invalid("", "", "%v", err).with(http.StatusBadRequest))
		return
	}
	fault := Works
	if d.Before != nil {
		fault = d.Before(r)
	}
	a := d.call(r, fault)
	if fault == Lost {
		panic(http.ErrAbortHandler)
	}
	d.write(w, a)
}

func (d *Double) write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_double")
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// call authenticates the request, and answers with the stored answer of its key or does the work.
func (d *Double) call(r *http.Request, fault Fault) answer {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "rk_test_"):
		return problem{Type: "invalid_request_error", Message: "Invalid API Key provided: " + key}.with(http.StatusUnauthorized)
	case fault == Locked:
		return invalid("lock_timeout", "", "another request has the object").with(http.StatusTooManyRequests)
	case fault == Limited:
		return invalid("rate_limit", "", "too many requests").with(http.StatusTooManyRequests)
	case fault == Down:
		return answer{status: http.StatusServiceUnavailable, body: []byte("<html>down</html>")}
	case r.Method == http.MethodPost:
		return d.once(r, func() answer { return d.work(r, fault) })
	}
	return d.work(r, fault)
}

// work does the call under the lock, and sends its events after that.
func (d *Double) work(r *http.Request, fault Fault) answer {
	failure := problem{Type: "api_error", Message: "an error occurred at Stripe"}.with(http.StatusInternalServerError)
	if fault == Fails {
		return failure
	}
	d.mu.Lock()
	a, events := d.route(r.Method, strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/"), r.Form)
	d.mu.Unlock()
	if d.OnEvent != nil {
		for _, e := range events {
			d.OnEvent(e)
		}
	}
	if fault == FailsLate {
		return failure
	}
	return a
}

func (d *Double) route(method string, path []string, form url.Values) (answer, []Event) {
	post := method == http.MethodPost
	switch {
	case len(path) == 1 && path[0] == "payment_intents" && post:
		return d.create(form)
	case len(path) == 1 && path[0] == "payment_methods" && post:
		return d.createMethod(form), nil
	case len(path) == 1 && path[0] == "refunds" && post:
		return d.refund(form)
	case len(path) == 1 && path[0] == "refunds":
		return d.refunds(form), nil
	case len(path) < 2 || path[0] != "payment_intents":
		return invalid("", "", "unrecognized request URL").with(http.StatusNotFound), nil
	}
	in := d.intents[path[1]]
	switch {
	case in == nil:
		return invalid("resource_missing", "intent", "No such payment_intent: '%s'", path[1]).with(http.StatusNotFound), nil
	case len(path) == 2 && !post:
		return d.show(in, form), nil
	case len(path) == 3 && path[2] == "confirm" && post:
		return d.confirm(in, form)
	case len(path) == 3 && path[2] == "cancel" && post:
		return d.cancel(in)
	}
	return invalid("", "", "unrecognized request URL").with(http.StatusNotFound), nil
}

// id returns a new id. The caller holds mu.
func (d *Double) id(prefix string) string {
	d.ids++
	return fmt.Sprintf("%s_3Double%06d", prefix, d.ids)
}
