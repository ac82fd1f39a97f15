// Package crash kills tripsaga serve under load, at random moments and with SIGKILL, takes its disk away and turns its
// clock back, and checks that nothing which was acknowledged is lost, nothing is done twice, and every saga still ends.
package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	childDir  = "TRIPSAGA_CRASH_CHILD_DIR"
	childSeed = "TRIPSAGA_CRASH_CHILD_SEED"
	childDisk = "TRIPSAGA_CRASH_CHILD_DISK"
	roundsEnv = "TRIPSAGA_CRASH_ROUNDS"
	seedEnv   = "TRIPSAGA_CRASH_SEED"
)

// TestMain makes the test's binary its own children, too.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, "child:", child(dir))
		os.Exit(1)
	}
	code := m.Run()
	removeBuilt()
	os.Exit(code)
}

// child returns only when something is wrong.
func child(dir string) error {
	if disk := os.Getenv(childDisk); disk != "" {
		return serveOnDisk(dir, disk)
	}
	seed, err := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	if err != nil {
		return err
	}
	return runChild(dir, seed)
}

// given are the rounds of a run and its randomness, as the environment has them.
func given(t *testing.T) (rounds int, rng *rand.Rand) {
	t.Helper()
	return fromEnv(t, roundsEnv, 5), seeded(t)
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := fromEnv(t, seedEnv, int(time.Now().UnixNano()%1e9))
	t.Logf("%s=%d", seedEnv, seed)
	return rand.New(rand.NewPCG(uint64(seed), 0))
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, v, err)
	}
	return n
}
