package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tripsaga/trip/saga"
)

// TestACancellationIsLinted by its own facts, and not played as a booking.
func TestACancellationIsLinted(t *testing.T) {
	own := string(saga.Cancellation().Definition())
	for _, c := range []struct {
		name, definition, replay, out, err string
	}{
		{"own", own, "", "nothing found", ""},
		{"hasty", strings.ReplaceAll(own, `"MaxAttempts": 100`, `"MaxAttempts": 1`), "", "BookingCancelled gives up after 1 retries", "findings of the lint"},
		{"replayed", own, "booked", "", "is a cancellation, which is linted and not played"},
	} {
		file := filepath.Join(t.TempDir(), "edited.asl.json")
		if err := os.WriteFile(file, []byte(c.definition), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		p := &program{stdout: &out, stderr: io.Discard, ctx: t.Context()}
		err := (&verifyCmd{ASL: file, Depth: 1, OneIn: 1, Replay: c.replay}).Run(p)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
		if !strings.Contains(out.String(), c.out) || strings.Contains(out.String(), "singles") {
			t.Errorf("%s: %s", c.name, out.String())
		}
	}
}
