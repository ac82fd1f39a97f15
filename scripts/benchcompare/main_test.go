package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMediansAndRatios(t *testing.T) {
	before := &side{name: "main~1", runs: []map[string]float64{{"p50_ms": 9, "heap_mb": 0}, {"p50_ms": 2, "heap_mb": 0}, {"p50_ms": 4, "heap_mb": 0}}}
	now := &side{name: "this checkout", runs: []map[string]float64{{"p50_ms": 1, "rss_mb": 7, "heap_mb": 1}, {"p50_ms": 3, "rss_mb": 7, "heap_mb": 1}}}
	var out strings.Builder
	print(&out, before, now)
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := "2 runs of each, alternating; medians|main~1 this checkout ratio better is|p50_ms 4.00 2.00 0.500 less|heap_mb 0.00 1.00 - less"
	if strings.Join(got, "|") != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestABenchWithoutTheFlag is what an older commit answers.
func TestABenchWithoutTheFlag(t *testing.T) {
	program := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"tripsaga: unknown flag $3\" >&2\nexit 2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := (&side{name: "v0", program: program}).run(t.Context(), []string{"--http"})
	if err == nil || !strings.Contains(err.Error(), "bench of v0 does not take --http: take a later BASE") || !strings.Contains(err.Error(), "unknown flag --http") {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"name a commit":                      {"", "5"},
		`N is "many"`:                        {"HEAD", "many"},
		`BASE is "none": it is not a commit`: {"none", "1"},
	} {
		if err := run(t.Context(), nil, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
