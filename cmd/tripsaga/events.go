package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tripsaga/trip/domain"
)

// eventsCmd shows the domain events.
type eventsCmd struct {
	remote
	Follow bool   `help:"Wait for more events."`
	After  string `help:"Only events after the one at this place, the first column; 0 is the beginning." default:"0" placeholder:"PLACE"`
}

// numbered is an event with its number in the feed.
type numbered struct {
	Place string `json:"place"`
	domain.Event
}

func (c *eventsCmd) Run(p *program) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	return c.show(p, server)
}

func (c *eventsCmd) show(p *program, server *client) error {
	k := call{method: http.MethodGet, path: "/events", query: url.Values{
		"after": {c.After}, "follow": {strconv.FormatBool(c.Follow)},
	}}
	answer, err := server.send(p.ctx, k)
	if noSuchRoute(err) {
		return fmt.Errorf("%s offers no event feed: the events of this deployment are on its event bus", server.base)
	}
	if err != nil {
		return k.failed(err)
	}
	defer answer.Body.Close()
	last := c.After
	err = readEvents(answer.Body, func(e numbered) error {
		last = e.Place
		return c.print(p, e)
	})
	switch {
	case p.ctx.Err() != nil:
		return errInterrupted
	case c.Follow && (err == nil || lost(err)):
		return &exitError{code: exitUnknown, err: fmt.Errorf("the server has ended the stream; continue with --after %s", last)}
	}
	return k.failed(err)
}

func (c *eventsCmd) print(p *program, e numbered) error {
	if c.JSON {
		return p.encode(e, "")
	}
	what := reasonText(e.Reason)
	if e.Amount.Currency != "" {
		what = amountText(e.Amount)
	}
	_, err := fmt.Fprintf(p.stdout, "%s  %s  %-18s  %s  %s\n", printable(e.Place), e.At.Format(time.RFC3339), printable(string(e.Type)), printable(e.TripID), what)
	return err
}

// readEvents reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to the end of
// the stream. What has no data is a comment.
func readEvents(r io.Reader, each func(numbered) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var id, data string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			e, err := parseEvent(id, data)
			if err != nil {
				return err
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

func parseEvent(id, data string) (e numbered, err error) {
	if err := json.Unmarshal([]byte(data), &e.Event); err != nil {
		return e, fmt.Errorf("event %s: %w", id, err)
	}
	e.Place = id
	return e, nil
}
