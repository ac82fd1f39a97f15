package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/remote"
	"tripsaga/table/memory"
)

func closes(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		c.Close()
	}
}

// TestHTTP runs an execution whose only task is an endpoint.
func TestHTTP(t *testing.T) {
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		endpoint http.HandlerFunc
		output   string
		err      string // name
		cause    string // a part of it
	}{
		"echo": {endpoint: func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
				w.WriteHeader(http.StatusTeapot)
			}
			io.Copy(w, r.Body)
		}, output: `{"order":17}`},
		"nothing":          {endpoint: say(204, ""), output: "null"},
		"named":            {endpoint: say(402, `{"errorType":"CardDeclined","errorMessage":"no money"}`), err: "CardDeclined", cause: "no money"},
		"status":           {endpoint: say(503, "come back\xff later"), err: "HTTP.503", cause: "Service Unavailable: come back? later"},
		"status alone":     {endpoint: say(500, `{"errorType":""}`), err: "HTTP.500"},
		"redirect":         {endpoint: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, err: "HTTP.302"},
		"no JSON":          {endpoint: say(200, "fine, thanks"), err: engine.ErrNameOutput, cause: "not JSON"},
		"10 MB":            {endpoint: say(200, `"`+strings.Repeat("x", 10<<20)+`"`), err: asl.ErrDataLimitExceeded},
		"10 MB of failure": {endpoint: say(500, strings.Repeat("x", 10<<20)), err: "HTTP.500"},
		"closes":           {endpoint: func(w http.ResponseWriter, _ *http.Request) { closes(w) }, err: remote.NoAnswer, cause: "POST to 127.0.0.1"},
		"closes half-way": {endpoint: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"half":`)
		}, err: remote.NoAnswer, cause: "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.endpoint)
			defer server.Close()
			end := run(t, remote.HTTP(server.URL, nil))
			if c.err == "" && (end.Status != asl.Succeeded || string(end.Output) != c.output) {
				t.Errorf("%s %s with %s", end.Status, end.Error, end.Output)
			}
			if end.Error != c.err || !strings.Contains(end.Cause, c.cause) {
				t.Errorf("%q because of %.300q, want %q because of %q", end.Error, end.Cause, c.err, c.cause)
			}
		})
	}
}

func run(t *testing.T, task engine.Task) engine.Description {
	t.Helper()
	definition := `{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "call", "End": true}}}`
	e, err := engine.Open(t.Context(), engine.Options{Name: "one", Definition: []byte(definition), Table: memory.New(),
		Tasks: map[string]engine.Task{"call": task}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if err := e.Start(t.Context(), "a", json.RawMessage(`{"order":17}`)); err != nil {
		t.Fatal(err)
	}
	end, err := e.Wait(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// TestEnds: a call ends with its context, however long the endpoint takes.
func TestEnds(t *testing.T) {
	called, end := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(called)
		<-end
	}))
	defer server.Close()
	defer close(end)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-called
		cancel()
	}()
	_, err := remote.HTTP(server.URL, nil)(ctx, nil)
	var te *engine.TaskError
	if !errors.As(err, &te) || te.Name != remote.NoAnswer || !strings.Contains(te.Message, context.Canceled.Error()) {
		t.Error(err)
	}
}

// TestSecrets: no error has what an address may have beside the host.
func TestSecrets(t *testing.T) {
	for _, address := range []string{"http://me:secret@127.0.0.1:1/?key=secret", "secret://host/secret", "http://secret:x y", "secret"} {
		_, err := remote.HTTP(address, nil)(t.Context(), nil)
		var te *engine.TaskError
		if !errors.As(err, &te) || te.Name != remote.NoAnswer {
			t.Errorf("%s: %v", address, err)
		}
		if text := strings.ReplaceAll(err.Error(), `scheme "secret"`, ""); bytes.Contains([]byte(text), []byte("secret")) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
