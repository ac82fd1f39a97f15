package load

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestIdleConnectionsLeaveTheStoreItsFiles opens more connections than the process may have files, and leaves them open.
// Each is answered, be it that they are too many, and bookings go on over those that are open.
func TestIdleConnectionsLeaveTheStoreItsFiles(t *testing.T) {
	const files, idlers, booked = 256, 400, 300
	s := serve(t, "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, files), "sh", build(t))
	s.loadInventory(t) // and keeps its connection
	answers := map[int]int{}
	for range idlers {
		c := &rawClient{addr: s.addr}
		defer c.close()
		answers[c.greet(t)]++
	}
	if answers[http.StatusOK] == 0 || answers[http.StatusServiceUnavailable] == 0 || len(answers) != 2 {
		t.Errorf("%d idle connections were answered %v, want some 200 and some 503", idlers, answers)
	}
	for i := range booked {
		if trip, err := s.book(i); err != nil || trip == "" {
			t.Fatalf("booking %d: trip %q, %v", i, trip, err)
		}
	}
	s.settle(t)
	s.stop(t)
}

// greet asks for the server's health and gives the status of the answer. A server that has run out of files never
// answers.
func (c *rawClient) greet(t *testing.T) int {
	t.Helper()
	if err := c.send("GET", "/healthz", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer, body, err := c.answer()
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		if err := wellShed(answer, body); err != nil {
			t.Error(err)
		}
	}
	return answer.StatusCode
}
