package main

import (
	"os"
	"os/exec"
	"testing"
)

// TestABenchThatNobodyReads writes its result to a pipe without a reader, which ends the process by a signal, and leaves no store.
func TestABenchThatNobodyReads(t *testing.T) {
	for _, flags := range [][]string{nil, {"--json"}} {
		temp := t.TempDir()
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Args = append([]string{"tripsaga", "bench", "--trips", "20", "--concurrency", "4"}, flags...)
		cmd.Env, cmd.Stdout = append(os.Environ(), "TMPDIR="+temp), writer
		if err := cmd.Run(); err == nil {
			t.Errorf("%v: the bench has written to a pipe that nobody reads", flags)
		}
		writer.Close()
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v: %v is left, %v", flags, left, err)
		}
	}
}
