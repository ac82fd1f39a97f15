package mutants

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tripsaga/verify"
	"tripsaga/verify/model"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

var (
	update = flag.Bool("update", false, "rewrite the rows of "+readme+" that are missing or not true any more")
	anew   = flag.String("mutant", "", "with -update: explore this mutant too, or all of them; each takes up to a minute")
)

const (
	readme = "../README.md"

	schedulesFile = "schedules.txt"
	begin         = "<!-- mutants: written by go test ./verify/mutants -run TestTable -update -->\n"
	end           = "<!-- end of mutants -->\n"
)

// TestTable replays what the table says: each mutant breaks that invariant in that schedule, and the product does not.
func TestTable(t *testing.T) {
	if *update {
		writeTable(t)
	}
	rows := readTable(t)
	product := newWorld(t, world.Config{Subject: trip.Product()})
	if len(rows) != len(All()) {
		t.Errorf("verify/README.md has %d rows of mutants, there are %d: run make update", len(rows), len(All()))
	}
	for _, m := range All() {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == m.Name })
		if i < 0 {
			t.Errorf("verify/README.md has no row of the mutant %s: run make update", m.Name)
			continue
		}
		cfg, err := m.Config()
		if err != nil {
			t.Fatal(err)
		}
		if found := violations(t, newWorld(t, cfg), rows[i].schedule); !breaks(found, rows[i].invariant) {
			t.Errorf("%s: %s breaks %v, not %s", m.Name, rows[i].schedule, found, rows[i].invariant)
		}
		if m.Schedule() != rows[i].schedule {
			t.Errorf("%s has %q for %s, verify/README.md has %q: run make update", schedulesFile, m.Schedule(), m.Name, rows[i].schedule)
		}
		if found := violations(t, product, rows[i].schedule); len(found) > 0 {
			t.Errorf("%s: %s breaks the product: %v", m.Name, rows[i].schedule, found)
		}
	}
}

// holds reports whether the mutant's row is still true.
func holds(t *testing.T, m Mutant) bool {
	rows := readTable(t)
	i := slices.IndexFunc(rows, func(r row) bool { return r.name == m.Name })
	if i < 0 {
		return false
	}
	cfg, err := m.Config()
	if err != nil {
		return false
	}
	s, err := trip.Product().ParseSchedule(rows[i].schedule)
	if err != nil {
		return false
	}
	r, err := newWorld(t, cfg).Run(t.Context(), s)
	return err == nil && breaks(r.Violations, rows[i].invariant)
}

func newWorld(t *testing.T, cfg world.Config) *world.World {
	t.Helper()
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func violations(t *testing.T, w *world.World, id string) []model.Violation {
	t.Helper()
	s, err := trip.Product().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if r.Happened != len(s.Faults) {
		t.Errorf("%s: %d of %d faults happened", id, r.Happened, len(s.Faults))
	}
	return r.Violations
}

func breaks(found []model.Violation, invariant string) bool {
	return slices.ContainsFunc(found, func(v model.Violation) bool { return v.Invariant == invariant })
}

type row struct{ name, invariant, schedule string }

func readTable(t *testing.T) (rows []row) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := bytes.Cut(text, []byte(begin))
	text, _, closed := bytes.Cut(text, []byte(end))
	if !ok || !closed {
		t.Fatalf("%s has no table of mutants", readme)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.Contains(cells[1], "`") {
			continue
		}
		clean := func(i int) string { return strings.Trim(cells[i], " `") }
		rows = append(rows, row{clean(1), clean(3), clean(4)})
	}
	return rows
}

func writeTable(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := bytes.Cut(text, []byte(begin))
	_, tail, closed := bytes.Cut(text, []byte(end))
	if !ok || !closed {
		t.Fatalf("%s has no table of mutants", readme)
	}
	var table, list bytes.Buffer
	table.WriteString("| mutant | what is broken | found by | shortest schedule | schedules run | s |\n|---|---|---|---|---|---|\n")
	for _, m := range All() {
		if old := oldRow(text, m.Name); *anew != "all" && m.Name != *anew && holds(t, m) {
			table.WriteString(old)
			continue
		}
		v, err := Kill(t.Context(), m, verify.Options{Depth: 2, Seed: 1})
		if err != nil || !v.Killed {
			t.Fatalf("%s survives %d schedules: %v", m.Name, v.Schedules, err)
		}
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | `%s` | %d | %.1f |\n", v.Name, v.Means, v.Invariant, v.Schedule, v.Schedules, v.Seconds)
		t.Logf("%s: %s by %s", v.Name, v.Invariant, v.Schedule)
	}
	for line := range strings.Lines(table.String()) {
		if cells := strings.Split(line, "|"); strings.Contains(cells[1], "`") {
			fmt.Fprintf(&list, "%s %s\n", strings.Trim(cells[1], " `"), strings.Trim(cells[4], " `"))
		}
	}
	schedules = list.String()
	if err := os.WriteFile(schedulesFile, list.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(readme, slices.Concat(head, []byte(begin), table.Bytes(), []byte(end), tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// oldRow is the existing row, "" if there is none.
func oldRow(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `"+name+"` |") {
			return line
		}
	}
	return ""
}
