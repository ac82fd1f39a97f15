package story_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tripsaga/engine/sim"
	"tripsaga/trip/saga"
	"tripsaga/verify/mutants"
	"tripsaga/verify/story"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func newWorld(t testing.TB, cfg world.Config) *world.World {
	t.Helper()
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func product() world.Config { return world.Config{Subject: trip.Product()} }

// mutant plays a mutant of the trip.
func mutant(t testing.TB, name string) world.Config {
	t.Helper()
	i := slices.IndexFunc(mutants.All(), func(m mutants.Mutant) bool { return m.Name == name })
	cfg, err := mutants.All()[i].Config()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func mustTrace(t testing.TB, w *world.World, id string) *world.Trace {
	t.Helper()
	s, err := w.Subject().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := w.Trace(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestGolden writes down runs of a schedule with no, one and two faults, and two that break an invariant.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name, id string
		cfg      world.Config
	}{
		{"two", "two", product()},
		{"single", "booked:A.ProcessPayment#1.reply=lost", product()},
		{"pair", "booked:A.ReserveHotel#1=mute,A.CancelHotel#1.put1=crash", product()},
		{"late", "booked:A.ReserveFlight#1.put1=late@end,A.ReserveFlight#2=down", product()},
		{"redriven", "booked:A.BookingConfirmed#1=down", product()},
		{"refund-not-wired", "booked:A.ProcessPayment#1=mute", mutant(t, "refund-not-wired")},
		{"charge-without-key", "weekend", mutant(t, "charge-without-key")},
	} {
		w := newWorld(t, c.cfg)
		trace := mustTrace(t, w, c.id)
		code, err := story.Test(trip.Program(""), trace.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.name+".story.txt", story.Text(w.Subject(), trace))
		golden(t, c.name+".mmd", story.Mermaid(w.Subject(), trace))
		golden(t, c.name+".go.txt", string(code))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is written now (go test ./verify/story -update):\n%s", file, got)
	}
}

// The lines of a sequence diagram that package story writes, by Mermaid's grammar: https://mermaid.js.org/syntax/sequenceDiagram.html.
// A # begins an entity, and ; ends a statement.
var (
	participant = regexp.MustCompile(`^    participant (P\d+) as (?:[^#;<>\n]|#\w+;)+$`)
	message     = regexp.MustCompile(`^    (P\d+)(?:->>|-->>|-x|--x)(P\d+): (?:[^#;<>\n]|#\w+;)+$`)
	note        = regexp.MustCompile(`^    Note over (P\d+): (?:[^#;<>\n]|#\w+;)+$`)
)

// checkMermaid is a strict reading of a diagram. It returns the participants' ids.
func checkMermaid(t *testing.T, id, diagram string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(diagram, "\n"), "\n")
	if lines[0] != "sequenceDiagram" || len(lines) > 120 {
		t.Errorf("%s: a diagram of %d lines begins with %q", id, len(lines), lines[0])
	}
	declared, used := map[string]bool{}, map[string]bool{}
	for _, line := range lines[1:] {
		if m := participant.FindStringSubmatch(line); m != nil {
			if declared[m[1]] || len(used) > 0 {
				t.Errorf("%s: %s is declared twice or late", id, m[1])
			}
			declared[m[1]] = true
			continue
		}
		m := append(message.FindStringSubmatch(line), note.FindStringSubmatch(line)...)
		if m == nil || len(line) > 400 {
			t.Errorf("%s: no line of a sequence diagram: %q", id, line)
			continue
		}
		for _, p := range m[1:] {
			if used[p] = true; !declared[p] {
				t.Errorf("%s: %s is not declared", id, p)
			}
		}
	}
	if len(used) != len(declared) {
		t.Errorf("%s: participants %v, used %v", id, declared, used)
	}
}

// TestEveryFault writes down one run of each fault at each kind of point: every line is a sentence or a line of the grammar, and
// says what went wrong.
func TestEveryFault(t *testing.T) {
	w, told := newWorld(t, product()), map[sim.Kind]bool{}
	seen := map[string]bool{}
	for _, scenario := range []string{"booked", "flight-full", "last-seat", "cancelled"} {
		for _, p := range mustTrace(t, w, scenario).Points {
			for _, f := range faultsAt(&p) {
				what := string(f.Kind) + string(rune('0'+p.Where))
				if seen[what] || p.Given {
					continue
				}
				seen[what] = true
				trace := mustTrace(t, w, scenario+":"+f.String())
				text := story.Text(w.Subject(), trace)
				checkMermaid(t, scenario+":"+f.String(), story.Mermaid(w.Subject(), trace))
				for line := range strings.Lines(text) {
					if len(line) > 400 || strings.Contains(line, "%!") {
						t.Errorf("%s: %s", f, line)
					}
				}
				if plain := story.Text(w.Subject(), mustTrace(t, w, scenario)); !saysMore(text, plain) {
					t.Errorf("%s: the story says no more than one without a fault:\n%s", f, text)
				}
				told[f.Kind] = true
			}
		}
	}
	for _, k := range w.Subject().Kinds() {
		if !told[k] && k != world.Broken && k != world.Redrive {
			t.Errorf("no run with the fault %s was written down", k)
		}
	}
}

// saysMore reports whether a story has a line, its heading aside, that the other one lacks.
func saysMore(text, plain string) bool {
	for _, line := range strings.Split(text, "\n")[1:] {
		if !strings.Contains(plain, line) {
			return true
		}
	}
	return false
}

func faultsAt(p *world.Point) (all []sim.Fault) {
	for c := range p.Choices() {
		all = append(all, c.Fault)
	}
	late, again := p.Delays()
	if late {
		all = append(all, sim.Fault{At: p.Label, Kind: sim.Late, Until: sim.AtEnd})
	}
	if again {
		all = append(all, sim.Fault{At: p.Label, Kind: sim.Again, Until: sim.AtEnd})
	}
	return all
}

// TestHostileWords: what the program calls itself can break neither a line nor the diagram.
func TestHostileWords(t *testing.T) {
	s := *trip.Product()
	s.Words = map[string]string{
		"ReserveFlight": "end; Note over P9: <script>alert(1)</script>\nP1->>P9: %%{init}%% #", trip.Client: "\x1b[31mred\u202e" + strings.Repeat("long ", 200),
	}
	w := newWorld(t, world.Config{Subject: &s})
	trace := mustTrace(t, w, "booked:A.ReserveFlight#1.reply=lost")
	checkMermaid(t, "hostile", story.Mermaid(&s, trace))
	if text := story.Text(&s, trace); strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nP1") {
		t.Errorf("%q", text)
	}
}

// TestWithoutWords: a program that lends none is told by the names of its tasks.
func TestWithoutWords(t *testing.T) {
	s := *trip.Product()
	s.Words = nil
	w := newWorld(t, world.Config{Subject: &s})
	text := story.Text(&s, mustTrace(t, w, "booked:A.ProcessPayment#1.reply=lost"))
	for _, want := range []string{"Book called the program.", "ReserveFlight: it succeeded.", "ProcessPayment: it succeeded, and no reply came in 30 s."} {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q:\n%s", want, text)
		}
	}
}

// TestWrittenTests compiles and runs two written tests: of a broken definition, which must fail, and of the product, which must pass.
func TestWrittenTests(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and links a test binary twice, which takes most of the time of a short run")
	}
	dir := t.TempDir()
	s, err := trip.Product().ParseSchedule("booked:A.ReserveHotel#1=mute")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "edited.asl.json")
	write(t, file, string(mutant(t, "hotel-not-undone").Subject.Machines[0].Source))
	code, err := story.Test(trip.Program(file), s)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "replay.go.txt"), string(code))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, trip.Program("").Folder, "replay_test.go"): filepath.Join(dir, "replay.go.txt"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	run := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay", filepath.Join(dir, "overlay.json"), "-run", "TestReplay", "-v", "./verify/trip")
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err == nil || !strings.Contains(out, "failed-stays-empty") || !strings.Contains(out, "--- FAIL: TestReplayBookedAReserveHotel1Mute") {
		t.Errorf("the test of a broken definition: %v\n%s", err, out)
	}
	write(t, file, string(saga.Booking().Definition()))
	if out, err := run(); err != nil || !strings.Contains(out, "--- PASS: TestReplayBookedAReserveHotel1Mute") {
		t.Errorf("the test of the mended definition: %v\n%s", err, out)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
