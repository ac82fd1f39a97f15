package lab

import (
	"cmp"
	"slices"
	"strings"

	"tripsaga/console/page"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/verify/mutants"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// indexView is what the first page of the lab shows.
type indexView struct {
	Scenarios []scenarioRow
	Chosen    string
	Points    []pointRow
	Mutants   []mutantRow
	Edited    bool // the definition is not the product's
	Tasks     []liveTask
	Crash     string // the address of a schedule with a crash
	Armed     string // what goes wrong with the next booking of the server
}

type scenarioRow struct {
	Name, Link, Choose string
	Means              described
	Here               bool
}

// pointRow is a point of the chosen scenario without faults, and what can happen there.
type pointRow struct {
	Label  sim.Label
	Faults []sim.Fault
}

type mutantRow struct {
	Name, Link string
	Means      described
}

// crash is a schedule in which the process is killed after the payment was charged, and starts again.
const crash = "booked:A.ProcessPayment#1.put1=crash"

// index lists the scenarios, and the faults that can happen in one of them.
func (l *Lab) index(r *page.Request) (page.Page, error) {
	v := &indexView{Chosen: cmp.Or(r.URL.Query().Get("scenario"), trip.Product().ScenarioNames()[0]), Edited: l.edited,
		Tasks: liveTasks(), Armed: l.live.waiting(), Crash: Address(crash)}
	if !slices.Contains(trip.Product().ScenarioNames(), v.Chosen) {
		return wrong(r, "", fault.New(fault.NotFound, fault.NameNotFound, "there is no scenario %.80q, only %s", v.Chosen, strings.Join(trip.Product().ScenarioNames(), ", "))), nil
	}
	for _, s := range trip.Product().Scenarios {
		a := address{schedule: world.Schedule{Scenario: s.Name}}
		v.Scenarios = append(v.Scenarios, scenarioRow{s.Name, a.link(), "/console/lab?scenario=" + s.Name + "#break", describe(r, s.Name, s.Means), s.Name == v.Chosen})
	}
	root := world.Schedule{Scenario: v.Chosen}
	t, err := l.player.play(r.Context(), l.player.product, what{schedule: v.Chosen}, root)
	if err != nil {
		return page.Page{}, err
	}
	for i := range t.Points {
		p := pointRow{Label: t.Points[i].Label}
		for c := range t.Points[i].Choices() {
			p.Faults = append(p.Faults, c.Fault)
		}
		if late, _ := t.Points[i].Delays(); late {
			p.Faults = append(p.Faults, sim.Fault{At: p.Label, Kind: sim.Late, Until: sim.AtEnd})
		}
		if len(p.Faults) > 0 {
			v.Points = append(v.Points, p)
		}
	}
	for _, m := range mutants.All() {
		id := m.Schedule()
		s, err := trip.Product().ParseSchedule(id)
		if err != nil {
			return page.Page{}, err
		}
		v.Mutants = append(v.Mutants, mutantRow{m.Name, address{mutant: m.Name, schedule: s, first: true}.link(), describe(r, m.Name, m.Means)})
	}
	return page.Page{Templates: templates, Name: "index.html", Data: v, Title: templates.Text(r.Lang, "title"), Section: section}, nil
}
