package verify

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/report"
	"tripsaga/report/chart"
	"tripsaga/verify/lint"
	"tripsaga/verify/world"
)

// About is what a page shows of an exploration in addition to its report.
type About struct {
	Options    Options
	Definition string // its file, or a description
	Lint       []lint.Finding
	Unjudged   []string
	Replay     string                 // the command that plays one schedule, without the id
	Lab        func(id string) string // how to play a schedule in the console; nil without a console
	LabAddress func(id string) string // address of the page that plays it there; nil without a console
	Failure    error                  // the error that ended the exploration, other than an interrupt
}

func (a *About) subject() *world.Subject { return a.Options.World.Subject }

// Page returns the report as a page for a browser.
func (r *Report) Page(about About) *report.Page {
	p := &report.Page{
		Kind: "verification: every fault at every step", Title: "Verification of " + about.Definition,
		Facts: []report.Fact{{Name: "Explored", Value: about.explored()}},
		Tiles: []report.Tile{
			{Value: digits(r.Schedules), Label: "schedules of faults"},
			{Value: digits(r.Found), Label: "violations", State: stateOf(r.Found, r.Partial)},
			{Value: digits(len(about.subject().AllInvariants())), Label: "invariants checked"},
			{Value: digits(r.Ends), Label: "different ends"},
			{Value: digits(len(about.Lint) + len(about.Unjudged)), Label: "findings of the lint, tasks not judged",
				State: stateOf(len(about.Lint)+len(about.Unjudged), false)},
			{Value: digits(int(r.PerSecond)), Label: "schedules a second"},
		},
	}
	p.State, p.Verdict = r.verdict(about)
	switch {
	case about.Failure != nil:
		p.Partial = "The exploration could not continue: " + about.Failure.Error() + ". What was not run is not verified."
	case r.Partial:
		p.Partial = "The exploration was interrupted: what was not run is not verified."
	}
	if r.Found > 0 {
		p.Sections = append(p.Sections, r.violationsSection(about))
	}
	if len(about.Lint)+len(about.Unjudged) > 0 {
		p.Sections = append(p.Sections, about.lintSection())
	}
	p.Sections = append(p.Sections, r.faultsSection(about.Options))
	if r.Coverage != nil {
		p.Sections = append(p.Sections, r.Coverage.section(about.subject()))
	}
	p.Sections = append(p.Sections, r.schedulesSection(about.subject()), r.invariantsSection(about.subject()), r.leftOutSection(about.Options))
	return p
}

func digits(n int) string { return report.Digits(float64(n)) }

// stateOf returns the state of a section with n findings.
func stateOf(n int, partial bool) report.State {
	switch {
	case n > 0:
		return report.Bad
	case partial:
		return report.Waiting
	}
	return report.OK
}

func (r *Report) verdict(about About) (report.State, string) {
	switch findings := len(about.Lint) + len(about.Unjudged); {
	case r.Found > 0:
		return report.Bad, fmt.Sprintf("%s violations in %s schedules", digits(r.Found), digits(r.Schedules))
	case findings > 0:
		return report.Bad, fmt.Sprintf("No violation, but %d findings of the lint and %d tasks that no invariant judges",
			len(about.Lint), len(about.Unjudged))
	case r.Partial:
		return report.Waiting, fmt.Sprintf("No violation in the %s schedules that were run", digits(r.Schedules))
	case about.Options.Depth+about.Options.Triples > 0 && len(r.Explored) == 0:
		return report.Waiting, "Nothing was run: no schedule is left to explore"
	}
	return report.OK, fmt.Sprintf("No violation in %s schedules", digits(r.Schedules))
}

// explored describes which schedules the options ask for.
func (a *About) explored() string {
	o := a.Options
	text := []string{"scenarios without a fault", "every single fault", "every single fault and every pair"}[o.Depth]
	if o.Triples > 0 {
		text += fmt.Sprintf("; %s triples drawn by seed %d", digits(o.Triples), o.Seed)
	}
	return text
}

// mostListed is how many violations a page lists.
const mostListed = 200

func (r *Report) violationsSection(about About) report.Section {
	t := report.Table{Head: []string{"#", "invariant", "schedule", "what was found"}}
	for i, v := range r.Violations[:min(len(r.Violations), mostListed)] {
		schedule := report.Cell{Text: v.ID, Code: true}
		if about.LabAddress != nil {
			schedule.URL = about.LabAddress(v.ID)
		}
		t.Rows = append(t.Rows, []report.Cell{{Text: digits(i + 1), ID: findingID(i)}, {Text: v.Invariant, State: report.Bad}, schedule, {Text: v.Detail}})
	}
	if n := r.Found - len(t.Rows); n > 0 {
		t.Caption = fmt.Sprintf("The first %d, those with the fewest faults before others; there are %s more.", len(t.Rows), digits(n))
	}
	byInvariant := chart.Bars{Title: "Violations by invariant", What: "invariant", Unit: "schedules that broke it"}
	for _, name := range slices.SortedFunc(maps.Keys(r.Broken), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Broken[b], r.Broken[a]), cmp.Compare(a, b))
	}) {
		byInvariant.Bars = append(byInvariant.Bars, chart.Bar{Label: name, Value: float64(r.Broken[name]), Class: string(report.Bad)})
	}
	id := first(r.Violations)
	how := "This command shows all that happens in a schedule; the first one has the fewest faults."
	if about.Lab != nil {
		how += " Step by step in a browser: " + about.Lab(id) + ". Each schedule in the table links to its page there; port 8080 is the default of the server."
	}
	return report.Section{
		ID: "violations", Heading: "Violations", Text: how,
		Blocks: []template.HTML{report.Command(about.Replay + " '" + id + "'"), byInvariant.HTML(), t.HTML()},
	}
}

// first returns the id of the schedule with the fewest faults.
func first(all []Violation) string {
	if len(all) == 0 {
		return ""
	}
	return all[0].ID
}

func findingID(i int) string { return fmt.Sprintf("finding-%d", i+1) }

func (a *About) lintSection() report.Section {
	t := report.Table{Head: []string{"where", "rule", "problem", "what to change"}}
	for _, f := range a.Lint {
		t.Rows = append(t.Rows, []report.Cell{{Text: f.Path, Code: true}, {Text: f.Rule, State: report.Bad}, {Text: f.Problem}, {Text: f.Advice}})
	}
	for _, name := range a.Unjudged {
		t.Rows = append(t.Rows, []report.Cell{{Text: name, Code: true}, {Text: "not judged", State: report.Bad},
			{Text: "no invariant looks at what the task does"}, {Text: "add it to the effects of verify/model, with invariants of its records"}})
	}
	return report.Section{ID: "definition", Heading: "Findings in the definition", Blocks: []template.HTML{t.HTML()}}
}

// faultsSection shows the kinds of faults in rows and the steps in columns, since there are more kinds than steps.
func (r *Report) faultsSection(o Options) report.Section {
	g := chart.Grid{
		Title:   "Schedules by the kind of a fault, and the step at which it happens",
		Summary: "A schedule of several faults is in several cells. A cell with a violation links to the first one." + r.notReached(o),
		Corner:  "fault", Cells: map[[2]string]chart.Count{},
	}
	subject := o.World.Subject
	leads, kinds := r.firstFindings(subject), map[string]int{}
	for _, e := range r.Explored {
		if !slices.Contains(g.Columns, e.Step) {
			g.Columns = append(g.Columns, e.Step)
		}
		kinds[string(e.Fault)] += e.Schedules
		g.Cells[[2]string{string(e.Fault), e.Step}] = chart.Count{
			N: e.Schedules, Bad: e.Broken, Link: cmp.Or(leads[cell{e.Step, e.Fault}], "violations"),
		}
	}
	g.Rows = slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(kindOrder(subject, a), kindOrder(subject, b)), cmp.Compare(a, b))
	})
	words := report.Table{Head: []string{"fault", "what it is"}}
	for _, k := range g.Rows {
		words.Rows = append(words.Rows, []report.Cell{{Text: k, Code: true}, {Text: kindMeans(subject, k)}})
	}
	return report.Section{ID: "faults", Heading: "Explored faults", Blocks: []template.HTML{
		g.HTML(), "<details><summary>What each fault is</summary>" + words.HTML() + "</details>",
	}}
}

// notReached describes at which steps of the saga no fault was played, and why.
func (r *Report) notReached(o Options) string {
	var names []string
	for _, step := range o.World.Subject.Steps {
		if !slices.ContainsFunc(r.Explored, func(e Explored) bool { return e.Step == step }) {
			names = append(names, step)
		}
	}
	if len(names) == 0 || len(r.Explored) == 0 {
		return ""
	}
	missing := " No fault was played at " + strings.Join(names, ", ") + ": "
	switch {
	case r.Partial:
		return missing + "the exploration ended before."
	case o.Only != "" || o.OneIn > 1:
		return missing + "the schedules that were chosen have none there."
	case o.Depth < 2:
		return missing + fmt.Sprintf("no scenario that was played reaches them without another fault, and --depth %d plays one fault at a time. --depth 2 plays a second one.", o.Depth)
	}
	return missing + "no schedule that was played reaches them."
}

// firstFindings maps each kind of fault at a step to the place on the page that lists its first violation.
func (r *Report) firstFindings(subject *world.Subject) map[cell]string {
	first := map[cell]string{}
	for i, v := range r.Violations[:min(len(r.Violations), mostListed)] {
		s, err := subject.ParseSchedule(v.ID)
		if err != nil {
			continue // its cells link to the section
		}
		for _, f := range s.Faults {
			first[cellOf(f)] = cmp.Or(first[cellOf(f)], findingID(i))
		}
	}
	return first
}

func (r *Report) schedulesSection(subject *world.Subject) report.Section {
	stages := chart.Bars{Title: "Schedules by what was explored", What: "explored", Unit: "schedules", Bars: []chart.Bar{
		{Label: "singles", Value: float64(r.Singles), Note: "one fault"},
		{Label: "reordered", Value: float64(r.Reordered), Note: "one fault, another order of equal events"},
		{Label: "interleaved", Value: float64(r.Interleaved), Note: "the work of two is split between their operations"},
		{Label: "pairs", Value: float64(r.Pairs), Note: "two faults"},
		{Label: "triples", Value: float64(r.Triples), Note: "three faults, drawn"},
	}}
	scenarios := chart.Bars{Title: "Schedules by scenario", What: "scenario", Unit: "schedules"}
	means := report.Table{Head: []string{"scenario", "what is booked", "schedules", "broken"}}
	for i := range stages.Bars {
		stages.Bars[i].Class = "series-1"
	}
	for _, s := range r.Scenarios {
		bar := chart.Bar{Label: s.Scenario, Value: float64(s.Schedules), Class: "series-1"}
		if s.Broken > 0 {
			bar.Class, bar.Note = string(report.Bad), digits(s.Broken)+" broken"
		}
		scenarios.Bars = append(scenarios.Bars, bar)
		means.Rows = append(means.Rows, []report.Cell{{Text: s.Scenario, Code: true}, {Text: scenarioMeans(subject, s.Scenario)},
			report.Number(float64(s.Schedules)), report.Number(float64(s.Broken))})
	}
	return report.Section{ID: "schedules", Heading: "Schedules", Blocks: []template.HTML{stages.HTML(), scenarios.HTML(), means.HTML()}}
}

func scenarioMeans(subject *world.Subject, name string) string {
	s, _ := subject.Scenario(name)
	return s.Means
}

func (r *Report) invariantsSection(subject *world.Subject) report.Section {
	t := report.Table{Head: []string{"invariant", "what must hold", "result"}}
	for _, inv := range subject.AllInvariants() {
		result := report.Cell{Text: "held", State: report.OK}
		switch n := r.Broken[inv.Name]; {
		case n > 0:
			result = report.Cell{Text: "broken in " + digits(n), State: report.Bad}
		case r.Partial:
			result = report.Cell{Text: "held so far", State: report.Waiting}
		}
		t.Rows = append(t.Rows, []report.Cell{{Text: inv.Name, Code: true}, {Text: inv.Means}, result})
	}
	return report.Section{
		ID: "invariants", Heading: "Invariants",
		Text:   "Each schedule is judged by an independent model of the records, most invariants at every commit.",
		Blocks: []template.HTML{t.HTML()},
	}
}

// leftOutSection counts what each rule left out, if the exploration has a coverage.
func (r *Report) leftOutSection(o Options) report.Section {
	section := report.Section{ID: "left-out", Heading: "What was left out", Text: "No violation says nothing about what was not run."}
	if r.Coverage == nil {
		section.Blocks = []template.HTML{report.List(r.leftOut(o)...)}
		return section
	}
	section.Blocks = []template.HTML{report.List(append(r.notAsked(o), never)...), r.Coverage.rulesTable(o.World.Subject).HTML()}
	return section
}

const never = "Faults inside of providers, whose calls happen or do not; damage to the disk; clocks that differ."

// leftOut lists what the options leave out, then what every exploration leaves out.
func (r *Report) leftOut(o Options) []string {
	return append(append(r.notAsked(o), r.ruledOut(o)...), never)
}

// notAsked lists what the options leave out.
func (r *Report) notAsked(o Options) (all []string) {
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(r.Partial, "Everything that comes after the last schedule: the exploration did not end by itself.")
	add(len(o.Scenarios) > 0, "All scenarios but these: %s.", strings.Join(o.Scenarios, ", "))
	add(o.Only != "", "Schedules with most faults whose id does not contain %q.", o.Only)
	add(o.OneIn > 1 && o.allSingles, "All but one in %s schedules of a late call, of another order of events, or of two faults, drawn by seed %d.", digits(o.OneIn), o.Seed)
	add(o.OneIn > 1 && !o.allSingles, "All but one in %s schedules, drawn by seed %d.", digits(o.OneIn), o.Seed)
	add(o.Depth < 1, "Single faults.")
	add(o.Depth < 2, "Pairs of faults.")
	add(true, "Schedules of three and more faults, but for %s of three that were drawn.", digits(r.Triples))
	return all
}

// ruledOut lists the pairs that rules leave out.
func (r *Report) ruledOut(o Options) (all []string) {
	if o.Depth < 2 {
		return nil
	}
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(!o.Whole && r.Same > 0, "Pairs of %s first faults after which the records and the future are the same as after another first fault.", digits(r.Same))
	add(!o.Whole, "Pairs that equal another pair: a crash that loses writes equals a crash before them; a late call that resumes between operations with which it does not conflict.")
	add(!o.Whole, "Second faults of a saga in the middle of the hundred retries of a lasting fault: they come in the first two and the last two.")
	for _, rule := range o.World.Subject.LeaveOut {
		add(true, "%s", rule.Means)
	}
	add(true, "Pairs with a fault that is already a combination, and pairs in scenarios that begin with a fault.")
	add(true, "A late call that resumes at a point which exists only because of the second fault, unless that fault leads to the compensations.")
	return all
}

// kinds are the faults that every program can meet, in the order of docs/verify.md, with their meanings.
var kinds = []struct {
	kind  sim.Kind
	means string
}{
	{sim.Fail, "an error, and nothing happened; of a reply: an error after the effect"},
	{sim.Lost, "the reply is lost: it happened, and the caller gets an error or nothing"},
	{world.Throttle, "the table is busy or two transactions collide: nothing is written"},
	{sim.Die, "the function's process ends before it"},
	{world.Gone, "the function's process ends after it"},
	{sim.Late, "the caller gets nothing; the call is paused and resumes before another point"},
	{sim.Twice, "the delivery is repeated immediately"},
	{sim.Again, "the delivery is repeated before another point"},
	{world.Altered, "a delivery that was done is repeated with another input"},
	{world.Down, "it fails from here on, until an operator repairs it"},
	{world.Mute, "it has its effect and all its replies are lost, until an operator repairs it"},
	{world.Broken, "it fails with an error that is not retried, until an operator repairs it"},
	{world.Hour, "an hour passes while the machine is suspended"},
	{world.Day, "a day passes while the machine is suspended"},
	{world.Fortnight, "15 days pass while the machine is suspended"},
	{world.Break, "the process is off for an hour"},
	{world.Weekend, "the process is off for two days"},
	{world.Holidays, "the process is off for 15 days"},
	{world.Crash, "the process is killed before it, and starts again; the newest deferred writes are lost"},
	{world.Crashed, "the process is killed after it, and starts again"},
	{world.Leave, "the client gets an error and never comes back"},
	{world.Doze, "it fails, and the process is killed half-way through the wait for the retry"},
	{world.Nap, "no reply comes, and the process is killed half-way through the timeout"},
	{world.Rival, "a second engine opens on the same table"},
	{world.Redrive, "an operator redrives in between"},
}

// kindOrder returns the position of a kind: those of every program first, then the subject's.
func kindOrder(subject *world.Subject, kind string) int {
	for i, k := range kinds {
		if string(k.kind) == kind {
			return i
		}
	}
	for i, k := range subject.Faults {
		if string(k.Kind) == kind {
			return len(kinds) + i
		}
	}
	return len(kinds) + len(subject.Faults)
}

func kindMeans(subject *world.Subject, kind string) string {
	switch i := kindOrder(subject, kind); {
	case i < len(kinds):
		return kinds[i].means
	case i < len(kinds)+len(subject.Faults):
		return subject.Faults[i-len(kinds)].Means
	}
	return ""
}
