package rehearsal

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"tripsaga/report"
	"tripsaga/report/chart"
	"tripsaga/shared/money"
)

// Page returns the report as a page for a browser. File is the template's name.
func (r *Report) Page(file string) *report.Page {
	o, m := r.Outcome, r.Met
	p := &report.Page{
		Kind: "rehearsal of a roll-out in virtual time", Title: "Roll-out of " + file, State: report.OK,
		Tiles: []report.Tile{
			{Value: cmp.Or(o.State, "unknown"), Label: "outcome", State: r.outcomeState()},
			{Value: fmt.Sprintf("%d:%02d", o.Second/60, o.Second%60), Label: "minutes until it was decided"},
			{Value: digits(m.Bookings), Label: "of " + digits(m.Of) + " bookings met the new version"},
			{Value: digits(m.Faults), Label: "faults in " + digits(m.Deliveries) + " deliveries by it"},
			{Value: digits(r.Consistency.Confirmed), Label: "bookings confirmed"},
			{Value: digits(r.Consistency.Failed), Label: "bookings failed and compensated"},
			{Value: digits(r.Consistency.Cancelled), Label: "bookings cancelled"},
		},
		Facts: []report.Fact{
			{Name: "New version", Value: string(r.BadVersion) + ": " + badVersionTexts[r.BadVersion]},
			{Name: "Under test", Value: underTest(r)},
			{Name: "Bookings", Value: fmt.Sprintf("%d a minute, seed %d", r.Rate, r.Seed)},
		},
	}
	if o.Stack != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "Stack", Value: fmt.Sprintf("%s after %d:%02d minutes, %d deployments back", o.Stack, o.Ended/60, o.Ended%60, o.DeploymentsBack)})
	}
	p.Verdict = capital(o.State) + " in minute " + fmt.Sprint(o.Minute) + ", as expected: every booking ended consistently"
	if o.Alarm != "" {
		p.Verdict = capital(o.State) + " in minute " + fmt.Sprint(o.Minute) + " by an alarm, as expected: every booking ended consistently"
	}
	switch {
	case r.Partial != "":
		p.State, p.Verdict, p.Partial = report.Waiting, "Not played to its end", r.Partial
		p.Tiles = p.Tiles[2:4]
	case !r.OK():
		p.State, p.Verdict = report.Bad, "Not as expected: "+strings.Join(r.Findings, "; ")
	}
	p.Sections = []report.Section{r.trafficSection(), r.eventsSection()}
	if r.Partial == "" {
		p.Sections = append(p.Sections, r.bookingsSection())
	}
	p.Sections = append(p.Sections, r.groupsSection())
	return p
}

func digits(n int) string { return report.Digits(float64(n)) }

// capital makes a state the beginning of a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (r *Report) outcomeState() report.State {
	if r.Outcome.State == r.Outcome.Expected {
		return report.OK
	}
	return report.Bad
}

// trafficSection has charts above each other with one axis of time, so that one can look from the one to the other.
func (r *Report) trafficSection() report.Section {
	minutes := chart.Axis{Label: "minutes since the release began"}
	share := series("new version", "series-1", r.Timeline, func(m Minute) float64 { return m.Weight })
	share.Filled = true
	old := series("old version", "series-2", r.Timeline, func(m Minute) float64 { return 100 - m.Weight })
	old.Dashed = true
	column := func(name string, state report.State, of func(Minute) int) chart.Series {
		s := series(name, string(state), r.Timeline, func(m Minute) float64 { return float64(of(m)) })
		s.Column = true
		return s
	}
	good := column("without an error", "", func(m Minute) int { return m.Deliveries - m.Errors })
	good.Class = "series-1"
	faults := series("faults", string(report.Bad), r.Timeline, func(m Minute) float64 { return m.FaultRate })
	faults.Filled = true
	alarms := column("alarms in state ALARM", report.Bad, func(m Minute) int { return len(m.Raised) })
	return report.Section{ID: "roll-out", Heading: "The roll-out", Blocks: []template.HTML{
		chart.Plot{Title: "Traffic by version", Summary: "Share of the calls, at the beginning of each minute, on average of the functions under test. The numbers are those of the events below.",
			X: minutes, Y: chart.Axis{Label: "% of the traffic", Max: 100}, Series: []chart.Series{share, old}, Marks: r.marks()}.HTML(),
		chart.Plot{Title: "Deliveries by the new version under test", Summary: "Business errors, such as a declined card, are no faults of the software.",
			X: minutes, Y: chart.Axis{Label: "deliveries that began in the minute"}, Stacked: true, Series: []chart.Series{
				good, column("business errors", report.Waiting, func(m Minute) int { return m.Business }),
				column("faults", report.Bad, func(m Minute) int { return m.Errors - m.Business }),
			}}.HTML(),
		chart.Plot{Title: "Faults of the new version", Summary: "Part of its deliveries that failed, business errors not counted.",
			X: minutes, Y: chart.Axis{Label: "% of its deliveries"}, Series: []chart.Series{faults}, Height: 120}.HTML(),
		chart.Plot{Title: "Alarms", Summary: "How many were in state ALARM when the minute ended.",
			X: minutes, Y: chart.Axis{Label: "alarms"}, Series: []chart.Series{alarms}, Height: 90}.HTML(),
	}}
}

// series takes a value of each minute. The n-th minute of the release ends n minutes after its beginning.
func series(name, class string, minutes []Minute, value func(Minute) float64) chart.Series {
	s := chart.Series{Name: name, Class: class}
	for _, m := range minutes {
		s.Points = append(s.Points, chart.Point{From: float64(m.Minute) - 1, To: float64(m.Minute), Y: value(m)})
	}
	return s
}

func (r *Report) notes() (all []Note) {
	for _, m := range r.Timeline {
		all = append(all, m.Notes...)
	}
	return all
}

func (r *Report) marks() (all []chart.Mark) {
	for i, n := range r.notes() {
		all = append(all, chart.Mark{X: float64(n.Second) / 60, Label: fmt.Sprint(i + 1), State: noteState(n)})
	}
	return all
}

func noteState(n Note) report.State {
	switch {
	case strings.HasSuffix(n.Text, ": ALARM"):
		return report.Bad
	case strings.HasSuffix(n.Text, ": OK"):
		return report.OK
	}
	return report.Neutral
}

func (r *Report) eventsSection() report.Section {
	events := report.Table{Head: []string{"#", "at", "what happened"}}
	for i, n := range r.notes() {
		cell := report.Cell{Text: n.Text}
		if alarm, state, ok := strings.Cut(n.Text, ": "); ok && noteState(n) != report.Neutral {
			cell = report.Cell{Text: alarm + " " + state, State: noteState(n)}
		}
		events.Rows = append(events.Rows, []report.Cell{{Text: digits(i + 1)}, {Text: fmt.Sprintf("%d:%02d", n.Second/60, n.Second%60)}, cell})
	}
	return report.Section{ID: "events", Heading: "Events", Text: "By minutes and seconds of the release.", Blocks: []template.HTML{events.HTML()}}
}

func (r *Report) bookingsSection() report.Section {
	c := r.Consistency
	ends := chart.Bars{Title: "Bookings by their end", What: "status of the trip", Unit: "bookings", Bars: []chart.Bar{
		{Label: "confirmed", Value: float64(c.Confirmed), Class: string(report.OK)},
		{Label: "cancelled", Value: float64(c.Cancelled), Class: string(report.Neutral), Note: "by the client: given back, but for a fee"},
		{Label: "failed", Value: float64(c.Failed), Class: string(report.Neutral), Note: "compensated: nothing is held or paid"},
		{Label: "needs attention", Value: float64(c.NeedsAttention), Class: string(report.Bad)},
		{Label: "pending", Value: float64(c.Pending), Class: string(report.Waiting)},
	}}
	ledger := report.Table{Head: []string{"currency", "captured", "refunded", "confirmed"}, Numbers: true,
		Caption: fmt.Sprintf("The ledger: %s seats and %s room nights are held.", report.Digits(float64(c.SeatsHeld)), report.Digits(float64(c.RoomsHeld)))}
	for _, code := range slices.Sorted(maps.Keys(c.Currencies)) {
		a := c.Currencies[code]
		row := []report.Cell{report.Text(string(code))}
		for _, minor := range []int64{a.Captured, a.Refunded, a.Confirmed} {
			row = append(row, report.Cell{Text: money.Amount{Minor: minor, Currency: code}.String(), Num: true})
		}
		ledger.Rows = append(ledger.Rows, row)
	}
	s := report.Section{ID: "bookings", Heading: "Bookings and money",
		Text:   "Every saga ended, and what is held and paid is the confirmed trips, and nothing else.",
		Blocks: []template.HTML{ends.HTML(), ledger.HTML()}}
	if !c.Consistent {
		s.Text = "Not consistent:"
		s.Blocks = append([]template.HTML{report.List(c.Problems...)}, s.Blocks...)
	}
	return s
}

func (r *Report) groupsSection() report.Section {
	t := report.Table{Head: []string{"function", "shifts by", "rolled back on alarm", "end", "alarms"}}
	for _, g := range r.Groups {
		back := report.Cell{Text: "yes"}
		if !g.AutomaticRollback {
			back = report.Cell{Text: "no", State: report.Bad}
		}
		t.Rows = append(t.Rows, []report.Cell{{Text: g.Function, Code: true}, {Text: cmp.Or(g.Configuration, "no deployment group")}, back,
			{Text: g.State}, {Text: strings.Join(g.Alarms, ", ")}})
	}
	return report.Section{ID: "groups", Heading: "Deployment groups", Text: "As the template says.", Blocks: []template.HTML{t.HTML()}}
}
