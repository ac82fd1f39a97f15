package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
	"tripsaga/trip/wire"
)

// Names of problems that are not faults.
// Problem is a problem as huma writes it.
type Problem struct{ wire.Problem }

const (
	nameForbidden        = "Forbidden"
	nameMethodNotAllowed = "MethodNotAllowed"
	nameNoFeed           = "NoEventFeed"
	nameHistoryRemoved   = "HistoryRemoved"
)

// retryAfter is how many seconds a client should wait before it retries.
const retryAfter = "1"

func newProblem(status int, name, detail string) *Problem {
	return &Problem{wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Name: name, Detail: detail}}
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError: 429 and 503 have Retry-After.
func (p *Problem) GetHeaders() http.Header {
	if p.Status != http.StatusServiceUnavailable && p.Status != http.StatusTooManyRequests {
		return nil
	}
	return http.Header{"Retry-After": {retryAfter}}
}

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func (p *Problem) add(location, message string, value any) {
	if strings.HasPrefix(location, "body") {
		value = nil // it may contain a card token or a whole booking
	}
	p.Errors = append(p.Errors, wire.FieldProblem{Location: location, Message: message, Value: value})
}

// summarize sets the detail from the errors, if there are any.
func (p *Problem) summarize() *Problem {
	if len(p.Errors) == 0 {
		return p
	}
	p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	if n := len(p.Errors); n > 1 {
		p.Detail = fmt.Sprintf("%d problems; the first: %s", n, p.Detail)
	}
	return p
}

// init makes huma return its own errors (a parameter of the wrong type, a body that is too large) as problems too.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		status, message = statusOf(status, message, errs)
		p := newProblem(status, nameOf(status), message)
		if status >= http.StatusInternalServerError {
			return p
		}
		for _, err := range errs {
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				p.add(d.Location, d.Message, d.Value)
			}
		}
		return p.summarize()
	}
}

// statusOf corrects the status of a body that could not be read.
func statusOf(status int, message string, errs []error) (int, string) {
	err := errors.Join(errs...)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, message
	case errors.Is(err, errBrokenBody):
		return http.StatusBadRequest, errBrokenBody.Error()
	case errors.Is(err, errShutdown):
		return http.StatusServiceUnavailable, errShutdown.Error()
	}
	return status, message
}

func nameOf(status int) string {
	switch {
	case status == http.StatusForbidden:
		return nameForbidden
	case status == http.StatusNotFound:
		return fault.NameNotFound
	case status == http.StatusMethodNotAllowed:
		return nameMethodNotAllowed
	case status == http.StatusConflict:
		return fault.NameConflict
	case status == http.StatusServiceUnavailable:
		return fault.NameUnavailable
	case status >= http.StatusInternalServerError:
		return fault.NameInternal
	}
	return fault.NameInvalid
}

// problem translates a use case's error. in is the part of the request that has the fields it names ("body", "query").
func (a *api) problem(ctx context.Context, in string, err error) *Problem {
	if ctx.Err() != nil { // the client is gone
		Refused(ctx, reasonGone)
		return newProblem(http.StatusServiceUnavailable, fault.NameUnavailable, "the request was abandoned")
	}
	all := fault.All(err)
	if len(all) == 0 || fault.KindOf(err) == fault.Internal {
		return internal(ctx, a.Log, "request failed", slog.Any("error", err))
	}
	status := faultStatus(err)
	if status == http.StatusServiceUnavailable {
		a.unavailable(ctx)
	}
	p := newProblem(status, fault.NameOf(err), detail(all))
	for _, e := range all {
		switch {
		case e.Field != "":
			p.add(in+"."+e.Field, e.Message, nil)
		case len(all) > 1 || e.Kind == fault.Invalid:
			p.add(in, e.Message, nil)
		}
	}
	return p
}

// internal logs what happened and returns a problem without these details.
func internal(ctx context.Context, log *slog.Logger, message string, attrs ...slog.Attr) *Problem {
	log.LogAttrs(ctx, slog.LevelError, message, attrs...)
	const status = http.StatusInternalServerError
	return newProblem(status, fault.NameInternal,
		"something is wrong with the server; its log says more under request id "+handlers.RequestID(ctx))
}

func faultStatus(err error) int {
	if fault.Is(err, fault.NameThrottled) {
		return http.StatusTooManyRequests
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict, fault.Refused:
		return http.StatusConflict
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// detail returns the only problem, or the number of problems and the first one. It never contains causes.
func detail(all []*fault.Error) string {
	first := all[0].Message
	if all[0].Field != "" {
		first = all[0].Field + ": " + first
	}
	if len(all) == 1 {
		return first
	}
	return fmt.Sprintf("%d problems; the first: %s", len(all), first)
}

// write answers with the problem without huma.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // fails only if the connection is gone
}

// problems answers requests for which mux has no route.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unclean(r.URL.Path) { // mux would answer with a redirect and an HTML page
			noRoute(http.StatusNotFound, r).write(w)
			return
		}
		h, pattern := mux.Handler(r)
		if pattern != "" {
			Routed(r.Context(), pattern)
		}
		if p := unclear(r); pattern != "" && p != nil {
			p.write(w)
			return
		}
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &statusOnly{header: w.Header()}
		h.ServeHTTP(answer, r)
		noRoute(answer.status, r).write(w)
	})
}

// unclean reports whether a path has empty, "." or ".." elements, or no slash at its beginning.
func unclean(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return true
	}
	clean := path.Clean(p)
	return clean != p && clean+"/" != p
}

func noRoute(status int, r *http.Request) *Problem {
	if status == http.StatusMethodNotAllowed {
		return newProblem(status, nameMethodNotAllowed, r.Method+" is not among the methods in the header Allow")
	}
	return newProblem(http.StatusNotFound, fault.NameNotFound, "there is nothing at this address; see /openapi.json")
}

// statusOnly keeps the status and the headers of an answer and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// recovering logs a panic and answers 500. If the answer has begun, it cuts the connection, so that the client does not
// take half an answer for a whole one.
func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin(w, r)
		begun := &begun{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason)
			}
			p := internal(r.Context(), log, "panic while answering", slog.Any("panic", reason),
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
			if begun.yes {
				panic(http.ErrAbortHandler)
			}
			p.write(w)
		}()
		next.ServeHTTP(begun, r)
	})
}

// begun records whether an answer has begun.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the connection.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
