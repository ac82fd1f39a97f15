package asl

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong, or doubtful, in a definition.
type Problem struct {
	Path    string // JSON path of the place, such as "$.States.Pay.Retry[1].IntervalSeconds"
	Message string // what is wrong there and what is allowed
}

func (p Problem) String() string { return p.Path + ": " + p.Message }

// DefinitionError tells everything that [Parse] found wrong with a definition, in the order of the paths.
type DefinitionError struct {
	Problems []Problem
}

func (e *DefinitionError) Error() string {
	if len(e.Problems) == 1 {
		return "asl: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "asl: the definition has %d problems:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

func sortProblems(problems []Problem) {
	sort.SliceStable(problems, func(i, j int) bool { return problems[i].Path < problems[j].Path })
}
