package choice

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"tripsaga/asl/expr"
)

func decode(t testing.TB, s string) any {
	t.Helper()
	v, err := expr.Decode([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func env(data any) *expr.Env {
	return &expr.Env{
		Data:    data,
		Context: map[string]any{"Execution": map[string]any{"Name": "trip-1"}},
		Vars:    map[string]any{"limit": json.Number("4")},
	}
}

func TestRules(t *testing.T) {
	text, err := os.ReadFile("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	var data any
	cases := 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if s, ok := strings.CutPrefix(line, "data "); ok {
			data = decode(t, s)
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		rule, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("no => in %q", line)
		}
		cases++
		t.Run(rule, func(t *testing.T) { checkRule(t, rule, env(data), want) })
	}
	if cases < 150 {
		t.Errorf("%d cases, want at least 150", cases)
	}
}

func checkRule(t *testing.T, rule string, env *expr.Env, want string) {
	r, err := Parse(decode(t, rule))
	if part, refused := strings.CutPrefix(want, "refused: "); refused {
		var syntax *expr.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want a SyntaxError that contains %q", err, part)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Match(env)
	if part, fails := strings.CutPrefix(want, "error: "); fails {
		var failed *expr.Error
		if !errors.As(err, &failed) || failed.Name != "States.Runtime" || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want States.Runtime that contains %q", err, part)
		}
		return
	}
	if err != nil || got != (want == "true") {
		t.Errorf("got %v and error %v, want %s", got, err, want)
	}
}

func TestNext(t *testing.T) {
	for rule, want := range map[string]string{
		`{"Variable":"$.a","IsNull":true,"Next":"Ship"}`: "Ship",
		`{"Variable":"$.a","IsNull":true}`:               "",
	} {
		r, err := Parse(decode(t, rule))
		if err != nil || r.Next != want {
			t.Errorf("%s: Next %q and error %v, want %q", rule, r.Next, err, want)
		}
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"Not":`, n) + `{"Variable":"$.a","IsPresent":true}` + strings.Repeat(`}`, n)
	}
	if _, err := Parse(decode(t, nested(20))); err != nil {
		t.Error(err)
	}
	if _, err := Parse(decode(t, nested(900))); err == nil || !strings.Contains(err.Error(), "nested more than") {
		t.Errorf("error %v, want one about nesting", err)
	}
}

func FuzzChoice(f *testing.F) {
	f.Add(`{"Variable":"$.a","NumericEquals":1,"Next":"X"}`, `{"a":1.0}`)
	f.Add(`{"And":[{"Variable":"$.a","StringMatches":"a*b\\*"},{"Not":{"Variable":"$$.x","IsPresent":true}}]}`, `{"a":"ab"}`)
	f.Add(`{"Or":[{"Variable":"$.a","TimestampLessThanPath":"$.b"}]}`, `{"a":"2030-01-31T09:00:00Z","b":"x"}`)
	f.Add(`{"Variable":"$.a","NumericLessThanPath":"$.b"}`, `{"a":1e-400,"b":-0.0}`)
	f.Fuzz(func(t *testing.T, rule, data string) {
		v, err := expr.Decode([]byte(rule))
		if err != nil {
			return // no rule to try
		}
		input, err := expr.Decode([]byte(data))
		if err != nil {
			return // no rule to try
		}
		r, err := Parse(v)
		if err != nil {
			return
		}
		first, err1 := r.Match(env(input))
		second, err2 := r.Match(env(input))
		if first != second || (err1 == nil) != (err2 == nil) {
			t.Errorf("%v, %v and then %v, %v", first, err1, second, err2)
		}
		if err1 != nil && first {
			t.Error("a rule with an error matches")
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	r, err := Parse(decode(b, `{"And":[{"Variable":"$.status","StringEquals":"OK"},{"Variable":"$.seats","NumericLessThan":9}]}`))
	if err != nil {
		b.Fatal(err)
	}
	e := env(decode(b, `{"status":"OK","seats":2}`))
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := r.Match(e); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
