package expr

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// CompareNumbers orders two numbers by their exact decimal values, without rounding: 0.3 equals 0.30 and 3e-1, and
// integers of any length compare exactly. The result is negative, zero or positive, as in cmp.Compare.
func CompareNumbers(a, b json.Number) int {
	if a == b {
		return 0
	}
	const exact = 18 // digits that surely fit an int64
	if len(a) <= exact && len(b) <= exact {
		x, errX := strconv.ParseInt(string(a), 10, 64)
		y, errY := strconv.ParseInt(string(b), 10, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	}
	return decimalOf(a).compare(decimalOf(b))
}

// decimal is sign * 0.digits * 10^exponent; digits neither start nor end with 0. Zero has sign 0 and no digits.
type decimal struct {
	sign     int
	digits   string
	exponent int64
}

// maxExponent bounds exponents, so that adding the number of digits cannot overflow.
const maxExponent = 1 << 60

func decimalOf(n json.Number) decimal {
	mantissa, negative := strings.CutPrefix(string(n), "-")
	var exponent int64
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		// An exponent beyond int64 saturates there.
		exponent, _ = strconv.ParseInt(mantissa[i+1:], 10, 64)
		exponent = min(max(exponent, -maxExponent), maxExponent)
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent += int64(len(whole)) - int64(len(whole)+len(fraction)-len(digits))
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return decimal{}
	case negative:
		return decimal{-1, digits, exponent}
	default:
		return decimal{1, digits, exponent}
	}
}

func (d decimal) compare(e decimal) int {
	if d.sign != e.sign {
		return cmp.Compare(d.sign, e.sign)
	}
	// Digits compare as text: both are fractions after the same decimal point.
	return d.sign * cmp.Or(cmp.Compare(d.exponent, e.exponent), cmp.Compare(d.digits, e.digits))
}

// canonical writes equal numbers alike.
func (d decimal) canonical() json.Number {
	if d.sign == 0 {
		return "0"
	}
	return json.Number(strconv.Itoa(d.sign) + "." + d.digits + "e" + strconv.FormatInt(d.exponent, 10))
}

// canonical returns v with equal numbers written alike, so that equal values encode to equal bytes.
func canonical(v any) any {
	switch v := v.(type) {
	case json.Number:
		return decimalOf(v).canonical()
	case []any:
		array := make([]any, len(v))
		for i, element := range v {
			array[i] = canonical(element)
		}
		return array
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = canonical(member)
		}
		return object
	default:
		return v
	}
}

// identity is the same for equal values, and for them only.
func identity(v any) any {
	switch v.(type) {
	case []any, map[string]any:
		return [1]string{string(AppendEncode(nil, canonical(v)))} // no string, which may hold the same text
	}
	return canonical(v)
}

// equal compares numbers by value and objects whatever the order of their members.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && CompareNumbers(a, b) == 0
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	}
	return a == b
}
