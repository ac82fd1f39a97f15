package verify

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tripsaga/report"
	"tripsaga/report/reporttest"
	"tripsaga/trip/saga"
	"tripsaga/verify/lint"
	"tripsaga/verify/trip"
)

// cellsOf are the numbers of the grid of faults, by step and fault.
func cellsOf(p *reporttest.Page) map[[2]string]string {
	rows, found := p.Figure("Schedules by the kind of a fault, and the step at which it happens"), map[[2]string]string{}
	for _, row := range rows[1 : len(rows)-1] {
		for i, n := range row[1 : len(row)-1] {
			if n != "" {
				found[[2]string{rows[0][i+1], row[0]}] = n
			}
		}
	}
	return found
}

// TestPage: the page of an exploration has its numbers, and a word for each fault that was played.
func TestPage(t *testing.T) {
	opt := Options{World: product(trip.Config{}), Depth: 1, Triples: 40, Seed: 1, Scenarios: []string{"flight-full"}, OneIn: 4}
	r := explore(t, opt)
	p := reporttest.Check(t, r.Page(About{Options: opt, Definition: "the saga's own definition", Replay: "tripsaga verify --replay"}))
	if state, verdict := p.Verdict(); state != report.OK || verdict != "No violation in "+digits(r.Schedules)+" schedules" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	cells := cellsOf(p)
	for _, e := range r.Explored {
		if got := cells[[2]string{e.Step, string(e.Fault)}]; got != digits(e.Schedules) {
			t.Errorf("%s at %s: %q, want %d", e.Fault, e.Step, got, e.Schedules)
		}
		if kindMeans(trip.Product(), string(e.Fault)) == "" {
			t.Errorf("no text says what %s is", e.Fault)
		}
	}
	if len(cells) != len(r.Explored) || len(cells) < 40 {
		t.Errorf("%d cells, and %d are explored", len(cells), len(r.Explored))
	}
	want := [][]string{{"scenario", "schedules"}, {"flight-full", digits(r.Schedules)}}
	if got := p.Figure("Schedules by scenario"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := p.Figure("Schedules by what was explored"); got[1][1] != digits(r.Singles) || got[5][1] != digits(r.Triples) {
		t.Errorf("%q", got)
	}
	if got := p.Section("invariants"); len(got) != len(trip.Product().AllInvariants())+1 || got[1][2] != "held" {
		t.Errorf("%d invariants: %q", len(got), got[1])
	}
	for _, left := range []string{"All scenarios but these: flight-full.", "Pairs of faults.", "but for 40 of three", "All but one in 4 schedules"} {
		if !strings.Contains(p.Text(), left) {
			t.Errorf("it is not said that this is left out: %s", left)
		}
	}
}

// TestCounts: each schedule is of one scenario, and each of one fault is in one cell.
func TestCounts(t *testing.T) {
	c := newCounts()
	for _, test := range []struct {
		id     string
		broken bool
	}{
		{"booked", false},
		{"booked:A.ReserveHotel#1=fail", false},
		{"booked:A.ReserveHotel#1=fail,A.ReserveHotel#2.put1=fail", true},
		{"booked~2:A.ReserveHotel#1=lost,A.Engine#1.journal2=crash-1", true},
		{"hotel-full:A.ReserveFlight+#1.put1=lost", false},
	} {
		s, err := trip.Product().ParseSchedule(test.id)
		if err != nil {
			t.Fatal(err)
		}
		c.add(s, test.broken)
	}
	if got, want := c.explored(trip.Product()), []Explored{
		{"ReserveFlight", "lost", 1, 0}, {"ReserveHotel", "fail", 2, 1}, {"ReserveHotel", "lost", 1, 1}, {"Engine", "crash", 1, 1},
	}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := c.played(trip.Product()), []Played{{"booked", 4, 2}, {"hotel-full", 1, 0}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestPageOfViolations: what broke comes first, and the cell of its fault leads to it.
func TestPageOfViolations(t *testing.T) {
	name := trip.Product().AllInvariants()[0].Name
	r := &Report{
		Schedules: 3, Found: 2, Partial: true, Broken: map[string]int{name: 2}, Explored: []Explored{{"ReserveHotel", "fail", 3, 2}},
		Violations: []Violation{
			{ID: "booked:A.ReserveHotel#1=fail", Invariant: name, Detail: "<b>"}, {ID: "booked:A.ReserveHotel#2=fail", Invariant: name},
		},
	}
	about := About{
		Options:    Options{World: product(trip.Config{})},
		Definition: "O'Hare's <saga>", Replay: "tripsaga verify --asl x --replay", Unjudged: []string{"Take"},
		Lab: func(id string) string { return "the lab of " + id }, LabAddress: func(id string) string { return "http://127.0.0.1:8080/" + id }, Failure: errors.New("no more <space>"),
		Lint: []lint.Finding{{Path: "$.States", Rule: "own-undo", Problem: "p", Advice: "a"}},
	}
	p := reporttest.Check(t, r.Page(about))
	if state, verdict := p.Verdict(); state != report.Bad || verdict != "2 violations in 3 schedules" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	if got := cellsOf(p)[[2]string{"ReserveHotel", "fail"}]; got != "3 ✕" {
		t.Errorf("the cell is %q", got)
	}
	if got := p.Section("violations"); !slices.Equal(got[1], []string{"1", name, "booked:A.ReserveHotel#1=fail", "<b>"}) {
		t.Errorf("%q", got)
	}
	if got := p.Section("invariants")[1][2]; got != "broken in 2" {
		t.Errorf("the invariant is %s", got)
	}
	if got := p.Section("invariants")[2][2]; got != "held so far" {
		t.Errorf("another invariant is %s", got)
	}
	for _, part := range []string{"no more <space>", "tripsaga verify --asl x --replay 'booked:A.ReserveHotel#1=fail'",
		"Step by step in a browser: the lab of booked:A.ReserveHotel#1=fail", "own-undo", "not judged"} {
		if !strings.Contains(p.Text(), part) {
			t.Errorf("%q is missing", part)
		}
	}
	html, _ := r.Page(about).HTML()
	for _, link := range []string{`<a href="#finding-1" title="2 of 3">`, `<a href="http://127.0.0.1:8080/booked:A.ReserveHotel#2=fail"><code>`} {
		if !strings.Contains(string(html), link) {
			t.Errorf("no %s", link)
		}
	}
}

// TestNotReached: which steps had no fault, and why, follows from what was explored.
func TestNotReached(t *testing.T) {
	some := []Explored{}
	for _, task := range saga.Booking().Tasks() {
		if task.Name != "CancelHotel" && task.Name != "RefundPayment" {
			some = append(some, Explored{Step: task.Name, Fault: "fail", Schedules: 1})
		}
	}
	for _, test := range []struct {
		r    Report
		o    Options
		want string
	}{
		{Report{}, Options{World: product(trip.Config{})}, ""},
		{Report{Explored: append(some, Explored{Step: "CancelHotel"}, Explored{Step: "RefundPayment"})}, Options{World: product(trip.Config{}), Depth: 1}, ""},
		{Report{Explored: some}, Options{World: product(trip.Config{}), Depth: 1}, "RefundPayment, CancelHotel: no scenario that was played reaches them without another fault, and --depth 1"},
		{Report{Explored: some}, Options{World: product(trip.Config{}), Depth: 2}, "no schedule that was played reaches them"},
		{Report{Explored: some}, Options{World: product(trip.Config{}), Depth: 1, OneIn: 2}, "that were chosen"},
		{Report{Explored: some, Partial: true}, Options{World: product(trip.Config{}), Depth: 2}, "ended before"},
	} {
		if got := test.r.notReached(test.o); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q, want %q", test.o, got, test.want)
		}
	}
}

func TestVerdictsWithoutAViolation(t *testing.T) {
	for _, test := range []struct {
		r       Report
		about   About
		state   report.State
		verdict string
	}{
		{Report{Schedules: 5, Partial: true}, About{Options: Options{World: product(trip.Config{})}}, report.Waiting, "No violation in the 5 schedules that were run"},
		{Report{Schedules: 5}, About{Options: Options{World: product(trip.Config{}), Depth: 1}}, report.Waiting, "Nothing was run"},
		{Report{Schedules: 5}, About{Options: Options{World: product(trip.Config{})}, Unjudged: []string{"Take"}}, report.Bad, "1 tasks that no invariant judges"},
		{Report{Schedules: 5}, About{Options: Options{World: product(trip.Config{})}}, report.OK, "No violation in 5 schedules"},
	} {
		state, verdict := reporttest.Check(t, test.r.Page(test.about)).Verdict()
		if state != test.state || !strings.Contains(verdict, test.verdict) {
			t.Errorf("%s: %s, want %s: %s", state, verdict, test.state, test.verdict)
		}
	}
}
