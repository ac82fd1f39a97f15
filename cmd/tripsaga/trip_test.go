package main

import (
	"bytes"
	"strings"
	"testing"
)

// command runs one command against a server, and gives what it printed.
func command(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, ctx: t.Context()}
	if err := p.dispatch(append(args, "--url", url)); err != nil {
		code = p.fail(err)
	}
	return code, out.String(), errs.String()
}

// TestOneTrip looks at a failed trip from all sides.
func TestOneTrip(t *testing.T) {
	url, stop, err := serveInMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, booked, _ := command(t, url, "book", "-f", "../../examples/card-declined.json", "--interval", "10ms")
	first, _, _ := strings.Cut(booked, "\n")
	id := strings.TrimPrefix(first, "trip ")
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"trip", id}, 0, []string{"FAILED  PaymentDeclined: the card was declined", "NH53 on ", ", seats: 1",
			"compensated, 19,800 JPY", "refused, 53,400 JPY: PaymentDeclined", "nothing was charged", "saga "}},
		{[]string{"trip", id, "--json"}, 0, []string{`"name": "CancelHotel"`, `"status": "FAILED"`}},
		{[]string{"trip", id, "--follow"}, 1, []string{"ok, compensates ReserveHotel", "FAILED: PaymentDeclined"}},
		{[]string{"history", id}, 0, []string{"attempt 1", "the saga ended without success: BookingFailed"}},
		{[]string{"history", id, "--json"}, 0, []string{`"type": "ExecutionFailed"`, `"trip_id": "` + id + `"`}},
	} {
		code, stdout, stderr := command(t, url, c.args...)
		if code != c.code || stderr != "" {
			t.Errorf("%q: exit %d, %s", c.args, code, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: %q is not in\n%s", c.args, want, stdout)
			}
		}
	}
	code, _, stderr := command(t, url, "redrive", id)
	if code != exitFailure || !strings.Contains(stderr, "NotRedrivable: trip "+id+" has FAILED (PaymentDeclined)") {
		t.Errorf("redrive: exit %d, %s", code, stderr)
	}
}

// TestSagaOfOneTrip names the steps and compensations of any saga of a declined card, between which others may stand.
func TestSagaOfOneTrip(t *testing.T) {
	url, stop, err := serveInMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, booked, _ := command(t, url, "book", "-f", "../../examples/card-declined.json", "--interval", "10ms")
	first, _, _ := strings.Cut(booked, "\n")
	_, stdout, _ := command(t, url, "trip", strings.TrimPrefix(first, "trip "))
	rest := stdout
	for _, want := range []string{"FAILED: ", "ReserveFlight", "ReserveHotel", "ProcessPayment", "CancelHotel", "CancelFlight"} {
		var ok bool
		if _, rest, ok = strings.Cut(rest, want); !ok {
			t.Errorf("%s is not there, or not in its order, in\n%s", want, stdout)
		}
	}
}

func TestUnknownTrip(t *testing.T) {
	url, stop, err := serveInMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	const id = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"
	for _, verb := range []string{"trip", "history", "redrive"} {
		code, _, stderr := command(t, url, verb, id)
		if code != exitFailure || !strings.Contains(stderr, "there is no trip "+id) {
			t.Errorf("%s: exit %d, %q", verb, code, stderr)
		}
	}
}

func TestRedriveOfASuccess(t *testing.T) {
	url, stop, err := serveInMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, booked, _ := command(t, url, "book", "-f", "../../examples/happy.json", "--interval", "10ms")
	first, _, _ := strings.Cut(booked, "\n")
	code, _, stderr := command(t, url, "redrive", strings.TrimPrefix(first, "trip "))
	if code != exitFailure || !strings.Contains(stderr, "NotRedrivable: "+first+": its saga is SUCCEEDED") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
