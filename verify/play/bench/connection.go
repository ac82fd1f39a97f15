package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// connection is an HTTP/1.1 client with little overhead, since it shares the processors with the server.
type connection struct {
	net.Conn
	addr    string
	reader  *bufio.Reader
	request []byte
}

func dial(addr string) (*connection, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return newConnection(c, addr), nil
}

func newConnection(c net.Conn, addr string) *connection {
	return &connection{Conn: c, addr: addr, reader: bufio.NewReader(c)}
}

// book sends the booking and returns the id of the trip that was accepted.
func (c *connection) book(body []byte) (trip string, err error) {
	c.request = fmt.Appendf(c.request[:0], "POST /trips HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.addr, len(body), body)
	if _, err := c.Write(c.request); err != nil {
		return "", err
	}
	status, location, length, err := c.head()
	if err != nil {
		return "", err
	}
	if status != "202" {
		body, err := io.ReadAll(io.LimitReader(c.reader, int64(length)))
		return "", errors.Join(fmt.Errorf("POST /trips: the answer is %s: %.500s", status, body), err)
	}
	_, err = c.reader.Discard(length)
	return location, err
}

// head reads the first line and the headers of an answer.
func (c *connection) head() (status, trip string, length int, err error) {
	line, err := c.line()
	if err != nil {
		return "", "", 0, err
	}
	if fields := bytes.Fields(line); len(fields) > 1 {
		status = string(fields[1])
	}
	length = -1
	for {
		if line, err = c.line(); err != nil {
			return "", "", 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Location":
			trip = string(bytes.TrimPrefix(value, []byte("/trips/")))
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return "", "", 0, err
			}
		}
	}
	if length < 0 {
		err = fmt.Errorf("POST /trips: the answer %s has no Content-Length", status)
	}
	return status, trip, length, err
}

func (c *connection) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
