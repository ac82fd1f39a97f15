package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// listing is an AWS CLI that knows the stacks in $STACKS, each with the time of its last deployment, and writes down what it
// deletes.
const listing = `#!/usr/bin/env bash
case "$2 $3" in
"describe-stacks --stack-name")
	[ -z "$DENIED" ] || { echo "AccessDenied: the role does not exist" >&2; exit 254; }
	grep "^$4	" <<<"$STACKS" || { echo "Stack with id $4 does not exist" >&2; exit 254; } ;;
"describe-stacks --query")
	[ -z "$DENIED" ] || { echo AccessDenied >&2; exit 254; }
	[[ "$4" == *"Tags[?Key=='tripsaga:pull-request']"* ]] || exit 1
	printf '%s' "$STACKS" ;;
"delete-stack --stack-name") echo "$4" >>"$DELETED" ;;
"wait stack-delete-complete") [ "$5" != "$STUCK" ] ;;
*) exit 1 ;;
esac
`

// remove runs the script, and returns the stacks that it deleted.
func remove(t *testing.T, stacks, arguments string, env ...string) (deleted, out string, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(listing), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "deleted")
	script := exec.Command("bash", append([]string{"../scripts/remove_pull_requests.sh"}, strings.Fields(arguments)...)...)
	script.Env = append(os.Environ(), append(env, "PATH="+dir+":"+os.Getenv("PATH"), "DELETED="+file, "STACKS="+stacks)...)
	text, err := script.CombinedOutput()
	names, _ := os.ReadFile(file)
	return strings.Join(strings.Fields(string(names)), " "), string(text), err
}

// Whatever else carries the tag, only what has the name of a pull request's stage goes, and of those what was meant.
func TestOnlyPullRequestsAreRemoved(t *testing.T) {
	at := func(days int) string {
		return time.Now().UTC().AddDate(0, 0, -days).Format("2006-01-02T15:04:05.000000+00:00")
	}
	all := strings.Join([]string{
		"tripsaga-pr-1\t" + at(9), "tripsaga-pr-11\t" + at(0), "tripsaga-pr-12\t" + at(4), "tripsaga-production\t" + at(9), "tripsaga-staging\t" + at(9),
		"travel-pr-1\t" + at(9), "tripsaga-pr-1-extra\t" + at(9), "tripsaga-pr-0\t" + at(9), "my-tripsaga-pr-1\t" + at(9),
	}, "\n") + "\n"
	for arguments, want := range map[string]string{
		"tripsaga 1": "tripsaga-pr-1", "tripsaga 11": "tripsaga-pr-11", "tripsaga 2": "", "travel 1": "travel-pr-1", "travel 11": "",
		"tripsaga --unused 3": "tripsaga-pr-1 tripsaga-pr-12", "tripsaga --unused 8": "tripsaga-pr-1", "tripsaga --unused 30": "",
	} {
		got, out, err := remove(t, all, arguments)
		if err != nil || got != want {
			t.Errorf("%s: deleted %q, want %q: %v\n%s", arguments, got, want, err, out)
		}
		if want == "" && !strings.Contains(out, "nothing to delete") {
			t.Errorf("%s: it says %q", arguments, out)
		}
	}
	if got, out, err := remove(t, "", "tripsaga --unused 3"); err != nil || got != "" {
		t.Errorf("without stacks: %q %q %v", got, out, err)
	}
	for arguments, want := range map[string]string{
		"tripsaga 0": "NUMBER 0: allowed is a whole number from 1 to 9999999", "tripsaga -1": "NUMBER -1: ", "tripsaga abc": "NUMBER abc: ",
		"tripsaga 1000000000000": "NUMBER 1000000000000: ", "tripsaga production": "NUMBER production: ", "Trip 1": "PREFIX Trip: allowed is",
		"tripsaga --unused 0": "--unused 0: allowed is", "tripsaga": "usage: ", "": "usage: ", "tripsaga --unused": "usage: ",
	} {
		if got, out, err := remove(t, all, arguments); err == nil || got != "" || !strings.Contains(out, want) {
			t.Errorf("%q: deleted %q, %v, says %q, want %q", arguments, got, err, out, want)
		}
	}
}

// A stack that stays is reported, and stops no other.
func TestRemovalReportsWhatStays(t *testing.T) {
	all := "tripsaga-pr-1\t2026-01-01T00:00:00Z\ntripsaga-pr-2\t2026-01-01T00:00:00Z\n"
	got, out, err := remove(t, all, "tripsaga --unused 3", "STUCK=tripsaga-pr-1")
	if err == nil || got != "tripsaga-pr-1 tripsaga-pr-2" || !strings.Contains(out, "tripsaga-pr-1: not deleted") || !strings.Contains(out, "tripsaga-pr-2: deleted") {
		t.Errorf("deleted %q, %v, says %q", got, err, out)
	}
	for _, what := range []string{"--unused 3", "1"} {
		if got, out, err = remove(t, all, "tripsaga "+what, "DENIED=1"); err == nil || got != "" || !strings.Contains(out, "AccessDenied") {
			t.Errorf("without the right it deleted %q, %v, says %q", got, err, out)
		}
	}
}

// The scripts are also for macOS, whose bash 3.2 takes an empty array for an unset variable, and has nothing of bash 4.
func TestScriptsRunOnAnOldBash(t *testing.T) {
	newer := regexp.MustCompile(`(^|[^+])"\$\{\w+\[@\]\}"|\$\{#\w+\[@\]|\b(mapfile|readarray|declare -A|local -n)\b|\$\{\w+(\^|,)|&>>|\|&`)
	paths, err := filepath.Glob("../scripts/*.sh")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%q %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if found := newer.FindString(string(text)); found != "" {
			t.Errorf("%s: %s", path, found)
		}
	}
}
