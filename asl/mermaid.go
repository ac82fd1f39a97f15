package asl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mermaid returns the machine as a Mermaid state diagram, which GitHub renders: plain arrows for Next, labelled ones for
// the rules of a Choice and for Catch, the status with which the machine ends, and the Comment of each last state. The
// text is the same for the same machine.
func (m *Machine) Mermaid() string {
	d := &diagram{ids: map[*state]string{}}
	d.line("stateDiagram-v2")
	d.depth++
	d.graph(m.root)
	return d.text.String()
}

type diagram struct {
	text  strings.Builder
	depth int
	ids   map[*state]string
}

func (d *diagram) line(format string, args ...any) {
	d.text.WriteString(strings.Repeat("    ", d.depth))
	fmt.Fprintf(&d.text, format, args...)
	d.text.WriteByte('\n')
}

func (d *diagram) graph(g *graph) {
	g.walk(d.declare)
	d.line("[*] --> %s", d.ids[g.start])
	g.walk(d.arrows)
}

// declare declares a state, with an alias if Mermaid does not allow its name, and draws what it contains.
func (d *diagram) declare(st *state) {
	d.ids[st] = st.name
	if !isPlainName(st.name) || reservedInMermaid[strings.ToLower(st.name)] {
		d.ids[st] = fmt.Sprintf("s%d", len(d.ids))
		d.line("state %s as %s", quoteLabel(st.name), d.ids[st])
	}
	inner := st.graphs()
	if len(inner) == 0 {
		return
	}
	d.line("state %s {", d.ids[st])
	d.depth++
	for i, g := range inner {
		if i > 0 {
			d.line("--")
		}
		d.graph(g)
	}
	d.depth--
	d.line("}")
}

var reservedInMermaid = map[string]bool{
	"state": true, "note": true, "end": true, "direction": true, "class": true, "classdef": true, "style": true,
	"default": true, "as": true, "hide": true, "scale": true, "click": true,
}

func (d *diagram) arrows(st *state) {
	for _, e := range st.edges() {
		if e.Label == "" {
			d.line("%s --> %s", d.ids[st], d.ids[e.target])
		} else {
			d.line("%s --> %s: %s", d.ids[st], d.ids[e.target], plainLabel(e.Label))
		}
	}
	if !st.isTerminal() {
		return
	}
	if status := st.endStatus(); status != "" {
		d.line("%s --> [*]: %s", d.ids[st], plainLabel(status))
	} else {
		d.line("%s --> [*]", d.ids[st])
	}
	if st.comment != "" {
		d.line("note right of %s: %s", d.ids[st], noteText(st.comment))
	}
}

// endStatus returns the machine's status after a Succeed or Fail state. After another last state, such as a Task with End,
// the status depends on the outcome, which its Comment may explain.
func (st *state) endStatus() string {
	switch b := st.body.(type) {
	case *failing:
		return strings.TrimSpace(string(Failed) + " " + b.name.text)
	case *succeed:
		if st.graph.owner == nil {
			return string(Succeeded)
		}
	}
	return ""
}

func quoteLabel(s string) string { return `"` + strings.ReplaceAll(plainLabel(s), `"`, "'") + `"` }

// plainLabel replaces the characters that would end a label by entities.
func plainLabel(s string) string {
	return strings.NewReplacer("\n", " ", ";", "#59;", "#", "#35;", ":", "#58;", "<", "#lt;", ">", "#gt;").Replace(s)
}

// noteText replaces what would end a note by entities.
func noteText(s string) string {
	return strings.NewReplacer("\n", " ", ";", ",", ":", ",", "#", "").Replace(s)
}

// describeRule returns a rule of a Choice in words, for the labels of a diagram: `$.status StringEquals "paid"`.
func describeRule(v any) string {
	rule, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, name := range []string{"And", "Or"} {
		if parts, ok := rule[name].([]any); ok {
			return joinRules(parts, " "+strings.ToLower(name)+" ")
		}
	}
	if inner, ok := rule["Not"]; ok {
		return "not (" + describeRule(inner) + ")"
	}
	variable, _ := rule["Variable"].(string)
	for _, operator := range slices.Sorted(maps.Keys(rule)) {
		switch operator {
		case "Variable", "Next", "Comment":
			continue
		}
		return variable + " " + operator + " " + jsonText(rule[operator])
	}
	return variable
}

func joinRules(parts []any, with string) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = describeRule(part)
		if nested, ok := part.(map[string]any); ok && (nested["And"] != nil || nested["Or"] != nil) {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, with)
}
