package expr

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// The adversarial inputs: deep, wide, long, and both deep and wide.
var (
	deep   = strings.Repeat(`{"x":`, 990) + "1" + strings.Repeat("}", 990)
	nested = strings.Repeat("[", 990) + strings.Repeat("]", 990)
	wide   = "[" + strings.Repeat("1,", 130_000) + "1]"
	long   = `"` + strings.Repeat("a", 262_000) + `"`
	named  = `[{"` + strings.Repeat("k", 60_000) + `1":1,"` + strings.Repeat("k", 60_000) + `2":1,"` + strings.Repeat("k", 60_000) + `3":1}]`
	chain  = strings.Repeat(`{"b":[`+strings.Repeat("1,", 100)+`1],"x":`, 900) + "1" + strings.Repeat("}", 900)
)

// tooMuch evaluates templates that would cost far more than their result may weigh.
var tooMuch = []struct{ name, data, template string }{
	{"descents in descents", deep, `{"v.$":"$..*..*"}`},
	{"four descents", deep, `{"v.$":"$..*..*..*..*"}`},
	{"descents with names", deep, `{"v.$":"$..x..x..x"}`},
	{"descents in arrays", nested, `{"v.$":"$..*..*..*"}`},
	{"descents over indexes", nested, `{"v.$":"$..[0]..[0]..[0]"}`},
	{"unions that double", nested, `{"v.$":"$` + strings.Repeat("[0,0]", 40) + `"}`},
	{"unions of names that double", deep, `{"v.$":"$` + strings.Repeat("['x','x']", 40) + `"}`},
	{"a union of many", wide, `{"v.$":"$..[` + strings.Repeat("0,", 300_000) + `0]"}`},
	{"a big node many times", `[` + wide + `]`, `{"v.$":"$[` + strings.Repeat("0,", 1000) + `0]"}`},
	{"filters over nested candidates", chain, `{"v.$":"$..[?(@ == $.x)]..[?(@ == $.x)]"}`},
	{"a filter of many comparisons", `[` + wide + `,` + wide + `]`,
		`{"v.$":"$[?(@ == $[1]` + strings.Repeat(` && @ == $[1]`, 100) + `)]"}`},
	{"one node in many members", wide, "{" + strings.Repeat(`"%d.$":"$",`, 999) + `"v.$":"$"}`},
	{"one node in nested members", wide, strings.Repeat(`{"a.$":"$","b":`, 100) + `{"c.$":"$"}` + strings.Repeat("}", 100)},
	{"one node in the elements of an array", wide, `{"v":[` + strings.Repeat(`{"a.$":"$"},`, 1000) + `{"a.$":"$"}]}`},
	{"names that are long to sort", named, `{"v.$":"$[` + strings.Repeat("0,", 100_000) + `0]..['q']"}`},
	{"a name that is long to look up", named, `{"v.$":"$[` + strings.Repeat("0,", 100_000) + `0]['` + strings.Repeat("k", 60_000) + `1'].x"}`},
	{"a filter with a long literal", `[["` + strings.Repeat("k", 60_000) + `1"]]`,
		`{"v.$":"$[` + strings.Repeat("0,", 100_000) + `0][?(@ == '` + strings.Repeat("k", 60_000) + `2')]"}`},
	{"Array of Arrays", wide, `{"v.$":"` + strings.Repeat("States.Array($,", 9) + "$" + strings.Repeat(")", 9) + `"}`},
	{"Format with one argument many times", long, `{"v.$":"States.Format('` + strings.Repeat("{}", 1000) + `'` + strings.Repeat(",$", 1000) + `)"}`},
	{"Format of an array", wide, `{"v.$":"States.Format('{}{}{}',$,$,$)"}`},
	{"JsonToString of Array", wide, `{"v.$":"States.JsonToString(States.Array(` + strings.Repeat("$,", 1000) + `$))"}`},
	{"JsonToString within itself", `"` + strings.Repeat(`\\`, 60_000) + `"`,
		`{"v.$":"` + strings.Repeat("States.JsonToString(", 9) + "$" + strings.Repeat(")", 9) + `"}`},
	{"ArrayUnique of many", wide, `{"v.$":"States.ArrayUnique(States.Array(` + strings.Repeat("$,", 1000) + `$))"}`},
	{"ArrayUnique in many members", wide, "{" + strings.Repeat(`"%d.$":"States.ArrayUnique($)",`, 999) + `"v":1}`},
	{"ArrayContains in many members", wide, "{" + strings.Repeat(`"%d.$":"States.ArrayContains($,2)",`, 999) + `"v":1}`},
	{"StringSplit in many members", long, "{" + strings.Repeat(`"%d.$":"States.StringSplit($,'b')",`, 999) + `"v":1}`},
}

// numbered gives the %d of a template the numbers from 0.
func numbered(template string) string {
	n := strings.Count(template, "%d")
	args := make([]any, n)
	for i := range args {
		args[i] = i
	}
	if n == 0 {
		return template
	}
	return fmt.Sprintf(template, args...)
}

func TestWorkIsBounded(t *testing.T) {
	for _, test := range tooMuch {
		t.Run(test.name, func(t *testing.T) {
			template, err := ParseTemplate(decode(t, numbered(test.template)))
			if err != nil {
				t.Fatal(err)
			}
			env := &Env{Data: decode(t, test.data)}
			_, err = template.Eval(env)
			var failed *Error
			if !errors.As(err, &failed) || failed.Name != "States.DataLimitExceeded" {
				t.Fatalf("error %.200v, want States.DataLimitExceeded", err)
			}
			// What stops it is one unit of work at a time, or a node, whose reading stops at the limit itself.
			if env.work < -2*MaxResult*MaxResult {
				t.Errorf("%d units of work beyond the limit", -env.work)
			}
		})
	}
}

// Lists and texts on the way are bounded as well: the descents do not gather more nodes than the limit has bytes.
func TestMemoryIsBounded(t *testing.T) {
	p, err := ParsePath("$..*..*..*")
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Data: decode(t, deep)}
	const most = 256 // of garbage mostly: nodes are 16 bytes, lists grow by doubling, and names are sorted
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := p.Get(env); err == nil {
		t.Fatal("no error")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > most*MaxResult {
		t.Errorf("%d bytes allocated, want at most %d", got, most*MaxResult)
	}
}

// What may be as big as the limit is not refused, whatever its form.
func TestWhatTheLimitAllows(t *testing.T) {
	for _, test := range []struct{ name, data, path string }{
		{"all elements", wide, "$[*]"},
		{"all elements by descent", wide, "$..*"},
		{"a slice", wide, "$[0:]"},
		{"a filter", wide, "$[?(@ == 1)]"},
		{"a deep name", deep, "$..x"},
		{"all of a deep value", nested, "$..*"},
	} {
		p, err := ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Get(&Env{Data: decode(t, test.data)})
		if list, _ := got.([]any); err != nil || len(list) == 0 {
			t.Errorf("%s: %d nodes, error %v", test.name, len(list), err)
		}
	}
	many := "{" + strings.Repeat(`"%d.$":"$.items[?(@.id == 7)]",`, 99) + `"n.$":"States.ArrayLength($.items)"}`
	template, err := ParseTemplate(decode(t, numbered(many)))
	if err != nil {
		t.Fatal(err)
	}
	items := strings.Repeat(`{"id":1,"name":"`+strings.Repeat("n", 30)+`"},`, 5000)
	env := &Env{Data: decode(t, `{"items":[`+items+`{"id":7}]}`)}
	if got, err := template.Eval(env); err != nil || len(got.(map[string]any)) != 100 {
		t.Errorf("a hundred filters over 5,000 items: %v", err)
	}
}

func TestSizeStopsAtTheMost(t *testing.T) {
	big := decode(t, wide)
	list := make([]any, MaxResult)
	for i := range list {
		list[i] = big // 260,000 bytes each: counting them all would take minutes
	}
	if got := Size(list, 100); got <= 100 || got > MaxResult*MaxResult {
		t.Errorf("size %d", got)
	}
	if got := Size(big, math.MaxInt); got != len(wide) {
		t.Errorf("size %d, want %d", got, len(wide))
	}
}
