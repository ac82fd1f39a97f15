package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tripsaga/report"
	"tripsaga/report/reporttest"
)

func TestPage(t *testing.T) {
	t.Parallel()
	r, err := Run(t.Context(), Options{Release: releaseOf(t, fixture), Bad: Faults, Rate: 60, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	p := reporttest.Check(t, r.Page("O'Hare's <template>.json"))
	if state, verdict := p.Verdict(); state != report.OK || !strings.HasPrefix(verdict, fmt.Sprintf("Rolled back in minute %d by an alarm, as expected", r.Outcome.Minute)) {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	traffic, deliveries := p.Figure("Traffic by version"), p.Figure("Deliveries by the new version under test")
	faults, alarms := p.Figure("Faults of the new version"), p.Figure("Alarms")
	for i, m := range r.Timeline {
		minute := fmt.Sprintf("%d to %d", m.Minute-1, m.Minute)
		for _, test := range []struct{ got, want []string }{
			{traffic[i+1], []string{minute, report.Digits(m.Weight), report.Digits(100 - m.Weight)}},
			{deliveries[i+1], []string{minute, digits(m.Deliveries - m.Errors), digits(m.Business), digits(m.Faults)}},
			{faults[i+1], []string{minute, report.Digits(m.FaultRate)}},
			{alarms[i+1], []string{minute, digits(len(m.Raised))}},
		} {
			if !slices.Equal(test.got, test.want) {
				t.Errorf("%q, want %q", test.got, test.want)
			}
		}
	}
	if got := p.Section("events"); len(got) != len(r.notes())+1 || !slices.Equal(got[1], []string{"1", "0:00", fmt.Sprintf("the release begins: %d functions", len(r.Groups))}) {
		t.Errorf("%q", got)
	}
	if got := p.Figure("Bookings by their end"); got[1][1] != digits(r.Consistency.Confirmed) || got[2][1] != digits(r.Consistency.Cancelled) || got[3][1] != digits(r.Consistency.Failed) {
		t.Errorf("%q", got)
	}
	if got := p.Section("groups"); len(got) != len(r.Groups)+1 {
		t.Errorf("%q", got)
	}
}

func TestPageOfWhatWentWrong(t *testing.T) {
	r := &Report{Findings: []string{"it was <bad>", "and worse"}, Timeline: []Minute{{Minute: 0}, {Minute: 1, Weight: 10, Notes: []Note{{5, "X: ALARM"}}}}}
	r.Consistency.Problems = []string{"two sagas have not ended"}
	p := reporttest.Check(t, r.Page("t.json"))
	if state, verdict := p.Verdict(); state != report.Bad || verdict != "Not as expected: it was <bad>; and worse" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	if !strings.Contains(p.Text(), "two sagas have not ended") {
		t.Error("the problems are missing")
	}
	r.Partial = "interrupted"
	p = reporttest.Check(t, r.Page("t.json"))
	if state, _ := p.Verdict(); state != report.Waiting || strings.Contains(p.Text(), "Bookings and money") {
		t.Errorf("the verdict is %s", state)
	}
	r.Timeline = nil
	reporttest.Check(t, r.Page("t.json"))
}
