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
	data, err := os.ReadFile(deploy)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), costBegin)
	shown, after, ends := strings.Cut(rest, costEnd)
	if !begins || !ends {
		t.Fatalf("%s has no part between %q and %q", deploy, costBegin, costEnd)
	}
	if shown == want {
		return
	}
	if !*update {
		t.Fatalf("the bill in %s is stale; run this test with -update. It is:\n%s", deploy, want)
	}
	if err := os.WriteFile(deploy, []byte(before+costBegin+want+costEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
