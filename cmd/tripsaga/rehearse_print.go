package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"

	"tripsaga/aws/rehearsal"
)

func (p *program) printRehearsal(file string, r *rehearsal.Report, asJSON bool) error {
	if asJSON {
		return p.printJSON(struct {
			Template string `json:"template"`
			*rehearsal.Report
			OK bool `json:"ok"`
		}{file, r, r.OK()})
	}
	p.printRelease(file, r)
	p.printMinutes(r.Timeline)
	p.printCharts(r.Timeline)
	p.printOutcome(r)
	return nil
}

// badVersionTexts say what is played.
var badVersionTexts = map[rehearsal.BadVersion]string{
	rehearsal.Faults:   "10 % of the new version's deliveries fail, three in ten of those after their effect",
	rehearsal.Declines: "under the new version banks decline 30 % of the cards",
	rehearsal.Latency:  "the new version takes 50 to 80 % of the time-out",
	rehearsal.None:     "the new version is as good as the old one",
}

func (p *program) printRelease(file string, r *rehearsal.Report) {
	alarms, how := 0, map[string]int{}
	for _, g := range r.Groups {
		alarms += len(g.Alarms)
		how[g.Configuration]++
	}
	var ways []string
	for name, n := range how {
		if name == "" {
			name = "no deployment group"
		}
		ways = append(ways, fmt.Sprintf("%d by %s", n, name))
	}
	slices.Sort(ways)
	fmt.Fprintf(p.stdout, "Roll-out of %s\n", printable(file))
	fmt.Fprintf(p.stdout, "  functions    %s; %d alarms watch\n", strings.Join(ways, ", "), alarms)
	fmt.Fprintf(p.stdout, "  under test   %s\n", underTest(r))
	fmt.Fprintf(p.stdout, "  new version  %s: %s\n", r.BadVersion, badVersionTexts[r.BadVersion])
	fmt.Fprintf(p.stdout, "  bookings     %d a minute, seed %d\n\n", r.Rate, r.Seed)
}

func underTest(r *rehearsal.Report) string {
	if len(r.Functions) > 2 {
		return fmt.Sprintf("%d functions, all tasks of the saga", len(r.Functions))
	}
	return strings.Join(r.Functions, ", ")
}

// printMinutes prints a line a minute, and below it what happened in it.
func (p *program) printMinutes(minutes []rehearsal.Minute) {
	fmt.Fprintln(p.stdout, "        traffic              new version under test")
	fmt.Fprintln(p.stdout, "minute  to new  bookings  deliveries  errors  business  faults           raised")
	for _, m := range minutes {
		p.printMinute(m)
		for _, n := range m.Notes {
			fmt.Fprintf(p.stdout, "          %3d:%02d  %s\n", n.Second/60, n.Second%60, printable(n.Text))
		}
	}
	fmt.Fprintln(p.stdout)
}

func (p *program) printMinute(m rehearsal.Minute) {
	raised := fmt.Sprintf("%6s", "")
	if len(m.Raised) > 0 {
		raised = p.paint(red, fmt.Sprintf("%6d", len(m.Raised)))
	}
	line := fmt.Sprintf("%6d  %4.0f %%  %8d  %10d  %6d  %8d  %6d  %s   %s", m.Minute, m.Weight, m.Bookings,
		m.Deliveries, m.Errors, m.Business, m.Faults, rate(m), raised)
	fmt.Fprintln(p.stdout, strings.TrimRight(line, " "))
}

func rate(m rehearsal.Minute) string {
	if m.Deliveries == 0 {
		return "       "
	}
	return fmt.Sprintf("%5.1f %%", m.FaultRate)
}

// columns is how wide a minute is in a chart.
const columns = 4

func (p *program) printCharts(minutes []rehearsal.Minute) {
	var weights, faults []float64
	top := 20.0
	for _, m := range minutes {
		for range columns {
			weights, faults = append(weights, m.Weight), append(faults, m.FaultRate)
		}
		top = max(top, m.FaultRate)
	}
	first, last := float64(minutes[0].Minute), float64(minutes[len(minutes)-1].Minute)+1
	p.printChart("traffic to the new version, %", weights, 100, asciigraph.Green, first, last)
	p.printChart("faults of the new version under test, % of its deliveries", faults, top, asciigraph.Red, first, last)
}

func (p *program) printChart(caption string, values []float64, top float64, colour asciigraph.AnsiColor, first, last float64) {
	options := []asciigraph.Option{
		asciigraph.Height(5), asciigraph.LowerBound(0), asciigraph.UpperBound(top), asciigraph.Precision(0),
		asciigraph.Caption(caption), asciigraph.XAxisRange(first, last), asciigraph.XAxisTickCount(ticks(int(last - first))),
		asciigraph.XAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%.0f", v) }),
	}
	if colourful(p.stdout) {
		options = append(options, asciigraph.SeriesColors(colour))
	}
	for line := range strings.Lines(asciigraph.Plot(values, options...)) {
		fmt.Fprintln(p.stdout, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintln(p.stdout)
}

// ticks is how many marks the axis of so many minutes has, so that each stands at a minute's begin.
func ticks(minutes int) int {
	for _, step := range []int{1, 2, 3, 5, 10} {
		if minutes%step == 0 && minutes/step <= 16 {
			return minutes/step + 1
		}
	}
	return 2
}

func (p *program) printOutcome(r *rehearsal.Report) {
	o, m, c := r.Outcome, r.Met, r.Consistency
	fmt.Fprintf(p.stdout, "Outcome       %s in minute %d", o.State, o.Minute)
	if o.Alarm != "" {
		fmt.Fprintf(p.stdout, ", by the alarm %s", printable(o.Alarm))
	}
	fmt.Fprintf(p.stdout, "; %s\n", asExpected(o))
	fmt.Fprintf(p.stdout, "New version   met by %d of %d bookings, in %d deliveries: %d errors, %d of them faults\n",
		m.Bookings, m.Of, m.Deliveries, m.Errors, m.Faults)
	fmt.Fprintf(p.stdout, "Bookings      %d confirmed, %d failed, %d pending, %d need attention\n",
		c.Confirmed, c.Failed, c.Pending, c.NeedsAttention)
	fmt.Fprintf(p.stdout, "Ledger        %d seats and %d room nights held\n", c.SeatsHeld, c.RoomsHeld)
	for _, code := range slices.Sorted(maps.Keys(c.Currencies)) {
		a := c.Currencies[code]
		fmt.Fprintf(p.stdout, "              captured %d, refunded %d, confirmed %d minor units of %s\n",
			a.Captured, a.Refunded, a.Confirmed, printable(string(code)))
	}
	verdict := "every saga ended, and what is held and paid is the confirmed trips, and nothing else"
	if !c.Consistent {
		verdict = p.paint(red, "NOT CONSISTENT:")
	}
	fmt.Fprintf(p.stdout, "              %s\n", verdict)
	for _, problem := range c.Problems {
		fmt.Fprintf(p.stdout, "              %s\n", printable(problem))
	}
}

func asExpected(o rehearsal.Outcome) string {
	if o.State == o.Expected {
		return "as it must"
	}
	return "it must be " + o.Expected
}
