package docs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	deploy    = "../../docs/deploy.md"
	costBegin = "<!-- cost -->\n"
	costEnd   = "<!-- /cost -->"
)

// TestCostsAreTheEstimate holds the bill in docs/deploy.md to what its command prints.
func TestCostsAreTheEstimate(t *testing.T) {
	const command = "go run ./cmd/tripsaga cost --trips-per-month 1000000"
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir = "../.."
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
