package verify

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAUsersModule explores a broken saga in a module of its own: the failure says what happened and how to play it again, and the
// test that is written for it fails until the saga is repaired.
func TestAUsersModule(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and links a test binary, which takes most of the time of a short run")
	}
	dir := userModule(t)
	const id, small = "sold:A.Reserve#1=mute", "^TestSale$/^small$"
	s, err := theShop().subject().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	code, err := testFile(dir, "TestSale/small", s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "replay_test.go"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := in(t, dir, nil, "go", "test", "-c", "-o", "shop.test", "."); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, code)
	}
	run := func(pattern string, env ...string) (string, bool) {
		out, err := in(t, dir, env, "./shop.test", "-test.v", "-test.run", pattern, fmt.Sprintf("-test.short=%t", slices.Contains(env, "SHORT=1")))
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return out, err == nil
	}
	for _, c := range []struct {
		pattern string
		env     []string
		passes  bool
		want    []string
	}{
		{"^TestSale$", nil, false, []string{
			"All replies were lost from delivery 1 of Reserve on; the lamp was reserved, and no reply came in 10 s; 3 retries over 37 s had the same outcome. In the end A is FAILED: saga A is FAILED, and the record ORDER / LAMPS of Reserve is DONE.",
			"\n        Again: VERIFY_REPLAY='" + id + "' go test -v -run '^TestSale$/^small$' example.com/shop\n",
		}},
		{small, []string{"VERIFY_REPLAY=" + id, "VERIFY_AS=story"}, false, []string{"The story of " + id, "In the end A is FAILED."}},
		{small, []string{"VERIFY_REPLAY=" + id, "VERIFY_AS=mermaid"}, false, []string{"sequenceDiagram\n", "P2--xP1: the lamp was reserved, and no reply came in 10 s"}},
		{small, []string{"VERIFY_REPLAY=" + id, "VERIFY_AS=test"}, false, []string{indented(code)}},
		{small, []string{"VERIFY_REPLAY=" + id, "VERIFY_AS=poem"}, false, []string{`VERIFY_AS is "poem"; allowed are timeline, story, mermaid, test`}},
		{small, []string{"VERIFY_AS=story"}, false, []string{"VERIFY_REPLAY has no schedule"}},
		{"^TestReplay", nil, false, []string{"--- FAIL: TestReplaySoldAReserve1Mute/small", "--- PASS: TestReplaySoldAReserve1Mute/large", "Violation   every-effect-or-none"}},
		{"^TestReplay", []string{"REPAIRED=1"}, true, []string{"--- PASS: TestReplaySoldAReserve1Mute/small"}},
		{small, []string{"REPAIRED=1"}, false, []string{"testdata/coverage.txt does not exist", "VERIFY_UPDATE=1 go test -v -run '" + small + "' example.com/shop"}},
		{small, []string{"REPAIRED=1", "VERIFY_UPDATE=1", "BUDGET=1ns"}, false, []string{"coverage.txt is not written: the time of the field Budget"}},
		{small, []string{"REPAIRED=1", "VERIFY_UPDATE=yes"}, false, []string{`VERIFY_UPDATE is "yes"; allowed is 1`}},
		{small, []string{"REPAIRED=1", "VERIFY_UPDATE=1", "VERIFY_REPLAY=" + id}, false, []string{"VERIFY_REPLAY plays one schedule; unset one of them"}},
		{small, []string{"REPAIRED=1", "VERIFY_UPDATE=1", "UNCOVERED=1"}, true, []string{"VERIFY_UPDATE writes nothing: field Coverage is empty"}},
		{small, []string{"REPAIRED=1", "VERIFY_UPDATE=1"}, true, nil},
		{"^TestSale$", []string{"REPAIRED=1", "WORKERS=1"}, true, nil},
		{small, []string{"REPAIRED=1", "WORKERS=7"}, true, nil},
		{small, []string{"REPAIRED=1", "BUDGET=1ns"}, true, []string{"not compared with testdata/coverage.txt: the time of the field Budget"}},
		{small, []string{"REPAIRED=1", "SHORT=1"}, true, []string{"not compared with testdata/coverage.txt: go test -short explores less"}},
		{small, []string{"REPAIRED=1", "EXTRA=Nobody.put crash single=1\nReserve.put fail single=1\n"}, false, []string{"differs from testdata/coverage.txt in 2 lines:\n          missing: Nobody.put crash single=1\n          changed: Reserve.put fail "}},
	} {
		if slices.ContainsFunc(c.env, func(e string) bool { return strings.HasPrefix(e, "EXTRA=") }) {
			mustEdit(t, filepath.Join(dir, "testdata", "coverage.txt"), c.env[1][len("EXTRA="):])
		}
		out, passed := run(c.pattern, c.env...)
		if passed != c.passes {
			t.Errorf("%s %q: passed %t\n%s", c.pattern, c.env, passed, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s %q: no %q in\n%s", c.pattern, c.env, want, out)
			}
		}
	}
}

// mustEdit appends lines to a file.
func mustEdit(t *testing.T, file, lines string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, lines...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// indented is how package testing prints the lines of a text.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n        ")
}

// theShop has the scenario of testdata/shop.
func theShop() *prepared {
	s := theSale()
	p, _ := s.prepare()
	return p
}

// userModule is a folder with the saga of testdata/shop as a module that requires this one by a replacement.
func userModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"testdata/shop/shop_test.go": "shop_test.go", "../go.sum": "go.sum", "../go.mod": "go.mod"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if to == "go.mod" {
			text = []byte(strings.Replace(string(text), "module tripsaga\n", "module example.com/shop\n\nrequire tripsaga v0.0.0\n\nreplace tripsaga => "+root+"\n", 1))
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func in(t *testing.T, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=mod", "GOPROXY=off", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestNoTestToWrite: a test that no file of the folder has cannot be called by a written one.
func TestNoTestToWrite(t *testing.T) {
	s, err := theShop().subject().ParseSchedule("sold")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testFile(".", "TestNowhere", s); err == nil || !strings.Contains(err.Error(), "TestNowhere") {
		t.Error(err)
	}
	if code, err := testFile(".", "TestRun", s); err != nil || !strings.Contains(code, `verify.Again(t, "sold", TestRun)`) {
		t.Errorf("%v\n%s", err, code)
	}
}
