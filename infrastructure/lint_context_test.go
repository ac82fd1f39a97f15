package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// told is a program that writes down with which values the Makefile starts it.
const told = `#!/usr/bin/env bash
printf '%s\t%s\t%s\t%s\n' "$*" "$CDK_OUTDIR" "$TRIPSAGA_CONTEXT" "$CDK_CONTEXT_JSON" >>"$CALLS"
`

// A build lints more apps than it delivers. What the delivered one has in its context, which a build is given in a variable
// or finds in cdk.json, is of no concern to the others; a key of it may be refused there.
func TestOtherAppsAreLintedWhateverIsDelivered(t *testing.T) {
	dir := t.TempDir()
	stub, calls := filepath.Join(dir, "told"), filepath.Join(dir, "calls")
	if err := os.WriteFile(stub, []byte(told), 0o700); err != nil {
		t.Fatal(err)
	}
	lint := exec.Command("make", "-o", "synth", "-o", dir+"/lint/installed", "-o", dir+"/actionlint",
		"infra-lint", "GO="+stub, "CDK="+stub+" reads-cdk.json", "TOOLS="+dir, "OTHER_OUT="+dir+"/out")
	lint.Dir = ".."
	pipelines := `{"repository":"owner/name","connectionArn":"arn:aws:codeconnections:eu-west-1:123456789012:connection/0a","productionTable":"` + stream("trips") + `"}`
	lint.Env = append(os.Environ(), "CALLS="+calls, contextVariable+"="+pipelines, `CDK_CONTEXT_JSON={"github":"owner/name"}`)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	apps := map[string]Config{}
	for call := range strings.Lines(string(text)) {
		v := strings.Split(strings.TrimSuffix(call, "\n"), "\t")
		if strings.Contains(v[0], "reads-cdk.json") {
			t.Errorf("the command line of the CDK reads cdk.json: %s", v[0])
		} else if v[0] == "-C infrastructure run ." {
			var context map[string]any
			if err := json.Unmarshal([]byte(v[3]), &context); err != nil {
				t.Fatalf("%v: %s", err, v[3])
			}
			context["code"] = archive(t)
			c, err := configOf(context, v[2])
			if err != nil {
				t.Error(err)
			}
			apps[strings.TrimPrefix(v[1], dir+"/out/")] = c
		}
	}
	if len(apps) != 2 || apps["pull-request"].PullRequest != 1 || apps["github"].GitHub != "example/tripsaga" {
		t.Errorf("it synthesises %+v", apps)
	}
}
