// Package remote makes other programs tasks of package engine: [HTTP] sends each delivery to an endpoint as a POST. Like any
// task, such a program may receive a delivery twice, late, or after its compensation. What identifies the delivery, such as the
// execution's name, must be in the task's input (Parameters).
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
)

// NoAnswer is the name of the error when a call has no answer: the connection failed or was closed, or the call timed out. The
// endpoint may have done its work.
const NoAnswer = "HTTP.NoAnswer"

// ErrorStatus is the prefix of an error name that ends in the status code, such as HTTP.503. It is used when the body of the
// answer has no error name.
const ErrorStatus = "HTTP."

// timeout is the time-out of a call without a client of the caller, as for an HTTP task of Step Functions.
const timeout = time.Minute

var standard = &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// HTTP returns a task that posts its input to the address as JSON. The body of an answer with a status 2xx is the output: JSON,
// or nothing. Any other status is an error: its name and message are those in the body, in the format of Lambda,
//
//	{"errorType": "CardDeclined", "errorMessage": "the bank says no"}
//
// or else [ErrorStatus] and the status. A redirection is such an error, unless client follows it. A nil client waits for a
// minute; the time-out of the state ends a call as well.
func HTTP(address string, client *http.Client) engine.Task {
	if client == nil {
		client = standard
	}
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(input))
		if err != nil {
			return nil, noAnswer(address, err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return nil, noAnswer(address, err)
		}
		defer res.Body.Close()
		// One byte more than allowed is enough for the engine to see that it is too much.
		body, err := io.ReadAll(io.LimitReader(res.Body, asl.MaxData+1))
		switch {
		case err != nil:
			return nil, noAnswer(address, err)
		case res.StatusCode/100 != 2:
			return nil, failed(res.StatusCode, body)
		}
		return body, nil
	}
}

// noAnswer shows only the host of the address, since the rest may contain a password.
func noAnswer(address string, err error) error {
	host := "an address that cannot be read"
	if u, bad := url.Parse(address); bad == nil {
		host = u.Host
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return &engine.TaskError{Name: NoAnswer, Message: fmt.Sprintf("POST to %s: %v", host, err)}
}

func failed(status int, body []byte) error {
	var said struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &said) == nil && said.Type != "" {
		return &engine.TaskError{Name: said.Type, Message: said.Message}
	}
	const shown = 200
	text := strings.ToValidUTF8(string(body[:min(len(body), shown)]), "?")
	return &engine.TaskError{Name: fmt.Sprint(ErrorStatus, status), Message: strings.TrimSpace(http.StatusText(status) + ": " + text)}
}
