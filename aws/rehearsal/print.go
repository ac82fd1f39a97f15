package rehearsal

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"

	"tripsaga/shared/text"
)

// printer writes a report for people.
type printer struct {
	out    io.Writer
	colour bool
}

// Print writes the report for people: the roll-out, a line for each minute, charts of traffic and faults, and the
// outcome. File is the template's name. With colour it uses SGR sequences. Errors: those of w.
func (r *Report) Print(w io.Writer, file string, colour bool) error {
	var out bytes.Buffer
	p := printer{&out, colour}
	p.printRelease(file, r)
	p.printMinutes(r.Timeline)
	p.printCharts(r.Timeline)
	p.printOutcome(r)
	_, err := w.Write(out.Bytes())
	return err
}

func (p printer) red(s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[31m" + s + "\x1b[0m"
}

// badVersionTexts describe what is wrong with the new version.
var badVersionTexts = map[BadVersion]string{
	Faults:   "10 % of the new version's deliveries fail, three in ten of those after their effect",
	Declines: "under the new version banks decline 30 % of the cards",
	Latency:  "the new version takes 50 to 80 % of the time-out",
	None:     "the new version is as good as the old one",

	Crash:     "the new version crashes before it writes anything, unseen by the hook",
	Cold:      "the new version is good; the first call of each process takes 50 to 80 % of the time-out",
	Refused:   "Step Functions refuses the new definition",
	RingsOn:   "when all traffic has shifted, 10 % of the new version's deliveries fail; when an alarm rings, the stack's update fails",
	HookFails: "when all traffic has shifted, 10 % of the new version's deliveries fail; soon after, the stack's update fails",
}

func (p printer) printRelease(file string, r *Report) {
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
	fmt.Fprintf(p.out, "Roll-out of %s\n", text.Visible(file))
	fmt.Fprintf(p.out, "  functions    %s; %d alarms watch\n", strings.Join(ways, ", "), alarms)
	fmt.Fprintf(p.out, "  under test   %s\n", underTest(r))
	fmt.Fprintf(p.out, "  new version  %s: %s\n", r.BadVersion, badVersionTexts[r.BadVersion])
	fmt.Fprintf(p.out, "  bookings     %d a minute, seed %d\n\n", r.Rate, r.Seed)
}

func underTest(r *Report) string {
	if len(r.Functions) > 2 {
		return fmt.Sprintf("%d functions, all tasks of the saga", len(r.Functions))
	}
	return strings.Join(r.Functions, ", ")
}

// printMinutes prints a line a minute, and below it what happened in it.
func (p printer) printMinutes(minutes []Minute) {
	fmt.Fprintln(p.out, "        traffic              new version under test")
	fmt.Fprintln(p.out, "minute  to new  bookings  deliveries  errors  business  faults           raised")
	for _, m := range minutes {
		p.printMinute(m)
		for _, n := range m.Notes {
			fmt.Fprintf(p.out, "          %3d:%02d  %s\n", n.Second/60, n.Second%60, text.Visible(n.Text))
		}
	}
	fmt.Fprintln(p.out)
}

func (p printer) printMinute(m Minute) {
	raised := fmt.Sprintf("%6s", "")
	if len(m.Raised) > 0 {
		raised = p.red(fmt.Sprintf("%6d", len(m.Raised)))
	}
	line := fmt.Sprintf("%6d  %4.0f %%  %8d  %10d  %6d  %8d  %6d  %s   %s", m.Minute, m.Weight, m.Bookings,
		m.Deliveries, m.Errors, m.Business, m.Faults, rate(m), raised)
	fmt.Fprintln(p.out, strings.TrimRight(line, " "))
}

func rate(m Minute) string {
	if m.Deliveries == 0 {
		return "       "
	}
	return fmt.Sprintf("%5.1f %%", m.FaultRate)
}

// columns is how wide a minute is in a chart, unless the chart would be wider than a terminal.
const (
	columns  = 4
	maxWidth = 72
)

func (p printer) printCharts(minutes []Minute) {
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

func (p printer) printChart(caption string, values []float64, top float64, colour asciigraph.AnsiColor, first, last float64) {
	options := []asciigraph.Option{
		asciigraph.Height(5), asciigraph.Width(min(len(values), maxWidth)), asciigraph.LowerBound(0), asciigraph.UpperBound(top), asciigraph.Precision(0),
		asciigraph.Caption(caption), asciigraph.XAxisRange(first, last), asciigraph.XAxisTickCount(ticks(int(last - first))),
		asciigraph.XAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%.0f", v) }),
	}
	if p.colour {
		options = append(options, asciigraph.SeriesColors(colour))
	}
	for line := range strings.Lines(asciigraph.Plot(values, options...)) {
		fmt.Fprintln(p.out, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintln(p.out)
}

// ticks is how many marks the axis of so many minutes has, so that each is at the start of a minute.
func ticks(minutes int) int {
	for _, step := range []int{1, 2, 3, 5, 10} {
		if minutes%step == 0 && minutes/step <= 16 {
			return minutes/step + 1
		}
	}
	return 2
}

func stuckBy(o Outcome) string {
	if o.StuckBy == "" {
		return ""
	}
	return "; stuck by " + text.Visible(o.StuckBy)
}

func (p printer) printOutcome(r *Report) {
	o, m, c := r.Outcome, r.Met, r.Consistency
	fmt.Fprintf(p.out, "Outcome       %s in minute %d", o.State, o.Minute)
	if o.Alarm != "" {
		fmt.Fprintf(p.out, ", by the alarm %s", text.Visible(o.Alarm))
	}
	if o.Cause != "" {
		fmt.Fprintf(p.out, ", by %s", o.Cause)
	}
	fmt.Fprintf(p.out, "; %s\n", asExpected(o))
	fmt.Fprintf(p.out, "Stack         %s after %d:%02d minutes, %d deployments back%s\n", o.Stack, o.Ended/60, o.Ended%60, o.DeploymentsBack, stuckBy(o))
	fmt.Fprintf(p.out, "New version   met by %d of %d bookings, in %d deliveries: %d errors, %d of them faults\n",
		m.Bookings, m.Of, m.Deliveries, m.Errors, m.Faults)
	fmt.Fprintf(p.out, "Bookings      %d confirmed, %d cancelled, %d failed, %d pending, %d need attention\n",
		c.Confirmed, c.Cancelled, c.Failed, c.Pending, c.NeedsAttention)
	fmt.Fprintf(p.out, "Ledger        %d seats and %d room nights held\n", c.SeatsHeld, c.RoomsHeld)
	for _, code := range slices.Sorted(maps.Keys(c.Currencies)) {
		a := c.Currencies[code]
		fmt.Fprintf(p.out, "              captured %d, refunded %d, confirmed %d minor units of %s\n",
			a.Captured, a.Refunded, a.Confirmed, text.Visible(string(code)))
	}
	verdict := "every saga ended, and what is held and paid is the confirmed trips, and nothing else"
	if !c.Consistent {
		verdict = p.red("NOT CONSISTENT:")
	}
	fmt.Fprintf(p.out, "              %s\n", verdict)
	for _, problem := range c.Problems {
		fmt.Fprintf(p.out, "              %s\n", text.Visible(problem))
	}
}

func asExpected(o Outcome) string {
	if o.State == o.Expected {
		return "as it must"
	}
	return "it must be " + o.Expected
}
