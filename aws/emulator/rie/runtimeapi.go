package rie

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const (
	apiVersion = "/2018-06-01"
	accountARN = "arn:aws:lambda:us-east-1:000000000000:function:"
)

// routes is the Runtime API of one environment. It serves the process alone: what comes under another host than its
// own address is a web page's doing.
func (e *environment) routes(address string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiVersion+"/runtime/invocation/next", e.next)
	mux.HandleFunc("POST "+apiVersion+"/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+apiVersion+"/runtime/invocation/{id}/error", e.failure)
	mux.HandleFunc("POST "+apiVersion+"/runtime/init/error", e.initFailure)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != address || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			refuse(w, http.StatusForbidden, "Forbidden", "only the function's own process is served")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// next blocks until there is an invocation.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.idle <- struct{}{}:
	default: // it called before and hung up
	}
	select {
	case inv := <-e.work:
		e.give(w, inv)
	case <-r.Context().Done():
	}
}

func (e *environment) give(w http.ResponseWriter, inv *invocation) {
	e.mu.Lock()
	e.current = inv
	e.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", accountARN+e.function.Name)
	if inv.trace != "" {
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	}
	w.Write(inv.payload) // when it fails the process is gone, which is seen elsewhere
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		e.reply(w, r, http.StatusRequestEntityTooLarge, reply{err: newFunctionError(ErrorResponseTooLarge,
			"Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse)})
	case err != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	case !json.Valid(body):
		e.reply(w, r, http.StatusAccepted, reply{err: newFunctionError("Runtime.InvalidJSON", "the reply is not JSON")})
	default:
		e.reply(w, r, http.StatusAccepted, reply{payload: body})
	}
}

func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	e.reply(w, r, http.StatusAccepted, reply{err: reportedError(body)})
}

// reply passes the process's reply on. The process learns of its arrival when the invocation lets it.
func (e *environment) reply(w http.ResponseWriter, r *http.Request, status int, answer reply) {
	inv := e.take(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", fmt.Sprintf("no invocation %.40q is under way", r.PathValue("id")))
		return
	}
	inv.replied <- answer
	select {
	case <-inv.accepted:
		accept(w, status)
	case <-r.Context().Done():
	}
}

// take ends the current invocation, when it has this id.
func (e *environment) take(id string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.id != id {
		return nil
	}
	e.current = nil
	return inv
}

func (e *environment) initFailure(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	select {
	case e.initFailed <- reportedError(body):
	default: // the first one counts
	}
	accept(w, http.StatusAccepted)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, MaxResponse))
}

func accept(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(errorPayload{Type: kind, Message: message}) // as above
}
