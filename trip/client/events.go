package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tripsaga/trip/domain"
)

// Event is a domain event with its place in the feed.
type Event struct {
	Place string `json:"place"`
	domain.Event
}

// Events calls each with the events after a place, in order; "0" is the beginning. With follow it waits for more until ctx ends
// or the server ends the stream, which is not an error. It returns the first error of each, [ErrGone] when the connection
// breaks, and is not retried: call it again with the place of the last event. [NoSuchRoute] recognises a deployment that has no
// feed.
func (c *Client) Events(ctx context.Context, after string, follow bool, each func(Event) error) error {
	k := call{method: http.MethodGet, path: "/events", query: url.Values{
		"after": {after}, "follow": {strconv.FormatBool(follow)},
	}}
	answer, err := c.send(ctx, k)
	if err != nil {
		return c.failed(k, err)
	}
	defer answer.Body.Close()
	err = canceled(readEvents(answer.Body, each))
	if NoAnswer(err) {
		err = brokenStream{err}
	}
	if err != nil {
		err = c.failed(k, err)
	}
	return err
}

// brokenStream is the error of a connection that broke, as [ErrGone].
type brokenStream struct{ error }

func (b brokenStream) Unwrap() error        { return b.error }
func (b brokenStream) Is(target error) bool { return target == ErrGone }

// readEvents reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to the end of the
// stream. A block without data is a comment, and a truncated event counts as not sent.
func readEvents(r io.Reader, each func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var id, data string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			e := Event{Place: id}
			if err := json.Unmarshal([]byte(data), &e.Event); err != nil {
				return fmt.Errorf("event %s: %w", id, err)
			}
			if err := each(e); err != nil {
				return err
			}
			data = ""
		case field == "id":
			id = value
		case field == "data":
			data += value
		}
	}
	return lines.Err()
}
