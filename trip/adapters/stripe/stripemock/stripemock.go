// Package stripemock runs Stripe's official mock for tests. The mock checks requests against Stripe's published description,
// and answers each with a fixture. It has no state: it shows that Stripe would accept the format of a request, but not what
// Stripe would do.
package stripemock

import (
	"bufio"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The environment variables of the tests.
const (
	pathVariable    = "TRIPSAGA_STRIPE_MOCK"         // the mock's executable; default .tools/stripe-mock in a folder above the test
	requireVariable = "TRIPSAGA_REQUIRE_STRIPE_MOCK" // "1" makes a missing mock a failure
)

var errNone = errors.New("there is no stripe-mock: run make stripe-mock, or set " + pathVariable + " to its path")

// fixtures have an intent that is charged, so that a booking is confirmed. The mock's own fixture is an intent without a
// card, whatever is done with it.
//
//go:embed fixtures.json
var fixtures []byte

// Fixtures of a mock.
type Fixtures bool

// The fixtures: the mock's own, and those of this package, in which an intent is charged.
const (
	Own     Fixtures = false
	Charged Fixtures = true
)

var listening = regexp.MustCompile(`^Listening for HTTP at address: (127\.0\.0\.1:[0-9]+)$`)

// Start starts a mock on loopback until the test ends, and returns its URL. If the mock's executable is missing, it skips the
// test.
func Start(t testing.TB, f Fixtures) string {
	t.Helper()
	path, err := executable()
	if err != nil && os.Getenv(requireVariable) != "1" {
		t.Skip(err)
	}
	// Without an address for HTTPS it would listen to other machines.
	args := []string{"-http-addr", "127.0.0.1:", "-https-addr", "127.0.0.1:"}
	if f == Charged && err == nil {
		file := filepath.Join(t.TempDir(), "fixtures.json")
		args = append(args, "-fixtures", file)
		err = os.WriteFile(file, fixtures, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			return "http://" + m[1]
		}
	}
	t.Fatalf("%s ended without listening", path)
	return ""
}

func executable() (string, error) {
	if path := os.Getenv(pathVariable); path != "" {
		return exec.LookPath(path)
	}
	dir, err := os.Getwd()
	for err == nil {
		if path, err := exec.LookPath(filepath.Join(dir, ".tools", "stripe-mock")); err == nil {
			return path, nil
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.Join(errNone, err)
}
