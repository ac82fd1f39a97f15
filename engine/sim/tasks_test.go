package sim_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
)

func TestParsePlan(t *testing.T) {
	plan, err := sim.ParsePlan(`
# comment
Pay#2-3=fail:Broken
Pay#5-=late@90s
Pay#*=twice
B.Pay#*.reply=lost
`)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{
		1: "Pay#*=twice", 2: "Pay#2-3=fail:Broken", 3: "Pay#2-3=fail:Broken", 4: "Pay#*=twice", 9: "Pay#5-=late@1m30s",
	} {
		if got := plan.Decide(sim.Label{Saga: "A", Actor: "Pay", N: n}); got.String() != want {
			t.Errorf("delivery %d: %s, want %s", n, got, want)
		}
	}
	for at, want := range map[sim.Label]string{
		{Saga: "B", Actor: "Pay", N: 7, Op: sim.Reply}: "B.Pay#*.reply=lost",
		{Saga: "A", Actor: "Pay", N: 7, Op: sim.Reply}: "",
		{Saga: "A", Actor: "Ship", N: 1}:               "",
	} {
		if got := plan.Decide(at); want == "" && got != (sim.Fault{}) || want != "" && got.String() != want {
			t.Errorf("%s: %s, want %q", at, got, want)
		}
	}
}

func TestParsePlanRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"Pay#1":                   "line 1",
		"\nPay#1=explode":         "line 2",
		"Pay#0=twice":             "deliveries",
		"Pay#3-2=twice":           "deliveries",
		"Pay#x=twice":             "deliveries",
		"Pay=twice":               "is not a point",
		"Pay#1=fail":              "error name",
		"Pay#1=fail:A B":          "name of an error",
		"Pay#1=late":              "a point or a duration",
		"Pay#1=late@soon":         "is not a point",
		"Pay#1=late@3parsecs":     "duration",
		"Pay#1=late@-3s":          "negative",
		"Pay#1=late@end":          "after a duration",
		"Pay#1=twice@3s":          "takes nothing",
		"Pay#1=lost":              "a reply can be lost",
		"Pay#1.reply=twice":       "a reply can be lost",
		"Pay#1.put1=die":          "deliveries and of replies",
		"Pay#1=crash":             "there is no fault",
		"Pay 1 fail-after Broken": "is not a fault",
	} {
		if _, err := sim.ParsePlan(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something with %q", text, err, want)
		}
	}
}

// TestFaultsArePrintedAsTheyAreRead draws faults of every form.
func TestFaultsArePrintedAsTheyAreRead(t *testing.T) {
	words := sim.Words{"fail": sim.Error, "lost": sim.Nothing, "late": sim.Until, "crash": sim.Count, "load": sim.Split}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	label := func() sim.Label {
		l := sim.Label{Saga: pick("", "A", "B"), Actor: pick("Pay", "Pay+", "é_1"), N: 1 + r.IntN(3)}
		switch l.Op = pick("", sim.Reply, "put", "journal"); l.Op {
		case "put":
			l.I = r.IntN(12)
		case "journal":
			l.I, l.Try = r.IntN(12), r.IntN(2)
		}
		return l
	}
	for range 20_000 {
		f := sim.Fault{At: label(), Last: []int{0, 3, sim.Open}[r.IntN(3)], Kind: sim.Kind(pick("fail", "lost", "late", "crash", "load"))}
		switch words[f.Kind] {
		case sim.Error:
			f.Error = pick("", "Broken", "Runtime.ExitError")
		case sim.Until:
			if f.After = time.Duration(r.Int64N(int64(100 * time.Hour))).Truncate([]time.Duration{1, time.Second, time.Hour}[r.IntN(3)]); r.IntN(2) == 0 {
				f.After, f.Until = 0, []sim.Label{label(), sim.AtStop, sim.AtEnd}[r.IntN(3)]
			}
		case sim.Count:
			f.Count = r.IntN(3)
		case sim.Split:
			if f.Count = r.IntN(3); f.Count > 0 {
				f.Until = label()
			}
		}
		if got, err := words.Parse(f.String()); err != nil || got != f {
			t.Fatalf("%+v is printed as %s, which is read as %+v, %v", f, f, got, err)
		}
	}
}

// TestKinds checks for each kind how often the effect happens, now and later, and what the caller receives.
func TestKinds(t *testing.T) {
	for line, want := range map[string]struct {
		now, later int
		err        string
	}{
		"t#9=twice":                     {1, 1, ""},
		"t#1=fail:X":                    {0, 0, "X: injected"},
		"t#1.reply=fail:X":              {1, 1, "X: injected"},
		"t#1.reply=lost":                {1, 1, engine.ErrNoReply.Error()},
		"t#1=die":                       {0, 0, engine.ErrNoReply.Error()},
		"t#1=late@1h":                   {0, 1, engine.ErrNoReply.Error()},
		"t#1=late@1h\nt#1.reply=fail:X": {0, 1, engine.ErrNoReply.Error()},
		"t#1=twice":                     {2, 2, ""},
		"t#1=twice\nt#1.reply=lost":     {2, 2, engine.ErrNoReply.Error()},
		"t#1=again@1h":                  {1, 2, ""},
	} {
		t.Run(line, func(t *testing.T) {
			plan, err := sim.ParsePlan(line)
			if err != nil {
				t.Fatal(err)
			}
			v, effects := sim.NewVirtual(time.Unix(0, 0)), 0
			task := sim.Tasks(map[string]engine.Task{"t": func(context.Context, json.RawMessage) (json.RawMessage, error) {
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
	v := sim.NewVirtual(time.Unix(0, 0))
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
