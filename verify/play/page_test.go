package play

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tripsaga/report"
	"tripsaga/report/reporttest"
	"tripsaga/shared/history"
)

// TestDemoPage: each booking's way is that of its saga, and the money is that of the ledger.
func TestDemoPage(t *testing.T) {
	var demo Demo
	end, err := demo.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := reporttest.Check(t, end.Page(nil))
	if state, verdict := p.Verdict(); state != report.OK || verdict != "5 bookings ended as expected: 1 confirmed, 4 failed with nothing held or paid" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	for i, b := range end.Bookings {
		var states []string
		for _, s := range route(history.Read(b.History).Lines).Stops {
			states = append(states, s.Label)
		}
		if !slices.Equal(states, b.End.States) {
			t.Errorf("%s: the way is %v, want %v", b.Script.Name, states, b.End.States)
		}
		row := p.Section(fmt.Sprintf("booking-%d", i+1))[1]
		if row[0] != b.TripID || !strings.HasPrefix(row[1], b.End.Saga) || row[2] != string(b.End.Trip) || row[3] != "yes" {
			t.Errorf("%s: %q", b.Script.Name, row)
		}
	}
	want := [][]string{{"what", "JPY"}, {"captured", "570,000"}, {"refunded", "80,000"}, {"confirmed", "490,000"}}
	if got := p.Figure("Money in JPY"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
	attempts := 0
	for _, row := range p.Figure("When each attempt was under way") {
		if row[0] == "ProcessPayment" && strings.HasSuffix(row[3], ": States.Timeout") {
			attempts++
		}
	}
	if attempts != 5 {
		t.Errorf("the payment has %d attempts", attempts)
	}
}

func TestDemoPageOfWhatWentWrong(t *testing.T) {
	var demo Demo
	ctx, cancel := context.WithCancel(t.Context())
	demo.Print = func(b Booked) error {
		if b.End.Trip != "CONFIRMED" {
			cancel()
		}
		return ctx.Err()
	}
	end, err := demo.Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p := reporttest.Check(t, end.Page(err))
	if state, verdict := p.Verdict(); state != report.Waiting || verdict != "Not played to its end: 1 bookings" || strings.Contains(p.Text(), "Ledger") {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	end.Bookings[0].Wrong, end.Wrong = true, []string{"<b>: want this"}
	p = reporttest.Check(t, end.Page(nil))
	if state, verdict := p.Verdict(); state != report.Bad || verdict != "Not as expected: <b>: want this" || p.Section("booking-1")[1][3] != "no" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
}
