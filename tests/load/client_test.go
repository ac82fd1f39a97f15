package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rawClient is one connection, which it opens when it is first used. It writes the bytes of a request as they are: what
// makes the load runs on the machine of the server, and every microsecond that it takes is one less for bookings.
type rawClient struct {
	addr   string
	conn   net.Conn
	reader *bufio.Reader
}

// send sends one request.
func (c *rawClient) send(method, target, contentType, body string) error {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	_, err := io.WriteString(c.conn, c.request(method, target, contentType, body))
	return err
}

// ask sends one request and reads the whole answer.
func (c *rawClient) ask(method, target, contentType, body string) (*http.Response, []byte, error) {
	if err := c.send(method, target, contentType, body); err != nil {
		return nil, nil, err
	}
	return c.answer()
}

func (c *rawClient) answer() (*http.Response, []byte, error) {
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(answer.Body)
	if err == nil && answer.Close {
		c.close()
	}
	return answer, data, err
}

func (c *rawClient) request(method, target, contentType, body string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: " + c.addr + "\r\n"
	if body == "" {
		return head + "\r\n"
	}
	return head + "Content-Type: " + contentType + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func (c *rawClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// book asks for the i-th booking. It gives the id of the trip when the booking was accepted, "" when it was shed as it
// must be; everything else is an error.
func (c *rawClient) book(i int) (trip string, err error) {
	answer, body, err := c.ask("POST", "/trips", "application/json", booking(i))
	if err != nil {
		return "", err
	}
	switch answer.StatusCode {
	case http.StatusAccepted:
		return acceptedTrip(answer)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "", wellShed(answer, body)
	}
	return "", fmt.Errorf("answer %s: %.300s", answer.Status, body)
}

func acceptedTrip(answer *http.Response) (string, error) {
	trip, ok := strings.CutPrefix(answer.Header.Get("Location"), "/trips/")
	if !ok || trip == "" {
		return "", fmt.Errorf("accepted with Location %q, want /trips/<id>", answer.Header.Get("Location"))
	}
	return trip, nil
}

// wellShed checks that a refusal tells a program what it is and when to come again.
func wellShed(answer *http.Response, body []byte) error {
	after := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err != nil || seconds < 1 {
		return fmt.Errorf("%s with Retry-After %q, want a whole number of seconds above 0", answer.Status, after)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("%s with Content-Type %q, want application/problem+json", answer.Status, got)
	}
	var problem struct {
		Status       int
		Name, Detail string
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("%s with the body %.300q: %w", answer.Status, body, err)
	}
	if problem.Status != answer.StatusCode || problem.Name == "" || problem.Detail == "" {
		return fmt.Errorf("%s with the problem %.300s, want its status, a name and a detail", answer.Status, body)
	}
	return nil
}

// get reads an address and takes nothing but 200.
func (c *rawClient) get(target string) ([]byte, time.Duration, error) {
	began := time.Now()
	answer, body, err := c.ask("GET", target, "", "")
	if err != nil {
		return nil, 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("GET %s: %s: %.300s", target, answer.Status, body)
	}
	return body, time.Since(began), nil
}
