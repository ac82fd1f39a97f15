package docs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSampleIsTheDemos compares the demo's output that the README shows with what the demo prints: every line of it, in
// this order; "..." stands for lines left out.
func TestSampleIsTheDemos(t *testing.T) {
	if os.Getenv(runEnv) == "" {
		t.Skipf("it runs the demo; %s=1 (or make docs, as CI does) does so", runEnv)
	}
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\n```\n5. ")
	sample, _, found := strings.Cut("5. "+rest, "\n```")
	if !found || rest == "" {
		t.Fatal("README.md has no sample that begins with the fifth booking")
	}
	cmd := exec.Command("go", "run", "./cmd/tripsaga", "demo")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	printed := string(out)
	for line := range strings.Lines(sample) {
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "..." {
			continue
		}
		_, after, ok := strings.Cut(printed, line+"\n")
		if !ok {
			t.Fatalf("the demo does not print, in this place:\n%s", line)
		}
		printed = after
	}
}
