package diagram

import (
	"encoding/json"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"tripsaga/asl"
)

// odd are names and error names that a drawing must not be taken in by.
var odd = []string{
	"", "ReserveFlight", `<script>alert("1")</script>`, "]]>", `" onload='x`, "&amp;", "\u202egnirts", "a\u2028b", "予約する",
	"\u200fעברית", "🧳\u200d", "e\u0301", "tab\there", "\x00\x1b[31m", "\ufffe", strings.Repeat("W", 70), "O'Hare",
}

type object = map[string]any

// maker draws valid machines.
type maker struct {
	*rapid.T
	count int
}

func (m *maker) pick(what string, high int) int { return rapid.IntRange(0, high).Draw(m.T, what) }

func (m *maker) text() string { return rapid.SampledFrom(odd).Draw(m.T, "text") }

func (m *maker) machine(states int) *asl.Machine {
	definition, err := json.Marshal(m.graph(states, 0))
	if err != nil {
		m.Fatal(err)
	}
	machine, err := asl.Parse(definition)
	if err != nil {
		m.Fatalf("%v\n%s", err, definition)
	}
	return machine
}

// graph draws a set of states. Each leads to the next one at least, so that all are reached, and the last one ends.
func (m *maker) graph(most, depth int) object {
	names := make([]string, 1+m.pick("states", most-1))
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", m.text(), m.count)
		m.count++
	}
	states := object{}
	for i, name := range names {
		states[name] = m.state(names, i, depth)
	}
	return object{"StartAt": names[0], "States": states}
}

func (m *maker) state(names []string, i, depth int) object {
	any := func() string { return names[m.pick("to", len(names)-1)] }
	last := i == len(names)-1
	kinds := []string{"Task", "Task", "Task", "Pass", "Wait", "Choice", "Parallel", "Map"}
	kind := kinds[m.pick("kind", len(kinds)-1)]
	s := object{"Type": kind}
	switch {
	case last && m.pick("fails", 3) == 0:
		return object{"Type": "Fail", "Error": m.text()}
	case kind == "Choice" && last, (kind == "Parallel" || kind == "Map") && depth > 1:
		s["Type"] = "Task"
	}
	switch s["Type"] {
	case "Task":
		s["Resource"] = "f"
	case "Wait":
		s["Seconds"] = 1
	case "Parallel":
		branches := []object{}
		for range 1 + m.pick("branches", 2) {
			branches = append(branches, m.graph(3, depth+1))
		}
		s["Branches"] = branches
	case "Map":
		s["ItemProcessor"] = m.graph(3, depth+1)
	case "Choice":
		rules := []object{}
		for range 1 + m.pick("rules", 3) {
			rules = append(rules, object{"Variable": "$.a", "StringEquals": m.text(), "Next": any()})
		}
		s["Choices"], s["Default"] = rules, names[i+1]
		return s
	}
	errors := []object{}
	for range m.pick("catchers", 3) {
		errors = append(errors, object{"ErrorEquals": []string{"E" + m.text(), "F"}, "Next": any()})
	}
	goOn := m.pick("catches on", 3) == 0 && !last
	if s["Type"] == "Pass" || s["Type"] == "Wait" {
		errors, goOn = nil, false
	}
	switch {
	case last || goOn:
		s["End"] = true
	default:
		s["Next"] = names[i+1]
	}
	if goOn {
		errors = append(errors, object{"ErrorEquals": []string{"States.ALL"}, "Next": names[i+1]})
	}
	if len(errors) > 0 {
		s["Catch"] = errors
	}
	return s
}

// drawing draws marks and transitions of an execution, of states that do not exist among them.
func (m *maker) drawing(machine *asl.Machine) Drawing {
	statuses := []Status{"", Done, Running, Waiting, Failed, Caught, Aborted, Ended, `"><script>`}
	d := Drawing{Title: m.text(), Marks: map[string]Mark{"no such": {Status: Done}}, Taken: map[[2]string]bool{{"", machine.StartAt()}: true}}
	for _, s := range machine.States() {
		d.Marks[s.Name] = Mark{
			Status: statuses[m.pick("status", len(statuses)-1)], Attempts: m.pick("attempts", 3), Note: m.text(),
			Link: rapid.SampledFrom([]string{"", "/a?b=1&c=2", "javascript:alert(1)", " JavaScript:alert(1)", `"><b>`, m.text()}).Draw(m.T, "link"),
		}
		for _, e := range s.Edges {
			d.Taken[[2]string{s.Name, e.To}] = m.pick("taken", 1) == 1
		}
	}
	return d
}
