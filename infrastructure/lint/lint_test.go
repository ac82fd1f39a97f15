// Package lint holds the synthesised templates against two sets of rules that others keep: cfn-lint knows what
// CloudFormation takes, checkov what is safe. A finding is mended, or suppressed in the template with its reason.
package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// requireEnv asks for these tests; make infra-lint synthesises and installs what they need first.
const requireEnv = "TRIPSAGA_REQUIRE_LINT"

const (
	assembly = "../../cdk.out"
	linters  = "../../.tools/lint/bin"
)

func TestNoFindings(t *testing.T) {
	t.Parallel()
	given := synthesised(t)
	found := run(t, given)
	for _, f := range found.findings {
		t.Errorf("%s: %s", f.place, f.message)
	}
	given.eachResource(func(at resourceOf, r map[string]any) {
		if kind, _ := r["Type"].(string); watched(kind) && !found.checked[at] {
			t.Errorf("%s, a %s, was not checked at all", at, kind)
		}
	})
}

// TestSuppressionsAndPlantedFaults takes every suppression out of the templates and plants faults in each. What is then
// found must be what was suppressed and what was planted: so no suppression is stale, and the linters do look.
func TestSuppressionsAndPlantedFaults(t *testing.T) {
	t.Parallel()
	given, planted := synthesised(t), faults(t)
	expected := map[place]string{}
	given.eachSuppression(func(p place, reason string) {
		expected[p] = "a suppression finds nothing to suppress: drop it"
		if len(strings.Fields(reason)) < 3 {
			t.Errorf("%s is suppressed for no reason: %q", p, reason)
		}
	})
	for name := range given {
		for _, f := range planted {
			for _, rule := range f.Found {
				expected[place{resourceOf{name, f.id}, rule}] = "a planted fault is not found"
			}
		}
	}
	found := run(t, given.bare().with(planted)).places()
	for p, otherwise := range expected {
		if !found[p] {
			t.Errorf("%s: %s", p, otherwise)
		}
	}
	for p := range found {
		if _, ok := expected[p]; !ok && !isPlanted(planted, p.resource) {
			t.Errorf("%s: found in the bare template, yet not suppressed", p)
		}
	}
}

func requireLinters(t *testing.T) {
	t.Helper()
	if os.Getenv(requireEnv) == "" {
		t.Skipf("it needs the templates of cdk.out, and Python; make infra-lint prepares both and runs it")
	}
	for _, need := range []string{"cfn-lint", "checkov", "../../actionlint"} {
		if _, err := os.Stat(filepath.Join(linters, need)); err != nil {
			t.Fatalf("%v; make infra-lint installs it", err)
		}
	}
}
