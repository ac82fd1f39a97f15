package rest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"

	"tripsaga/shared/fault"
)

// write answers with the problem, outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // the connection is gone when it fails
}

// problems answers what mux has no route for.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path { // mux would redirect, with a page
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

func noRoute(status int, r *http.Request) *Problem {
	if status == http.StatusMethodNotAllowed {
		return newProblem(status, nameMethodNotAllowed, r.Method+" is not among the methods in the header Allow")
	}
	return newProblem(http.StatusNotFound, fault.NameNotFound, "there is nothing at this address; see /openapi.json")
}

// statusOnly takes status and headers of an answer, and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// recovering logs a panic and answers it, unless the answer has begun: then the connection is cut, so that a half
// answer does not pass for a whole one.
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

// begun remembers whether an answer has begun.
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
