package choice

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/asl/expr"
)

// comparison is a comparison operator: a value type and a relation.
type comparison struct {
	want string // the type, for messages
	// order compares two values; ok is false if one of them has another type.
	order func(a, b any) (order int, ok bool)
	// relation reports whether the comparison is true for an order.
	relation func(order int) bool
}

func (c comparison) holds(a, b any) bool {
	order, ok := c.order(a, b)
	return ok && c.relation(order)
}

// comparisons are the operators that take a value or, with "Path" at the end of their name, a path.
var comparisons = func() map[string]comparison {
	relations := map[string]func(int) bool{
		"Equals":            func(o int) bool { return o == 0 },
		"LessThan":          func(o int) bool { return o < 0 },
		"LessThanEquals":    func(o int) bool { return o <= 0 },
		"GreaterThan":       func(o int) bool { return o > 0 },
		"GreaterThanEquals": func(o int) bool { return o >= 0 },
	}
	all := map[string]comparison{"BooleanEquals": {"true or false", orderBooleans, relations["Equals"]}}
	for name, relation := range relations {
		all["String"+name] = comparison{"a string", orderStrings, relation}
		all["Numeric"+name] = comparison{"a number", orderNumbers, relation}
		all["Timestamp"+name] = comparison{"a timestamp such as 2030-01-31T09:00:00Z", orderTimestamps, relation}
	}
	return all
}()

// typeTests are the operators that test the variable's type.
var typeTests = map[string]func(v any) bool{
	"IsNull":      func(v any) bool { return v == nil },
	"IsBoolean":   func(v any) bool { _, ok := v.(bool); return ok },
	"IsNumeric":   func(v any) bool { _, ok := v.(json.Number); return ok },
	"IsString":    func(v any) bool { _, ok := v.(string); return ok },
	"IsTimestamp": func(v any) bool { _, ok := timestamp(v); return ok },
}

// known lists all operators, for messages.
func known() string {
	names := []string{"And", "Or", "Not", "IsPresent", "StringMatches"}
	names = slices.AppendSeq(names, maps.Keys(typeTests))
	for name := range comparisons {
		names = append(names, name, name+"Path")
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// orderBooleans tests for equality only.
func orderBooleans(a, b any) (int, bool) {
	x, okX := a.(bool)
	y, okY := b.(bool)
	if x == y {
		return 0, okX && okY
	}
	return 1, okX && okY
}

func orderStrings(a, b any) (int, bool) {
	x, okX := a.(string)
	y, okY := b.(string)
	return cmp.Compare(x, y), okX && okY
}

func orderNumbers(a, b any) (int, bool) {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if !okX || !okY {
		return 0, false
	}
	return expr.CompareNumbers(x, y), true
}

func orderTimestamps(a, b any) (int, bool) {
	x, okX := timestamp(a)
	y, okY := timestamp(b)
	return x.Compare(y), okX && okY
}

// timestamp parses the RFC 3339 profile of ISO 8601, with T and Z in upper case. time.Parse accepts a few formats that
// RFC 3339 does not allow: an hour of one digit, a comma before the fraction, offsets such as +24:60.
func timestamp(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok || len(s) < len("2006-01-02T15:04:05Z") || s[len("2006-01-02T15")] != ':' || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, false
	}
	n := len(s)
	return t, s[n-1] == 'Z' || s[n-len("15:04"):n-len(":04")] < "24" && s[n-len("04"):] < "60"
}

// pattern is the operand of StringMatches: the pieces of text around its wildcards.
type pattern []string

// parsePattern parses a pattern: * matches any text, \* a star and \\ a backslash.
func parsePattern(s string) (pattern, error) {
	var p pattern
	var piece strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			p = append(p, piece.String())
			piece.Reset()
		case '\\':
			i++
			if i == len(s) || s[i] != '*' && s[i] != '\\' {
				return nil, errors.New(`only * and \ may follow a \; a backslash itself is written \\`)
			}
			piece.WriteByte(s[i])
		default:
			piece.WriteByte(s[i])
		}
	}
	return append(p, piece.String()), nil
}

func (p pattern) matches(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	first, last := p[0], p[len(p)-1]
	if len(p) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	// The leftmost match is best for each piece in between, since it leaves the most text for the others.
	s = s[len(first) : len(s)-len(last)]
	for _, piece := range p[1 : len(p)-1] {
		_, after, found := strings.Cut(s, piece)
		if !found {
			return false
		}
		s = after
	}
	return true
}
