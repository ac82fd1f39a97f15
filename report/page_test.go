package report_test

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"tripsaga/report"
	"tripsaga/report/reporttest"
)

// hostile is a text that would break out of every context of a page, and one that turns the text behind it around.
const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)> O'Hare` + "\u202e"

func TestHostileTextIsText(t *testing.T) {
	page := &report.Page{
		Kind: hostile, Title: hostile, State: report.Bad, Verdict: hostile, Partial: hostile,
		Tiles: []report.Tile{{Value: hostile, Label: hostile, State: report.OK}}, Facts: []report.Fact{{Name: hostile, Value: hostile, Code: true}},
		Run: report.Run{Command: hostile, Version: hostile, Began: time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC), Took: 1234567 * time.Microsecond},
		Sections: []report.Section{{ID: "one", Heading: hostile, Text: hostile, Blocks: []template.HTML{
			report.Table{Caption: hostile, Head: []string{hostile}, Rows: [][]report.Cell{
				{{Text: hostile, State: report.OK, ID: "here"}, {Text: hostile, Link: "here"}, {Text: hostile, Code: true}, {Text: hostile}},
			}}.HTML(),
			report.List(hostile), report.Command(hostile),
		}}},
	}
	p := reporttest.Check(t, page)
	shown := strings.ReplaceAll(hostile, "\u202e", `\u202e`)
	if n := strings.Count(p.Text(), shown); n != 21 {
		t.Errorf("the text is shown %d times:\n%s", n, p.Text())
	}
	if strings.Contains(p.Text(), "\u202e") {
		t.Error("what turns text around is not made visible")
	}
	if state, verdict := p.Verdict(); state != report.Bad || verdict != shown {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	if !strings.Contains(p.Text(), "2027-02-01 09:00:00 UTC, in 1.235s") {
		t.Errorf("when it was run is missing:\n%s", p.Text())
	}
}

func TestDigits(t *testing.T) {
	for _, test := range []struct {
		n    float64
		want string
	}{
		{0, "0"}, {7, "7"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}, {-1234, "-1,234"}, {-123, "-123"},
		{1234.5, "1,235"}, {3538.5, "3,539"}, {-1234.5, "-1,235"}, {0.5, "0.5"}, {0.012345, "0.0123"}, {95.76, "95.8"}, {341.4, "341"}, {9.999, "10"}, {-0.25, "-0.25"},
	} {
		if got := report.Digits(test.n); got != test.want {
			t.Errorf("%v: %s, want %s", test.n, got, test.want)
		}
	}
}
