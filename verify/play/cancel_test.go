package play

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCancels(t *testing.T) {
	s, err := read(trip + `-- cancel --
trip ended
trip after 300ms: plans changed: again
trip 72h before departure
trip 1h30m after departure: late
`)
	if err != nil {
		t.Fatal(err)
	}
	before, after := -72*time.Hour, 90*time.Minute
	want := []Cancel{
		{Trip: "trip"}, {Trip: "trip", Reason: "plans changed: again", after: 300 * time.Millisecond},
		{Trip: "trip", departure: &before}, {Trip: "trip", Reason: "late", departure: &after},
	}
	if !reflect.DeepEqual(s.Cancels, want) {
		t.Errorf("%+v, want\n%+v", s.Cancels, want)
	}
}

func TestCancelsRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                          `"" is not a line, allowed are: TRIP ended, `,
		"trip":                      `"trip" is not a line`,
		"trip ended plans changed":  `is not a line`,
		"trip ended:":               `is not a line`,
		"trip after":                `is not a line`,
		"trip after 3":              "time: missing unit",
		"trip x before departure":   "time: invalid duration",
		"trip 1h before breakfast":  "is not a line",
		"other ended":               "there is no part other.json",
		"trip after 1s\n\ntrip foo": `"" is not a line`,
	} {
		_, err := read(trip + "-- cancel --\n" + line + "\n")
		if err == nil || !strings.HasPrefix(err.Error(), "a/3-one.txtar:6: part cancel: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}
