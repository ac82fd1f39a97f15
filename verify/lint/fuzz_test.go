package lint

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tripsaga/asl"
)

func TestWhatDoesNotParseIsAnError(t *testing.T) {
	heartbeat := editedBooking(t, set("ReserveHotel/HeartbeatSeconds", `15`))
	nowhere := editedBooking(t, set("Odd", `{"Type":"Succeed"}`))
	for _, definition := range []string{"", "null", "{", `{"StartAt":1}`, string(heartbeat), string(nowhere), strings.Repeat("[", 1000)} {
		findings, err := Check([]byte(definition), booking())
		var e *asl.DefinitionError
		if findings != nil || !errors.As(err, &e) {
			t.Errorf("%.40s: %v, error %v; want asl's error alone", definition, findings, err)
		}
	}
}

// TestEveryRuleIsTripped: a rule that no case trips may as well find nothing.
func TestEveryRuleIsTripped(t *testing.T) {
	tripped := map[string]bool{}
	for _, c := range unsafe {
		for _, want := range c.want {
			rule, _, _ := strings.Cut(want, " ")
			tripped[rule] = true
		}
	}
	for _, r := range Rules() {
		if !tripped[r.Name] || r.Means == "" {
			t.Errorf("%+v: tripped is %v", r, tripped[r.Name])
		}
		delete(tripped, r.Name)
	}
	if len(tripped) > 0 {
		t.Errorf("not in Rules: %v", tripped)
	}
}

// FuzzCheck holds that no definition makes Check panic, that it finds the same twice, in order, and that a finding is
// of a rule and says what and where.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(parcel), "Buy", "Return", "Send", "Lost")
	f.Add([]byte(small), "Buy", "Return", "", "Pack")
	f.Add([]byte(small), "Buy", "", "Buy", "")
	f.Add([]byte(`{"StartAt":"A","TimeoutSeconds":9,"States":{"A":{"Type":"Wait","Seconds":1e1,"Next":"B"},
		"B":{"Type":"Map","End":true,"Iterator":{"StartAt":"C","States":{"C":{"Type":"Fail"}}}}}}`), "C", "C", "C", "C")
	f.Fuzz(func(t *testing.T, definition []byte, do, undo, pivot, record string) {
		opt := Options{
			Undo: map[string]string{do: undo}, Pivot: pivot, Record: []string{record}, Final: []string{"Conflict"},
			Known: map[string][]string{do: {"FlightUnavailable"}},
		}
		findings, err := Check(definition, opt)
		if _, parse := asl.Parse(definition); (err == nil) != (parse == nil) {
			t.Fatalf("error %v, asl's %v", err, parse)
		}
		again, _ := Check(definition, opt)
		if !slices.Equal(findings, again) {
			t.Fatalf("not the same twice:\n%v\n%v", findings, again)
		}
		for i, found := range findings {
			if i > 0 && findings[i-1].Path > found.Path || !strings.HasPrefix(found.Path, "$") || found.Problem == "" ||
				!slices.ContainsFunc(Rules(), func(r Rule) bool { return r.Name == found.Rule }) {
				t.Fatalf("finding %d of %v", i, findings)
			}
		}
	})
}
