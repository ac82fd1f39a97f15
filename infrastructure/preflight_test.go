package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Before a stack is deployed, what a failed creation has left is removed, and then the account is examined: the other way
// round, the examination would stop the deployment because of what is to be removed.
func TestTheAccountIsExaminedBeforeADeployment(t *testing.T) {
	const table = ` --table "$(jq -r '.Metadata["tripsaga:table"] // "NEW"' "cdk.out/$STACK.template.json")"`
	for context, want := range map[string]string{
		"standard":   `bin/tripsaga aws doctor --stack "$STACK_NAME" --prefix tripsaga --lanes 4 --build-size LARGE --throttle-rate 100` + table,
		"customised": `bin/tripsaga aws doctor --stack "$STACK_NAME" --prefix travel --lanes 15 --build-size MEDIUM --throttle-rate 7.5` + table,
	} {
		s := stacks(t)[pipelineStack]
		if context != "standard" {
			s = customised(t)[pipelineStack]
		}
		commands := specOf(t, s.named(t, "Deploy")).Phases["pre_build"].Commands
		if !slices.Equal(commands, []string{`chmod +x bin/tripsaga`, `bash scripts/clear_failed_creation.sh "$STACK_NAME"`, want}) {
			t.Errorf("%s: before the deployment it runs %q", context, commands)
		}
	}
	c := Config{Prefix: "travel"}
	var all []string
	for _, id := range []string{stagingStack, productionStack, pipelineStack} {
		all = append(all, c.stackName(id))
	}
	if want := []string{"travel-staging", "travel-production", "travel-pipeline"}; !slices.Equal(all, want) {
		t.Errorf("the stacks are named %q, want %q", all, want)
	}
}

// awsStub writes its arguments to $CALLS and reports the status $STATUS of any stack, or that there is none.
const awsStub = `#!/usr/bin/env bash
echo "$*" >>"$CALLS"
if [ "$2" = describe-stacks ]; then
	[ -z "$DENIED" ] || { echo "AccessDenied: $DENIED" >&2; exit 254; }
	[ -n "$STATUS" ] || { echo "An error occurred (ValidationError): Stack with id $4 does not exist" >&2; exit 254; }
	echo "$STATUS"
fi
`

// A stack whose creation failed is empty and must go; any other must not.
func TestAFailedCreationIsCleared(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(awsStub), 0o700); err != nil {
		t.Fatal(err)
	}
	for status, want := range map[string]string{
		"ROLLBACK_COMPLETE": "describe-stacks update-termination-protection delete-stack wait",
		"":                  "describe-stacks", "CREATE_COMPLETE": "describe-stacks", "UPDATE_ROLLBACK_COMPLETE": "describe-stacks",
		"UPDATE_ROLLBACK_FAILED": "describe-stacks", "ROLLBACK_FAILED": "describe-stacks",
	} {
		calls := filepath.Join(t.TempDir(), "calls")
		script := exec.Command("bash", "../scripts/clear_failed_creation.sh", "tripsaga-staging")
		script.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+calls, "STATUS="+status)
		if out, err := script.CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", status, err, out)
		}
		text, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		var verbs []string
		for call := range strings.Lines(string(text)) {
			verbs = append(verbs, strings.Fields(call)[1])
			if !strings.Contains(call, "--stack-name tripsaga-staging") {
				t.Errorf("%q: it calls %s", status, call)
			}
		}
		if got := strings.Join(verbs, " "); got != want {
			t.Errorf("%q: it calls %s, want %s", status, got, want)
		}
	}
}

// A stack that cannot be seen is not one that does not exist.
func TestAFailedCreationIsLookedFor(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(awsStub), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, problem := range []string{"no right", "the role does not exist"} {
		script := exec.Command("bash", "../scripts/clear_failed_creation.sh", "tripsaga-staging")
		script.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+filepath.Join(dir, "calls"), "DENIED="+problem)
		if out, err := script.CombinedOutput(); err == nil || !strings.Contains(string(out), problem) {
			t.Errorf("%v: %s", err, out)
		}
	}
}
