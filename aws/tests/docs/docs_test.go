// Package docs keeps what the documents say of AWS true.
package docs

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"tripsaga/aws/production"
)

var update = flag.Bool("update", false, "write the generated parts of the documents again")

const (
	deploy    = "../../../docs/deploy.md"
	costBegin = "<!-- cost -->\n"
	costEnd   = "<!-- /cost -->"
)

func TestTheDocumentNamesTheStateMachines(t *testing.T) {
	data, err := os.ReadFile("../../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range production.StateMachines() {
		if !strings.Contains(string(data), "`"+arn+"`") {
			t.Errorf("docs/aws.md does not name %s", arn)
		}
	}
}

// TestCostsAreTheEstimate compares the bill in docs/deploy.md with what its command prints.
func TestCostsAreTheEstimate(t *testing.T) {
	const command = "go run ./cmd/tripsaga cost --trips-per-month 1000000"
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir = "../../.."
	printed, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "```sh\n" + command + "\n```\n\n```\n" + string(printed) + "```\n"
	generated(t, deploy, costBegin, costEnd, want)
}

// generated compares what a page has between two lines; with -update it writes it.
func generated(t *testing.T, page, begin, end, want string) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), begin)
	shown, after, ends := strings.Cut(rest, end)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no part between %q and %q", page, begin, end)
	case shown == want:
	case !*update:
		t.Fatalf("this part of %s is stale; run this test with -update. It is:\n%s", page, want)
	default:
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
