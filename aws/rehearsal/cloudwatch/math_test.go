package cloudwatch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func parsed(t *testing.T, text string) *Expr {
	t.Helper()
	e, err := ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// series are the guide's examples and some more; - is missing.
var series = map[string]string{
	"m1": "30 20 0 0", "m2": "20 - 20 -", "none": "- - - -",
	"c": "1 1 0 0 -", "x": "30 - 0 0 30", "y": "0 0 20 - 20",
	"inv": "10 0 - 4", "err": "5 0 2 4", "bus": "5 - - 1",
}

func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		// using-metric-math.html, "Comparison and logical operators" and "Using IF expressions"
		"m1 < m2":            "0 0 1 0",
		"m1 >= 30":           "1 0 0 0",
		"m1 > 15 AND m2 >15": "1 0 0 0",
		"IF(c, x, y)":        "30 0 20 - -",
		"IF(c, 5, y)":        "5 5 20 - -",
		"IF(c, x, 5)":        "30 0 5 5 -",
		"IF(c, x)":           "30 0 - - -",
		// what is missing counts as 0 beside what is not; a division by zero leaves no point
		"m1 + m2":   "50 20 20 0",
		"m1 - none": "30 20 0 0",
		"m2 + 1":    "21 - 21 -",
		"none * 2":  "- - - -",
		"m2 / m1":   "0.6666666666666666 0 - -",
		"1 / m1":    "0.03333333333333333 0.05 - -",
		// precedence
		"1 + m1 * 2 - 6 / 2":       "58 38 -2 -2",
		"-m1 + 1":                  "-29 -19 1 1",
		"m1 - 1 - 1":               "28 18 -2 -2",
		"m1 == 0 || m1 > 25":       "1 0 1 1",
		"m1 != 0 && (m2 < 1 OR 1)": "1 0 0 0",
		// functions
		"FILL(m2, 0)":        "20 0 20 0",
		"FILL(none, 7)":      "7 7 7 7",
		"FILL(m2, m1)":       "20 20 20 0",
		"MAX([m1, m2])":      "30 20 20 0",
		"MIN([m1, m2, 25])":  "20 20 0 0",
		"MAX([none, m2])":    "20 - 20 -",
		"FILL(m2,0.5) * 1.5": "30 0.75 30 0.75",
		// the deployment alarms'
		"IF(inv > 0, 100 * (err - FILL(bus, 0)) / inv, 0)": "0 0 - 75",
	} {
		if got := evaluated(t, text); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

func evaluated(t *testing.T, text string) string {
	t.Helper()
	expr := parsed(t, text)
	e := &env{n: 4}
	if strings.ContainsAny(text, "cxy") && strings.HasPrefix(text, "IF(c") {
		e.n = 5
	}
	e.value = func(id string) value { return value{series: numbers(series[id])} }
	v := e.eval(expr.root)
	cells := make([]string, e.n)
	for i := range cells {
		if p := v.at(i); p.Present {
			cells[i] = fmt.Sprint(p.Value)
		} else {
			cells[i] = "-"
		}
	}
	return strings.Join(cells, " ")
}

func numbers(text string) (points Series) {
	for _, cell := range strings.Fields(text) {
		var p Point
		if _, err := fmt.Sscan(cell, &p.Value); err == nil {
			p.Present = true
		}
		points = append(points, p)
	}
	return points
}

func TestWhatIsNotSupportedIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"SUM([a, b])":       "the function SUM is not supported",
		"METRICS()":         "METRICS",
		"RATE(m1)":          "RATE",
		"MAX(m1)":           "MAX is supported over a list",
		"MAX([])":           "MAX is supported over a list",
		"MAX([a], [b])":     "MAX is supported over a list",
		"FILL(m1, REPEAT)":  "FILL with REPEAT",
		"FILL(m1)":          "FILL has 1 arguments",
		"a ^ 2":             "the operator ^ is not supported",
		"!a":                "the operator ! is not supported",
		"SEARCH('x', 'y')":  "SEARCH",
		"":                  "found the end",
		"a +":               "found the end",
		"(a":                "expected ')', found the end",
		"a b":               "expected the end, found b",
		"a // b":            `"//" is not supported`,
		"a; b":              `";" is not supported`,
		"IF(a)":             "IF has 1 arguments",
		"IF(a...)":          "... is not supported",
		"IF a":              "expected the end, found a",
		"1x":                "expected the end, found x",
		"0x1":               `"0x1" is not a number`,
		"1i":                `"1i" is not a number`,
		"'x'":               `"'x'" is not a number`,
		"1.2.3":             "expected the end, found .3",
		"* a":               "not a number, an id, an operator or a function",
		"a.b":               "not a number, an id, an operator or a function",
		"[a, b]":            "a list in brackets",
		"x{a}":              `"{" is not supported`,
		"a[1]":              "expected",
		"Errors - Business": `"Errors" is not an id`,
		"range + 1":         "a keyword of Go; rename the query",
	} {
		if _, err := ParseExpr(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something with %q", text, err, want)
		}
	}
}

func FuzzParseExpr(f *testing.F) {
	f.Add("IF(inv > 0, 100 * (err - FILL(bus, 0)) / inv, 0)")
	f.Add("MAX([a,-b && 1.5]) OR c")
	f.Fuzz(func(t *testing.T, text string) {
		expr, err := ParseExpr(text)
		if err != nil {
			return
		}
		e := &env{n: 2, value: func(string) value { return value{series: Series{{1, true}, {}}} }}
		if v := e.eval(expr.root); v.series != nil && len(v.series) != 2 {
			t.Errorf("%q has %d points", text, len(v.series))
		}
	})
}

func TestCheck(t *testing.T) {
	m := &Stat{Metric{Namespace: "n", Name: "m"}, Statistic{name: "Sum"}}
	good := func() Alarm {
		return Alarm{Period: time.Minute, Periods: 3, Datapoints: 2, Queries: []Query{
			{ID: "m", Stat: m}, {ID: "e", Expr: parsed(t, "m * 2"), Returns: true},
		}}
	}
	a := good()
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Alarm){
		"whole minutes":        func(a *Alarm) { a.Period = 30 * time.Second },
		"3 of 2":               func(a *Alarm) { a.Datapoints, a.Periods = 3, 2 },
		"both return data":     func(a *Alarm) { a.Queries[0].Returns = true },
		"no query returns":     func(a *Alarm) { a.Queries[1].Returns = false },
		"there is no query x":  func(a *Alarm) { a.Queries[1].Expr = parsed(t, "x") },
		"leads to itself":      func(a *Alarm) { a.Queries[1].Expr = parsed(t, "m + e") },
		"e is a number":        func(a *Alarm) { a.Queries[1].Expr = parsed(t, "1 + 1") },
		"11 metrics, an alarm": func(a *Alarm) { a.Queries = append(a.Queries, make11(m)...) },
	} {
		a := good()
		spoil(&a)
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, not %v", want, err)
		}
	}
}

func make11(m *Stat) (queries []Query) {
	for i := range 10 {
		queries = append(queries, Query{ID: fmt.Sprint("n", i), Stat: m})
	}
	return queries
}
