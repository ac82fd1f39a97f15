package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestNumbersAreDecimal(t *testing.T) {
	for text, want := range map[string]int{"010": 10, "7": 7, "0": 0, "0x10": -1, "1_000": -1, "1e3": -1, "ten": -1, "99999999999999999999": -1, "": -1} {
		p := program{stdout: new(strings.Builder), stderr: new(strings.Builder)}
		var c commands
		parser, err := p.parser(&c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse([]string{"bench", "--trips=" + text, "--preload=" + text})
		switch {
		case want < 0 && (err == nil || !strings.Contains(err.Error(), "--trips") || !strings.Contains(err.Error(), strconv.Quote(text))):
			t.Errorf("--trips=%s: %d, %v", text, c.Bench.Trips, err)
		case want >= 0 && (err != nil || c.Bench.Trips != want || c.Bench.Preload != want):
			t.Errorf("--trips=%s: %d, %v; want %d", text, c.Bench.Trips, err, want)
		}
	}
}

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
