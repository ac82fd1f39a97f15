package docs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/trip/saga"
	"tripsaga/verify/lint"
	"tripsaga/verify/model"
	"tripsaga/verify/story"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// Each test compares a part of a document with its source. aws/tests/docs does so for the AWS wing.

var update = flag.Bool("update", false, "rewrite the generated parts of the documents")

func TestDiagramIsOfTheDefinition(t *testing.T) {
	for name, of := range map[string]struct {
		saga  *saga.Saga
		title string
	}{
		"docs/saga.svg":         {saga.Booking(), "The saga of a trip"},
		"docs/cancellation.svg": {saga.Cancellation(), "The cancellation of a trip"},
	} {
		machine, err := asl.Parse(of.saga.Definition())
		if err != nil {
			t.Fatal(err)
		}
		picture := diagram.Lay(machine).SVGFile(diagram.Drawing{Title: of.title})
		file := filepath.Join(root, name)
		if old, err := os.ReadFile(file); err == nil && string(old) == picture {
			continue
		}
		if !*update {
			t.Errorf("%s is stale; make diagram rewrites it", name)
		} else if err := os.WriteFile(file, []byte(picture), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// TestBookingIsAHistory compares the sequence diagram in docs/design.md with a booking that is played: its payment is charged, and every reply lost.
func TestBookingIsAHistory(t *testing.T) {
	w, err := world.New(world.Config{Subject: trip.Product()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := w.Subject().ParseSchedule("booked:A.ProcessPayment#1=mute")
	if err != nil {
		t.Fatal(err)
	}
	trace, err := w.Trace(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "docs/design.md", "history", "```mermaid\n"+story.Mermaid(w.Subject(), trace)+"```\n")
}

// generated compares what a page has between the comments <!-- NAME --> and <!-- /NAME -->; with -update it writes it.
func generated(t *testing.T, page, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, begins := strings.Cut(read(t, page), begin)
	has, after, ends := strings.Cut(rest, end)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no part between %q and %q", page, begin, end)
	case has == want:
	case !*update:
		t.Errorf("%s: the part %q is stale; make diagram writes it. It is:\n%s", page, name, want)
	default:
		if err := os.WriteFile(filepath.Join(root, page), []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// output returns what a command prints, in the repository's folder.
func output(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}

// inOrder fails unless each line of the sample is a line of the whole, in this order. "..." represents lines left out.
// Space at the ends of lines does not count.
func inOrder(t *testing.T, sample, whole, name string) {
	t.Helper()
	lines := strings.Split(whole, "\n")
	for line := range strings.Lines(sample) {
		line = strings.TrimSpace(line)
		if line == "..." || line == "" {
			continue
		}
		i := slices.IndexFunc(lines, func(l string) bool { return strings.TrimSpace(l) == line })
		if i < 0 {
			t.Fatalf("%s does not have this line in this place:\n%s", name, line)
		}
		lines = lines[i+1:]
	}
}

func TestSampleIsTheDemos(t *testing.T) {
	if os.Getenv(runEnv) == "" {
		t.Skipf("it runs the demo; %s=1 (or make docs, as CI does) does so", runEnv)
	}
	_, rest, _ := strings.Cut(read(t, readme), "\n```\n5. ")
	sample, _, found := strings.Cut("5. "+rest, "\n```")
	if !found || rest == "" {
		t.Fatal("README.md has no sample that begins with the fifth booking")
	}
	inOrder(t, sample, output(t, "go run ./cmd/tripsaga demo"), "the demo's output")
}

func TestSagaOfTheReadmeIsTheExample(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, readme), "\n```go\n")
	sample, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatal("README.md has no Go code")
	}
	inOrder(t, sample, read(t, "engine/example_test.go"), "engine/example_test.go")
}

// TestVerbsAndExitCodes compares the tables of docs/cli.md with what the command prints.
func TestVerbsAndExitCodes(t *testing.T) {
	help := output(t, "go run ./cmd/tripsaga --help")
	verbs, codes, found := strings.Cut(help, "\nExit codes:\n")
	if !found {
		t.Fatalf("the help has no exit codes:\n%s", help)
	}
	page := read(t, "docs/cli.md")
	for _, verb := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z-]+)?)  +\S`).FindAllStringSubmatch(verbs, -1) {
		if verb[1] != "help" && !regexp.MustCompile("(?m)^\\| .*`"+verb[1]+"[ `]").MatchString(page) {
			t.Errorf("docs/cli.md has no row for the verb %s", verb[1])
		}
	}
	var rows string
	for _, code := range regexp.MustCompile(`(?m)^  (\d+)  +(.+)$`).FindAllStringSubmatch(codes, -1) {
		rows += "| " + code[1] + " | " + code[2] + " |\n"
	}
	if !strings.Contains(page, "\n|---|---|\n"+rows+"\n") {
		t.Errorf("docs/cli.md does not have the exit codes as the command prints them:\n%s", rows)
	}
}

// TestCounts compares the counts in docs/verify.md with the lists that they count.
func TestCounts(t *testing.T) {
	page := read(t, "docs/verify.md")
	for _, claim := range []string{
		fmt.Sprintf("checks %d invariants", len(model.Invariants())),
		fmt.Sprintf("adds %d invariants", len(trip.Product().AllInvariants())-len(model.Invariants())),
		fmt.Sprintf("A lint of %d rules", len(lint.Rules())),
	} {
		if !strings.Contains(page, claim) {
			t.Errorf("docs/verify.md does not say %q", claim)
		}
	}
}
