package rehearsal

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestChartsFitATerminal, however long the release takes.
func TestChartsFitATerminal(t *testing.T) {
	var out bytes.Buffer
	minutes := make([]Minute, 100)
	for i := range minutes {
		minutes[i] = Minute{Minute: i, Weight: float64(i)}
	}
	printer{out: &out}.printCharts(minutes)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
