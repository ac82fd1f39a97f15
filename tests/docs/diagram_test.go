// Package docs keeps the documents true: the diagram is the definition's, and every command is run.
package docs

import (
	"flag"
	"os"
	"strings"
	"testing"

	"tripsaga/asl"
	"tripsaga/trip/saga"
)

var update = flag.Bool("update", false, "write the generated parts of the documents anew")

// runEnv asks for the tests that run the documents' commands.
const runEnv = "TRIPSAGA_RUN_DOCS"

const (
	readme       = "../../README.md"
	diagramBegin = "<!-- diagram: generated from trip/saga/booking.asl.json by make diagram -->\n```mermaid\n"
	diagramEnd   = "```\n<!-- end of diagram -->"
)

func TestDiagramIsOfTheDefinition(t *testing.T) {
	machine, err := asl.Parse(saga.Definition())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), diagramBegin)
	shown, after, ends := strings.Cut(rest, diagramEnd)
	if !begins || !ends {
		t.Fatalf("README.md has no part between %q and %q", diagramBegin, diagramEnd)
	}
	drawn := machine.Mermaid()
	if shown == drawn {
		return
	}
	if !*update {
		t.Fatalf("the diagram in README.md is stale; make diagram writes it anew:\n%s", drawn)
	}
	if err := os.WriteFile(readme, []byte(before+diagramBegin+drawn+diagramEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
