package stripedouble

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
)

// errLost is the error of a reply that was lost.
var errLost = errors.New("the connection was closed before the reply")

// RoundTrip implements http.RoundTripper without a network, so that tests can run in virtual time.
func (d *Double) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if e := recover(); e == http.ErrAbortHandler {
			resp, err = nil, errLost
		} else if e != nil {
			panic(e)
		}
	}()
	if r.Body == nil {
		r.Body = io.NopCloser(http.NoBody)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	resp = w.Result()
	resp.Request = r
	return resp, nil
}
