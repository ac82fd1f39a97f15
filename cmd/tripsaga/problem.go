package main

import (
	"context"
	"encoding/json"
	"errors"
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
		return gatewayProblem(answer, text)
	}
	if p.Status == http.StatusServiceUnavailable {
		p.wait = time.Millisecond
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			p.wait = min(time.Duration(seconds)*time.Second, longestWait)
		}
	}
	return p
}

// gatewayError is an answer that is not the API's own: a gateway's, a proxy's or another server's.
type gatewayError struct {
	status  int
	message string
	wait    time.Duration // before another try makes sense, 0 is never
}

func (g *gatewayError) Error() string { return g.message }

func gatewayProblem(answer *http.Response, text []byte) error {
	g := &gatewayError{
		status:  answer.StatusCode,
		message: fmt.Sprintf("the server answered %s: %s", answer.Status, printable(fmt.Sprintf("%.200s", text))),
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		g.message += "\nit may ask for credentials: --sigv4 REGION, or --header 'Authorization: Bearer ...'"
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		g.wait = gatewayWait
	}
	return g
}

// gatewayWait is short enough for a cold start and long enough for a throttle of requests by the second.
const gatewayWait = time.Second

// tookTooLong tells that a gateway, or this client, has given up waiting.
func tookTooLong(err error) bool { return fromGateway(err) || errors.Is(err, context.DeadlineExceeded) }

func fromGateway(err error) bool {
	var g *gatewayError
	return errors.As(err, &g)
}

// noSuchRoute tells that the server has no such address, or says that it does not implement it.
func noSuchRoute(err error) bool {
	var g *gatewayError
	return notFound(err) || statusIs(err, http.StatusNotImplemented) ||
		errors.As(err, &g) && (g.status == http.StatusNotFound || g.status == http.StatusNotImplemented)
}

// Error lists every field that is wrong.
func (p *serverProblem) Error() string {
	if len(p.Errors) == 0 {
		return printable(p.Name) + ": " + printable(p.Detail)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the server refuses it:", p.Name)
	for _, e := range p.Errors {
		b.WriteString("\n  ")
		if location := strings.TrimPrefix(e.Location, "body."); location != "body" {
			b.WriteString(printable(location) + ": ")
		}
		b.WriteString(printable(e.Message))
		if text, ok := e.Value.(string); ok && text != "" {
			fmt.Fprintf(&b, " (it is %.80q)", text)
		}
	}
	return b.String()
}
