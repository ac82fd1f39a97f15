package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mustCover compares the coverage of an exploration without violations with a file, or writes the file.
func (r *Report) mustCover(t *testing.T, file string) {
	t.Helper()
	update := os.Getenv(UpdateVariable)
	switch why := r.noCoverage(); {
	case file == "" && update != "":
		t.Logf("%s writes nothing: field Coverage is empty", UpdateVariable)
	case file == "":
	case why != "" && update != "":
		t.Errorf("%s is not written: %s", file, why)
	case why != "":
		t.Logf("not compared with %s: %s", file, why)
	case update != "":
		if err := r.Coverage.save(file); err != nil {
			t.Errorf("field Coverage: %v", err)
		}
	default:
		if err := r.Coverage.mustEqual(file); err != nil {
			t.Errorf("%v\nRead them. If this is what is to be explored: %s=1 %s", err, UpdateVariable, command(t.Name()))
		}
	}
}

// noCoverage returns why there is no coverage to compare; "" if there is one.
func (r *Report) noCoverage() string {
	switch {
	case testing.Short():
		return "go test -short explores less"
	case r.Coverage == nil:
		return "the time of the field Budget ended before everything was played"
	}
	return ""
}

func (c *Coverage) save(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, c.Text(), 0o644)
}

// mostDifferences is the maximum number of lines that a failure shows.
const mostDifferences = 20

// mustEqual compares the coverage with a file.
func (c *Coverage) mustEqual(file string) error {
	want, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("field Coverage: %s does not exist: none of %d lines of what was explored can be compared", file, bytes.Count(c.Text(), []byte("\n")))
	}
	if err != nil {
		return fmt.Errorf("field Coverage: %w", err)
	}
	lines := c.Differs(want)
	if len(lines) == 0 {
		return nil
	}
	text := strings.Join(lines[:min(len(lines), mostDifferences)], "\n  ")
	if n := len(lines) - mostDifferences; n > 0 {
		text += fmt.Sprintf("\n  and %d more", n)
	}
	return fmt.Errorf("what was explored differs from %s in %d lines:\n  %s", file, len(lines), text)
}
