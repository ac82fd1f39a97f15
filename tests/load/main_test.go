package load

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "tripsaga-load-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program.file = filepath.Join(dir, "tripsaga")
	return m.Run()
}

// program is what users run, built once for all tests.
var program struct {
	sync.Once
	file string
	err  error
}

func build(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process is told to stop by a signal, which this system does not have")
	}
	program.Do(func() {
		out, err := exec.Command("go", "build", "-o", program.file, "tripsaga/cmd/tripsaga").CombinedOutput()
		if err != nil {
			program.err = fmt.Errorf("building the server: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.file
}
