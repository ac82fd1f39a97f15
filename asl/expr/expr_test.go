package expr

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestNoAllocation(t *testing.T) {
	env := &Env{Data: decode(t, booking)}
	path := func(s string) *Path {
		p, err := ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hit, miss := path("$.flight.number"), path("$.flight.nothing")
	template, err := ParseTemplate(decode(t, `{"a":{"b":[1]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"Get of a definite path":   func() { _, _ = hit.Get(env) },
		"Get without a match":      func() { _, _ = miss.Get(env) },
		"Eval without expressions": func() { _, _ = template.Eval(env) },
		"Size":                     func() { Size(env.Data, MaxResult) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestPathProperties(t *testing.T) {
	for _, test := range []struct {
		path           string
		definite, root bool
		variable       string
	}{
		{"$", true, true, ""},
		{"$.a[0]", true, false, ""},
		{"$$", true, false, ""},
		{"$v", true, false, "v"},
		{"$v.a", true, false, "v"},
		{"$.*", false, false, ""},
		{"$..a", false, false, ""},
		{"$['a','b']", true, false, ""},
		{"$.*['a','b']", false, false, ""},
	} {
		p, err := ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Definite() != test.definite || p.IsRoot() != test.root || p.Variable() != test.variable || p.String() != test.path {
			t.Errorf("%s: definite %v, root %v, variable %q", p, p.Definite(), p.IsRoot(), p.Variable())
		}
	}
}

func TestSetSharesWhatItDoesNotChange(t *testing.T) {
	root := decode(t, `{"a":{"x":1},"b":{"y":2}}`)
	changed, err := setAt("$.a.x", root, "new")
	if err != nil {
		t.Fatal(err)
	}
	kept := root.(map[string]any)["b"].(map[string]any)
	kept["seen"] = true // only a test may change a value: it shows that both roots hold the same one
	if changed.(map[string]any)["b"].(map[string]any)["seen"] != true {
		t.Error("Set copied a part that is not on the path")
	}
}

func TestCheckVariable(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "a1_b": true, "größe": true, "変数": true, strings.Repeat("é", 80): true,
		"": false, "1a": false, "_a": false, "a-b": false, "a b": false, "a.b": false, strings.Repeat("é", 81): false, "a\xff": false,
	} {
		if err := CheckVariable(name); (err == nil) != ok {
			t.Errorf("%q: error %v, want ok %v", name, err, ok)
		}
	}
}

func TestCompareNumbers(t *testing.T) {
	ascending := []json.Number{
		"-1e99999999999999999999", "-12345678901234567891", "-12345678901234567890", "-2", "-1.5", "-1", "-1e-400", "0", "1e-99999999999999999999",
		"1e-400", "0.1", "0.3", "0.30000000000000004", "1", "1.5", "9", "10", "9007199254740992", "9007199254740993",
		"12345678901234567890", "12345678901234567891", "1e30", "1e400",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := CompareNumbers(a, b); got*(i-j) < 0 || (got == 0) != (i == j) {
				t.Errorf("%s against %s is %d", a, b, got)
			}
		}
	}
	for _, equal := range [][]json.Number{{"0", "-0", "0.0", "0e5", "-0.00"}, {"1", "1.0", "10e-1", "0.1E+1"}, {"-120", "-1.2e2", "-120.000"}} {
		for _, n := range equal {
			if CompareNumbers(equal[0], n) != 0 || identity(equal[0]) != identity(n) {
				t.Errorf("%s and %s differ", equal[0], n)
			}
		}
	}
}

func TestRandomFunctions(t *testing.T) {
	run := func(expression string, random rand.Source) string {
		template, err := ParseTemplate(map[string]any{"v.$": expression})
		if err != nil {
			t.Fatal(err)
		}
		v, err := template.Eval(&Env{Random: random})
		if err != nil {
			return err.Error()
		}
		return string(AppendEncode(nil, v.(map[string]any)["v"]))
	}
	source := rand.NewPCG(1, 2)
	seen := map[string]bool{}
	for range 200 {
		id := run("States.UUID()", source)
		if !regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`).MatchString(id) {
			t.Errorf("%s is no UUID of version 4", id)
		}
		if seen[id] {
			t.Errorf("%s comes twice", id)
		}
		seen[id] = true
	}
	drawn := map[string]bool{}
	for range 200 {
		drawn[run("States.MathRandom(-2, 3)", source)] = true
	}
	if len(drawn) != 5 || !drawn["-2"] || !drawn["2"] {
		t.Errorf("drew %v, want all of -2 to 2", drawn)
	}
	if a, b := run("States.MathRandom(0, 1000000, 42)", nil), run("States.MathRandom(0, 1000000, 42)", source); a != b {
		t.Errorf("the same seed draws %s and %s", a, b)
	}
	for _, expression := range []string{"States.UUID()", "States.MathRandom(1, 9)"} {
		if got := run(expression, nil); !strings.Contains(got, "States.IntrinsicFailure") {
			t.Errorf("%s without a source yields %s", expression, got)
		}
	}
}

func TestTextLimits(t *testing.T) {
	for _, expression := range []string{"States.Base64Encode($)", "States.Base64Decode($)", "States.Hash($, 'MD5')"} {
		template, err := ParseTemplate(map[string]any{"v.$": expression})
		if err != nil {
			t.Fatal(err)
		}
		for n, ok := range map[int]bool{9999: true, 10000: true, 10001: false} {
			_, err := template.Eval(&Env{Data: strings.Repeat("é", n)})
			if (err == nil) != ok {
				t.Errorf("%s of %d characters: error %v, want ok %v", expression, n, err, ok)
			}
		}
	}
}

func TestConstantTemplateIsItsSource(t *testing.T) {
	source := map[string]any{"a": []any{}}
	template, err := ParseTemplate(source)
	if err != nil {
		t.Fatal(err)
	}
	v, err := template.Eval(&Env{})
	if err != nil {
		t.Fatal(err)
	}
	v.(map[string]any)["b"] = true // only a test may change a value
	if source["b"] != true {
		t.Error("Eval copied a constant")
	}
}

func TestLongInputIsCutInMessages(t *testing.T) {
	template, err := ParseTemplate(map[string]any{"v.$": "$.x"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Eval(&Env{Data: strings.Repeat("日", 5000)})
	wantError(t, err, "日...'")
	if len(err.Error()) > maxShown+200 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, part := range map[string]string{
		``:                            "offset 0: expected a value, not end",
		`{"a":1} x`:                   "offset 8: 'x' after the value",
		`{"a" 1}`:                     "offset 5: expected ':', not '1'",
		`{a:1}`:                       "offset 1: expected a name in quotes",
		`[1 2]`:                       "offset 3: expected ',' or ']', not '2'",
		"\"\xff\"":                    "not valid UTF-8",
		`"\x"`:                        "an escape of JSON",
		strings.Repeat("9", 1001):     "a number of 1001 characters",
		strings.Repeat("[", 1002):     "nested more than 1000 deep",
		strings.Repeat(`{"a":`, 1002): "nested more than 1000 deep",
	} {
		_, err := Decode([]byte(text))
		wantError(t, err, part)
	}
	if _, err := Decode([]byte(strings.Repeat("[", 1000) + strings.Repeat("]", 1000))); err != nil {
		t.Error(err)
	}
}

func TestEncodeRefusesOtherTypes(t *testing.T) {
	_, err := Encode(map[string]any{"a": []any{5}})
	wantError(t, err, "a int is not a JSON value")
	defer func() {
		if recover() == nil {
			t.Error("AppendEncode accepts an int")
		}
	}()
	AppendEncode(nil, 5)
}
