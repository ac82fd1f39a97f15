package rest

import (
	"errors"
	"net/http/httptest"
	"testing"

	"tripsaga/shared/fault"
)

// TestHealth asks servers that cannot do their work, and one that can. The cause is for the log alone.
func TestHealth(t *testing.T) {
	full := fault.Wrap(fault.Unavailable, fault.NameUnavailable, errors.New("no space in /home/ada"), "the store takes no more writes")
	p := wantProblem(t, askHealth(func() error { return full }), 503, fault.NameUnavailable)
	if p.Detail != "the store takes no more writes" {
		t.Errorf("the reason is %q", p.Detail)
	}
	wantProblem(t, askHealth(func() error { return errors.New("no fault") }), 500, fault.NameInternal)
	if got := askHealth(func() error { return nil }); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func askHealth(health func() error) *httptest.ResponseRecorder {
	return ask(New(Deps{Health: health}), "GET", "/healthz", "")
}
