package play

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/report"
	"tripsaga/report/chart"
	"tripsaga/shared/history"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// Page returns the result of the demo as a page for a browser. The error is that of [Demo.Run].
func (e *DemoEnd) Page(err error) *report.Page {
	confirmed := 0
	for _, b := range e.Bookings {
		if b.End.Trip == domain.Confirmed {
			confirmed++
		}
	}
	n := len(e.Bookings)
	p := &report.Page{
		Kind: "demonstration of a saga in virtual time", Title: "Bookings that happen as a whole, or not at all", State: report.OK,
		Verdict: fmt.Sprintf("%d bookings ended as expected: %d confirmed, %d failed with nothing held or paid", n, confirmed, n-confirmed),
		Tiles: []report.Tile{
			{Value: fmt.Sprint(n), Label: "bookings"},
			{Value: fmt.Sprint(confirmed), Label: "confirmed", State: report.OK},
			{Value: fmt.Sprint(n - confirmed), Label: "failed and compensated"},
			{Value: e.Took.Round(time.Second).String(), Label: "of waits and retries in virtual time"},
		},
	}
	switch {
	case err != nil:
		p.State, p.Verdict = report.Waiting, fmt.Sprintf("Not played to its end: %d bookings", n)
		p.Partial = "The demo has ended early: " + err.Error() + ". There is no ledger."
		p.Tiles = p.Tiles[:3]
	case len(e.Wrong) > 0:
		p.State, p.Verdict = report.Bad, "Not as expected: "+strings.Join(e.Wrong, "; ")
	}
	for i, b := range e.Bookings {
		p.Sections = append(p.Sections, b.section(i+1))
	}
	if err == nil {
		p.Sections = append(p.Sections, e.ledgerSection())
	}
	return p
}

func (b *Booked) section(n int) report.Section {
	x := history.Read(b.History)
	about := report.Table{Head: []string{"trip", "execution", "trip's status", "as expected"}}
	execution := report.Cell{Text: b.End.Saga, State: report.Neutral}
	status := report.Cell{Text: string(b.End.Trip), State: report.Neutral}
	if b.End.Trip == domain.Confirmed {
		execution.State, status.State = report.OK, report.OK
	}
	if b.End.Error != "" {
		execution.Text += ": " + b.End.Error
	}
	expected := report.Cell{Text: "yes", State: report.OK}
	if b.Wrong {
		expected = report.Cell{Text: "no", State: report.Bad}
	}
	about.Rows = [][]report.Cell{{{Text: b.TripID, Code: true}, execution, status, expected}}
	name, _, _ := strings.Cut(b.Script.Title, ":")
	s := report.Section{
		ID: fmt.Sprintf("booking-%d", n), Heading: fmt.Sprintf("%d. %s", n, name), Text: capital(strings.TrimSpace(strings.TrimPrefix(b.Script.Title, name+":"))) + ".",
		Blocks: []template.HTML{route(x.Lines).HTML()},
	}
	if t := timeline(x.Lines); t.X.Max > 0 {
		s.Blocks = append(s.Blocks, t.HTML())
	}
	s.Blocks = append(s.Blocks, about.HTML())
	return s
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// route draws the path of a saga: to the right through its steps, and back through their compensations to the state that
// records the failure.
func route(lines []history.Line) chart.Route {
	r := chart.Route{Title: "The way through the saga"}
	for _, l := range last(lines) {
		stop := chart.Stop{Label: l.State}
		stop.State, stop.Note = outcome(l)
		switch {
		case l.Attempt > 1 && l.Error != "":
			stop.Note = fmt.Sprintf("%d × %s", l.Attempt, stop.Note)
		case l.Attempt > 1:
			stop.Note += fmt.Sprintf(", attempt %d", l.Attempt)
		}
		stop.Row, stop.Column = place(l.State)
		r.Stops = append(r.Stops, stop)
	}
	return r
}

// last keeps the last attempt of each visit of a state.
func last(lines []history.Line) (all []history.Line) {
	for _, l := range lines {
		switch n := len(all); {
		case l.Redriven:
		case n > 0 && all[n-1].State == l.State:
			all[n-1] = l
		default:
			all = append(all, l)
		}
	}
	return all
}

// place returns the position of a state: a step is above its compensation, and the state that records a failure is at the end
// of the way back.
func place(state string) (row, column int) {
	t := saga.Booking().Find(state)
	step := state
	if t.Compensates != "" {
		row, step = 1, t.Compensates
	}
	column = slices.IndexFunc(saga.Booking().Steps(), func(t saga.Task) bool { return t.Name == step })
	if column < 0 {
		return 1, 0
	}
	return row, column + 1
}

// outcome describes how an attempt ended.
func outcome(l history.Line) (report.State, string) {
	t := saga.Booking().Find(l.State)
	switch {
	case l.Error == l.State: // the states that record a failure end the saga by an error of their own name
		return report.Neutral, "records the failure"
	case l.Error != "":
		return report.Bad, l.Error
	case t.Undo() && reversed(l.Output):
		return report.Neutral, "compensated"
	case t.Undo():
		return report.Neutral, "nothing was held"
	}
	return report.OK, "done"
}

// reversed reports whether a compensation reversed an effect.
func reversed(output string) bool {
	var o struct {
		TakenBack bool `json:"taken_back"`
		Payload   struct {
			TakenBack bool `json:"taken_back"`
		}
	}
	return json.Unmarshal([]byte(output), &o) == nil && (o.TakenBack || o.Payload.TakenBack)
}

// timeline draws a lane for each visit of a state, with its attempts and the waits between them.
func timeline(lines []history.Line) chart.Timeline {
	t := chart.Timeline{
		Title: "When each attempt was under way", Summary: "Dotted: waits before the next attempt. What takes no time is a thin bar.",
		X: chart.Axis{Label: "seconds of virtual time since the start"},
	}
	for _, l := range lines {
		n := len(t.Lanes)
		if n == 0 || t.Lanes[n-1].Label != l.State || l.Redriven {
			t.Lanes = append(t.Lanes, chart.Lane{Label: l.State})
			n++
		}
		lane := &t.Lanes[n-1]
		if l.Waited > 0 {
			lane.Spans = append(lane.Spans, chart.Span{From: (l.At - l.Waited).Seconds(), To: l.At.Seconds(), Wait: true,
				Text: fmt.Sprintf("waits %s before attempt %d", l.Waited.Round(100*time.Millisecond), l.Attempt)})
		}
		state, text := outcome(l)
		if l.Attempt > 0 {
			text = fmt.Sprintf("attempt %d: %s", l.Attempt, text)
		}
		lane.Spans = append(lane.Spans, chart.Span{From: l.At.Seconds(), To: (l.At + l.Took).Seconds(), State: state, Text: text})
		t.X.Max = max(t.X.Max, (l.At + l.Took).Seconds())
	}
	return t
}

func (e *DemoEnd) ledgerSection() report.Section {
	l := e.Ledger
	s := report.Section{ID: "ledger", Heading: "Ledger", Text: "Balanced: what is held and paid is the confirmed trips, and nothing else."}
	if !l.Balanced {
		s.Text = "Not balanced:"
		s.Blocks = append(s.Blocks, report.List(l.Problems...))
	}
	for _, code := range slices.Sorted(maps.Keys(l.Currencies)) {
		a := l.Currencies[code]
		bar := func(label string, minor int64, state report.State, note string) chart.Bar {
			return chart.Bar{Label: label, Value: major(minor, code), Class: string(state), Note: note}
		}
		s.Blocks = append(s.Blocks, chart.Bars{Title: "Money in " + string(code), What: "what", Unit: string(code), Bars: []chart.Bar{
			bar("captured", a.Captured, report.Neutral, "from the customers"), bar("refunded", a.Refunded, report.Neutral, "to them"),
			bar("confirmed", a.Confirmed, report.OK, "the price of the confirmed trips: what was captured less what was refunded"),
		}}.HTML())
	}
	held := report.Table{Head: []string{"what is held", "number"}, Numbers: true, Rows: [][]report.Cell{
		{report.Text("seats"), report.Number(float64(l.SeatsHeld))}, {report.Text("room nights"), report.Number(float64(l.RoomsHeld))},
	}}
	s.Blocks = append(s.Blocks, held.HTML())
	return s
}

// major converts an amount to major units of the currency, for the length of a bar.
func major(minor int64, code money.Currency) float64 {
	var v float64
	number, _, _ := strings.Cut(money.Amount{Minor: minor, Currency: code}.String(), " ")
	fmt.Sscan(number, &v)
	return v
}
