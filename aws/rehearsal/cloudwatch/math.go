package cloudwatch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expr is an expression of metric math: numbers, ids of other queries, + - * /, comparisons, AND, OR, parentheses, and
// the functions IF(condition, then[, else]), FILL(series, number), MAX([...]) and MIN([...]).
type Expr struct {
	text string
	root ast.Expr
	ids  []string
}

// String returns the text that was parsed.
func (e *Expr) String() string { return e.text }

// goText rewrites what differs from Go: metric math has words for two operators, and lists in brackets. Assumed: the guide
// gives no order of precedence; Go's is the usual one.
var goText = strings.NewReplacer("[", "[]_{", "]", "}", "\n", " ", "\r", " ")

// ends are the parser's names of the text's end.
var ends = strings.NewReplacer("'EOF'", "the end", "newline", "the end")

var (
	words = regexp.MustCompile(`\b(AND|OR)\b`)
	query = regexp.MustCompile(`^[a-z]\w*$`) // an id
)

// ParseExpr parses an expression with Go's own parser, as metric math is nearly a subset of Go. An error names the part
// that this package does not evaluate.
func ParseExpr(text string) (*Expr, error) {
	e := &Expr{text: text}
	if err := e.parse(); err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	return e, nil
}

func (e *Expr) parse() error {
	for _, other := range []string{"//", "/*", "{", ";"} { // which Go would read as comments, literals and statements
		if strings.Contains(e.text, other) {
			return fmt.Errorf("%q is not supported", other)
		}
	}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(e.text, -1) {
		if token.IsKeyword(word) {
			return fmt.Errorf("the id %s is not supported: it is a keyword of Go; rename the query", word)
		}
	}
	text := words.ReplaceAllStringFunc(goText.Replace(e.text), func(word string) string {
		return map[string]string{"AND": "&&", "OR": "||"}[word]
	})
	root, err := parser.ParseExpr(text)
	var wrong scanner.ErrorList
	if errors.As(err, &wrong) {
		return errors.New(ends.Replace(wrong[0].Msg)) // without its position, which is of the rewritten text
	}
	if err != nil {
		return err
	}
	e.root = root
	return e.check(root)
}

// operators are those of Go that metric math has.
var operators = []token.Token{token.ADD, token.SUB, token.MUL, token.QUO, token.LSS, token.LEQ, token.GTR, token.GEQ,
	token.EQL, token.NEQ, token.LAND, token.LOR}

// check refuses what eval does not evaluate, and collects the ids.
func (e *Expr) check(x ast.Expr) error {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return e.check(x.X)
	case *ast.BasicLit:
		if _, err := number(x); err != nil {
			return fmt.Errorf("%q is not a number", x.Value)
		}
		return nil
	case *ast.Ident:
		if !query.MatchString(x.Name) {
			return fmt.Errorf("%q is not an id, which begins with a lower-case letter", x.Name)
		}
		e.ids = append(e.ids, x.Name)
		return nil
	case *ast.UnaryExpr:
		if x.Op != token.SUB {
			return fmt.Errorf("the operator %s is not supported", x.Op)
		}
		return e.check(x.X)
	case *ast.BinaryExpr:
		if !slices.Contains(operators, x.Op) {
			return fmt.Errorf("the operator %s is not supported", x.Op)
		}
		return e.checkAll(x.X, x.Y)
	case *ast.CallExpr:
		return e.checkCall(x)
	case *ast.CompositeLit:
		return errors.New("a list in brackets is supported as the argument of MAX and MIN only")
	}
	return errors.New("it has something that is not a number, an id, an operator or a function")
}

func (e *Expr) checkAll(all ...ast.Expr) error {
	for _, x := range all {
		if err := e.check(x); err != nil {
			return err
		}
	}
	return nil
}

// checkCall accepts FILL with a number or a series: REPEAT and LINEAR depend on how far back CloudWatch reads. It accepts
// MAX and MIN of a list: over a single series they are a number over the whole range, whose length only CloudWatch knows.
func (e *Expr) checkCall(call *ast.CallExpr) error {
	name, n := function(call), len(call.Args)
	switch {
	case !slices.Contains([]string{"IF", "FILL", "MAX", "MIN"}, name):
		return fmt.Errorf("the function %s is not supported; supported are IF, FILL, MAX and MIN", name)
	case call.Ellipsis.IsValid():
		return errors.New("... is not supported")
	case name == "IF" && n != 2 && n != 3:
		return fmt.Errorf("IF has %d arguments, want a condition, a value and perhaps another value", n)
	case name == "FILL" && n != 2:
		return fmt.Errorf("FILL has %d arguments, want a series and a number", n)
	case name == "FILL" && (named(call.Args[1], "REPEAT") || named(call.Args[1], "LINEAR")):
		return errors.New("FILL with REPEAT or LINEAR is not supported; with a number it is")
	case name == "MAX", name == "MIN":
		items := list(call)
		if len(items) == 0 {
			return fmt.Errorf("%s is supported over a list in brackets only", name)
		}
		return e.checkAll(items...)
	}
	return e.checkAll(call.Args...)
}

// function returns the name of what is called, "" if that is not a name.
func function(call *ast.CallExpr) string {
	if id, ok := call.Fun.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func named(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// list returns the items of a call's only argument when that is a list.
func list(call *ast.CallExpr) []ast.Expr {
	if len(call.Args) == 1 {
		if items, ok := call.Args[0].(*ast.CompositeLit); ok {
			return items.Elts
		}
	}
	return nil
}

// number refuses the forms of numbers that only Go has.
func number(x *ast.BasicLit) (float64, error) {
	if strings.ContainsAny(x.Value, "_xXpPoObB") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(x.Value, 64)
}

// value is a series, or a number when series is nil.
type value struct {
	number float64
	series Series
}

func (v value) at(i int) Point {
	if v.series == nil {
		return Point{v.number, true}
	}
	return v.series[i]
}

// has reports whether v is a series with a point at i.
func (v value) has(i int) bool { return v.series != nil && v.series[i].Present }

// env is what an expression is evaluated in.
type env struct {
	n     int // periods
	value func(id string) value
}

// each makes a series point by point. If all values are numbers, it makes a number.
func (e *env) each(f func(i int) Point, of ...value) value {
	n, series := 1, false
	for _, v := range of {
		if v.series != nil {
			n, series = e.n, true
		}
	}
	points := make(Series, n)
	for i := range points {
		points[i] = f(i)
	}
	if !series {
		return value{number: points[0].Value}
	}
	return value{series: points}
}

// eval evaluates an expression that check has accepted.
func (e *env) eval(x ast.Expr) value {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return e.eval(x.X)
	case *ast.BasicLit:
		n, _ := number(x)
		return value{number: n}
	case *ast.Ident:
		return e.value(x.Name)
	case *ast.UnaryExpr:
		return e.operation(token.SUB, value{}, e.eval(x.X))
	case *ast.BinaryExpr:
		return e.operation(x.Op, e.eval(x.X), e.eval(x.Y))
	}
	switch call := x.(*ast.CallExpr); function(call) {
	case "IF":
		return e.choice(e.all(call.Args))
	case "FILL":
		return e.fill(e.eval(call.Args[0]), e.eval(call.Args[1]))
	case "MAX":
		return e.extreme(e.all(list(call)), func(a, b float64) bool { return a > b })
	default:
		return e.extreme(e.all(list(call)), func(a, b float64) bool { return a <= b })
	}
}

func (e *env) all(expressions []ast.Expr) []value {
	values := make([]value, len(expressions))
	for i, x := range expressions {
		values[i] = e.eval(x)
	}
	return values
}

// operation treats a missing point on one side as 0, "Basic arithmetic functions" and "Comparison and logical operators".
// Where no series has a point, the result has none.
func (e *env) operation(op token.Token, left, right value) value {
	numbers := left.series == nil && right.series == nil
	return e.each(func(i int) Point {
		if !numbers && !left.has(i) && !right.has(i) {
			return Point{}
		}
		return apply(op, left.at(i).Value, right.at(i).Value)
	}, left, right)
}

// apply drops a point that would divide by zero.
func apply(op token.Token, a, b float64) Point {
	switch op {
	case token.ADD:
		return Point{a + b, true}
	case token.SUB:
		return Point{a - b, true}
	case token.MUL:
		return Point{a * b, true}
	case token.QUO:
		if b == 0 {
			return Point{}
		}
		return Point{a / b, true}
	}
	if compare(op, a, b) {
		return Point{1, true}
	}
	return Point{0, true}
}

func compare(op token.Token, a, b float64) bool {
	switch op {
	case token.LSS:
		return a < b
	case token.LEQ:
		return a <= b
	case token.GTR:
		return a > b
	case token.GEQ:
		return a >= b
	case token.EQL:
		return a == b
	case token.NEQ:
		return a != b
	case token.LAND:
		return a != 0 && b != 0
	}
	return a != 0 || b != 0
}

// choice is "Using IF expressions": no point where the condition has none; 0 where the condition is true and the value has
// no point.
func (e *env) choice(args []value) value {
	if len(args) == 2 {
		args = append(args, value{series: make(Series, e.n)})
	}
	return e.each(func(i int) Point {
		switch condition := args[0].at(i); {
		case !condition.Present:
			return Point{}
		case condition.Value != 0:
			return Point{args[1].at(i).Value, true}
		}
		return args[2].at(i)
	}, args...)
}

// fill fills every period, the latest included, whose data may only be late. The guide warns of that and recommends M out
// of N. Assumed: a metric without any point is filled as well.
func (e *env) fill(of, with value) value {
	return e.each(func(i int) Point {
		if p := of.at(i); p.Present {
			return p
		}
		return with.at(i)
	}, of, with)
}

// extreme leaves out values without a point where another one has a point.
func (e *env) extreme(values []value, better func(a, b float64) bool) value {
	return e.each(func(i int) (best Point) {
		for _, v := range values {
			if p := v.at(i); p.Present && (!best.Present || better(p.Value, best.Value)) {
				best = p
			}
		}
		return best
	}, values...)
}
