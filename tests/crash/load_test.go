package crash

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tripsaga/trip/domain"
)

// workers is how many clients book at once.
const workers = 8

// load is what clients do to one server until it is gone.
type load struct {
	t        *testing.T
	server   *server
	told     *told
	refusals int // a client gives up after so many answers 503; 0: there must be none

	accepted signal // after the first 202
	clients  sync.WaitGroup
}

// signal is given once.
type signal struct {
	ch   chan struct{}
	once sync.Once
}

func newSignal() signal { return signal{ch: make(chan struct{})} }

func (s *signal) give() { s.once.Do(func() { close(s.ch) }) }

func (l *load) start(rng *rand.Rand) {
	l.accepted = newSignal()
	for range workers {
		own := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
		l.clients.Go(func() { l.client(own) })
	}
}

// client books, repeats and reads until the server does not answer any more, or has refused too often.
func (l *load) client(rng *rand.Rand) {
	for refused := 0; ; {
		status, alive := l.step(rng)
		if !alive {
			return
		}
		if status == http.StatusServiceUnavailable {
			refused++
		}
		if refused > l.refusals {
			l.giveUp(refused)
			return
		}
	}
}

func (l *load) giveUp(refused int) {
	if l.refusals == 0 {
		l.t.Errorf("the server refused %d calls with 503", refused)
	}
}

// step is one call; alive is false when it was not answered.
func (l *load) step(rng *rand.Rand) (status int, alive bool) {
	switch rng.IntN(8) {
	case 0, 1:
		if b, ok := l.told.takeUnclear(); ok {
			return l.book(b)
		}
	case 2:
		if _, b, ok := l.told.any(rng); ok && b.key != "" {
			return l.book(b)
		}
	case 3:
		if id, _, ok := l.told.any(rng); ok {
			return l.read(id)
		}
	}
	return l.book(newBooking(rng))
}

func (l *load) book(b booking) (status int, alive bool) {
	request, err := http.NewRequest(http.MethodPost, l.server.url+"/trips", strings.NewReader(b.body))
	if err != nil {
		l.t.Error(err)
		return 0, false
	}
	request.Header.Set("Content-Type", "application/json")
	if b.key != "" {
		request.Header.Set("Idempotency-Key", b.key)
	}
	answer, err := l.server.http.Do(request)
	if err != nil {
		l.told.leave(b)
		return 0, false
	}
	defer answer.Body.Close()
	l.booked(b, answer)
	return answer.StatusCode, true
}

// booked judges an answer. Its head is enough: who has read 202 may count on the trip.
func (l *load) booked(b booking, answer *http.Response) {
	text, _ := io.ReadAll(answer.Body) // may be cut off
	switch answer.StatusCode {
	case http.StatusAccepted:
		id := strings.TrimPrefix(answer.Header.Get("Location"), "/trips/")
		if other := l.told.acknowledge(b, id); other != "" {
			l.t.Errorf("two bookings, with the keys %q and %q, made the trip %s", b.key, other, id)
		}
		l.accepted.give()
	case http.StatusServiceUnavailable:
		l.told.leave(b)
		l.clear(text)
	default:
		l.t.Errorf("a booking was answered with %d: %.300s", answer.StatusCode, text)
	}
}

// clear wants a refusal to be a problem that says something.
func (l *load) clear(text []byte) {
	var problem struct{ Name, Detail string }
	if err := json.Unmarshal(text, &problem); err != nil || problem.Name == "" || problem.Detail == "" {
		l.t.Errorf("a refusal says %.300q", text)
	}
}

// read wants a trip that was acknowledged to be there, and as it was read before once it has ended.
func (l *load) read(id string) (status int, alive bool) {
	answer, err := l.server.http.Get(l.server.url + "/trips/" + id)
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, false
	}
	switch answer.StatusCode {
	case http.StatusOK:
		l.told.compare(l.t, id, text)
	case http.StatusServiceUnavailable:
		l.clear(text)
	default:
		l.t.Errorf("trip %s was acknowledged, and GET gives %d: %.300s", id, answer.StatusCode, text)
	}
	return answer.StatusCode, true
}

func (d *told) compare(t *testing.T, id string, text []byte) {
	var trip struct{ Status domain.Status }
	if err := json.Unmarshal(text, &trip); err != nil {
		t.Errorf("trip %s: %v: %.300s", id, err, text)
		return
	}
	if before := d.read(id, trip.Status); before != "" && before != trip.Status {
		t.Errorf("trip %s was read as %s and is %s", id, before, trip.Status)
	}
}

// newBooking mixes what goes well with declined cards, lost replies of the bank, and places that are sold out soon; one
// in five has no key.
func newBooking(rng *rand.Rand) booking {
	cards := []string{
		"tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_ok",
		"tok_declined", "tok_declined", "tok_declined", "tok_insufficient_funds", "tok_timeout_before", "tok_timeout_after",
	}
	b := booking{body: fmt.Sprintf(`{"traveler": {"name": "Grace Hopper", "email": "grace@example.com"},
		"flight": {"number": %q, "date": %q, "seats": %d},
		"hotel": {"id": %q, "check_in": %q, "check_out": "2999-03-04", "rooms": %d},
		"payment": {"card_token": %q}, "currency": "USD"}`,
		flight(rng.IntN(places)), firstAt, 1+rng.IntN(3), hotel(rng.IntN(places)), firstAt, 1+rng.IntN(2), cards[rng.IntN(len(cards))])}
	if rng.IntN(5) > 0 {
		b.key = fmt.Sprintf("%x", rng.Uint64())
	}
	return b
}

// offer loads what can be booked: of every second flight and hotel little, so that it sells out.
func offer(t *testing.T, s *server) {
	t.Helper()
	var rows strings.Builder
	for i := range places {
		left := []int{100_000, 60}[i%2]
		fmt.Fprintf(&rows, "flight, %s, Test Air, SFO, JFK, 08:00, 16:30, %s, %s, 100, USD, %d\n", flight(i), firstAt, firstAt, left)
		fmt.Fprintf(&rows, "hotel, %s, Test Inn, New York, %s, 2999-03-03, 100, USD, %d\n", hotel(i), firstAt, left)
	}
	if _, err := s.api(t).LoadInventory(t.Context(), []byte(rows.String())); err != nil {
		t.Fatal(err)
	}
}
