package verify

import (
	"cmp"
	"html/template"
	"slices"

	"tripsaga/report"
	"tripsaga/report/chart"
	"tripsaga/verify/world"
)

// section draws the coverage: operations by faults.
func (c *Coverage) section(subject *world.Subject) report.Section {
	g := chart.Grid{
		Title:   "Schedules by operation and fault",
		Summary: "A name alone is a delivery; a + is its repetition, or somebody's second call. An empty cell: such a fault cannot happen there, or a rule left it out.",
		Corner:  "operation", Cells: map[[2]string]chart.Count{},
	}
	for i := range c.Cells {
		one := &c.Cells[i]
		if one.Schedules() == 0 {
			continue
		}
		if !slices.Contains(g.Rows, one.Operation) {
			g.Rows = append(g.Rows, one.Operation)
		}
		if !slices.Contains(g.Columns, string(one.Fault)) {
			g.Columns = append(g.Columns, string(one.Fault))
		}
		g.Cells[[2]string{one.Operation, string(one.Fault)}] = chart.Count{N: one.Schedules()}
	}
	slices.SortFunc(g.Columns, func(a, b string) int { return cmp.Compare(kindOrder(subject, a), kindOrder(subject, b)) })
	return report.Section{
		ID: "coverage", Heading: "Coverage", Text: "A second run with the same options must have the same coverage: verify --coverage FILE writes it, --coverage-equals FILE compares it.",
		Blocks: []template.HTML{"<details><summary>Operations by faults</summary>" + g.HTML() + "</details>"},
	}
}

// rulesTable shows how much each rule left out, the subject's rules last.
func (c *Coverage) rulesTable(subject *world.Subject) *report.Table {
	t := &report.Table{Head: []string{"rule", "what it leaves out", "schedules", "singles without pairs"}}
	all := slices.Clone(rules)
	for _, rule := range subject.LeaveOut {
		all = append(all, leftBy{rule.Name, rule.Means})
	}
	for _, rule := range all {
		schedules, singles := 0, 0
		for i := range c.Cells {
			schedules += c.Cells[i].LeftOut[rule.name]
			singles += c.Cells[i].NoPairs[rule.name]
		}
		if schedules+singles > 0 {
			t.Rows = append(t.Rows, []report.Cell{{Text: rule.name, Code: true}, {Text: rule.means}, report.Number(float64(schedules)), report.Number(float64(singles))})
		}
	}
	return t
}
