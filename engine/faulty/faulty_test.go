package faulty_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/faulty"
)

func TestParsePlan(t *testing.T) {
	plan, err := faulty.ParsePlan(`
# comment
Pay 2-3 fail Broken
Pay 5- late 90s
Pay * twice
`)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]faulty.Fault{
		1: {Kind: faulty.Twice},
		2: {Kind: faulty.Fail, Error: "Broken"},
		3: {Kind: faulty.Fail, Error: "Broken"},
		4: {Kind: faulty.Twice},
		9: {Kind: faulty.Late, After: 90 * time.Second},
	} {
		if got := plan.Decide(faulty.Delivery{Function: "Pay", N: n}); got != want {
			t.Errorf("delivery %d: %+v, want %+v", n, got, want)
		}
	}
	if got := plan.Decide(faulty.Delivery{Function: "Ship", N: 1}); got != (faulty.Fault{}) {
		t.Errorf("another function: %+v", got)
	}
}

func TestParsePlanRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"Pay 1":                "line 1",
		"\nPay 1 explode":      "line 2",
		"Pay 0 twice":          "deliveries",
		"Pay 3-2 twice":        "deliveries",
		"Pay x twice":          "deliveries",
		"Pay 1 fail":           "error name",
		"Pay 1 late soon":      "duration",
		"Pay 1 twice 3s":       "takes no",
		"Pay 1 fail A B extra": "want FUNCTION",
	} {
		if _, err := faulty.ParsePlan(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something with %q", text, err, want)
		}
	}
}

// TestKinds tells for each kind how often the effect happens, now and later, and what the caller hears.
func TestKinds(t *testing.T) {
	for line, want := range map[string]struct {
		now, later int
		err        string
	}{
		"t 9 twice":        {1, 1, ""},
		"t 1 fail X":       {0, 0, "X: injected"},
		"t 1 fail-after X": {1, 1, "X: injected"},
		"t 1 reply-lost":   {1, 1, engine.ErrNoReply.Error()},
		"t 1 lost":         {0, 0, engine.ErrNoReply.Error()},
		"t 1 late 1h":      {0, 1, engine.ErrNoReply.Error()},
		"t 1 twice":        {2, 2, ""},
		"t 1 again 1h":     {1, 2, ""},
	} {
		t.Run(line, func(t *testing.T) {
			plan, err := faulty.ParsePlan(line)
			if err != nil {
				t.Fatal(err)
			}
			v, effects := engine.NewVirtual(time.Unix(0, 0)), 0
			task := faulty.Tasks(map[string]engine.Task{"t": func(context.Context, json.RawMessage) (json.RawMessage, error) {
				effects++
				return json.RawMessage("1"), nil
			}}, v, plan.Decide)["t"]
			out, err := task(t.Context(), nil)
			heard := ""
			if err != nil {
				heard = err.Error()
			}
			if effects != want.now || heard != want.err || (err == nil) != (string(out) == "1") {
				t.Errorf("at once: %d effects, reply %s, error %q", effects, out, heard)
			}
			v.Run()
			if effects != want.later {
				t.Errorf("in the end: %d effects, want %d", effects, want.later)
			}
		})
	}
}

func TestVirtualRunsInOrder(t *testing.T) {
	v := engine.NewVirtual(time.Unix(0, 0))
	var got []string
	say := func(s string) func() { return func() { got = append(got, s) } }
	v.AfterFunc(2*time.Second, say("b"))
	v.AfterFunc(time.Second, func() {
		say("a")()
		v.Go(say("a1"))
		v.AfterFunc(time.Second, say("c"))
	})
	stopped := v.AfterFunc(time.Second, say("never"))
	v.Go(say("first"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop reports the wrong thing")
	}
	v.Run()
	if want := []string{"first", "a", "a1", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
	if !v.Now().Equal(time.Unix(2, 0)) {
		t.Errorf("the time is %s, want 2 s", v.Now())
	}
}
