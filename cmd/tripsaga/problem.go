package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tripsaga/trip/handlers/rest"
)

// serverProblem is an error as the server tells it.
type serverProblem struct {
	rest.Problem
	wait time.Duration // the server's Retry-After
}

func problemOf(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	p := &serverProblem{}
	if json.Unmarshal(text, &p.Problem) != nil || p.Title == "" {
		return fmt.Errorf("the server answered %s: %.200s", answer.Status, text)
	}
	if p.Status == http.StatusServiceUnavailable {
		p.wait = time.Millisecond
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			p.wait = min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	if p.Status == http.StatusBadRequest || p.Status == http.StatusUnprocessableEntity {
		return usage(p)
	}
	return p
}

// Error lists every field that is wrong.
func (p *serverProblem) Error() string {
	if len(p.Errors) == 0 {
		return p.Name + ": " + p.Detail
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the server refuses it:", p.Name)
	for _, e := range p.Errors {
		b.WriteString("\n  ")
		if location := strings.TrimPrefix(e.Location, "body."); location != "body" {
			b.WriteString(location + ": ")
		}
		b.WriteString(printable(e.Message))
		if text, ok := e.Value.(string); ok && text != "" {
			fmt.Fprintf(&b, " (it is %.80q)", text)
		}
	}
	return b.String()
}
