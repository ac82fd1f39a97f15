package docs

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLinesOfTheOrder counts the lines of examples/order by purpose, as the table in its README has them. What a user writes to
// run a saga and to check it, beside the saga, is short.
func TestLinesOfTheOrder(t *testing.T) {
	const (
		folder = "examples/order/"
		most   = 150 // wiring and checks together are fewer
	)
	files, lines := []string{"README.md", "testdata"}, map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([a-z ]+) \\| `([^`]+)` \\|.*\\| (\\d+) \\|$").FindAllStringSubmatch(read(t, folder+readme), -1) {
		purpose, file := row[1], row[2]
		n := 0
		for line := range strings.Lines(read(t, folder+file)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				n++
			}
		}
		if strconv.Itoa(n) != row[3] {
			t.Errorf("%s%s has %d lines without blank ones and comments, not %s as its README says", folder, file, n, row[3])
		}
		files, lines[purpose] = append(files, file), lines[purpose]+n
	}
	all, err := filepath.Glob(filepath.Join(root, folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if !slices.Contains(files, filepath.Base(file)) {
			t.Errorf("the table in %sREADME.md has no row for %s", folder, filepath.Base(file))
		}
	}
	if n := lines["wiring"] + lines["checks"]; n == 0 || n >= most {
		t.Errorf("wiring and checks have %d lines; allowed are fewer than %d: %v", n, most, lines)
	}
}
