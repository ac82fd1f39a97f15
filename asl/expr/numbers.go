package expr

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// truncatedArg returns a number without its fraction. AWS documents rounding to the nearest integer, but was observed to
// truncate in arrays and in States.MathRandom: ArrayPartition(a, 2.6) makes chunks of 2.
func truncatedArg(args []any, i int) (int64, error) { return int32Arg(args, i, math.Trunc) }

// roundedArg returns a number rounded like Java's Math.round: to the nearest integer, halves towards positive infinity.
func roundedArg(args []any, i int) (int64, error) {
	return int32Arg(args, i, func(f float64) float64 {
		whole := math.Floor(f)
		if f-whole >= 0.5 {
			whole++
		}
		return whole
	})
}

// int32Arg returns a number in the range that AWS allows, -2147483648 to 2147483647.
func int32Arg(args []any, i int, round func(float64) float64) (int64, error) {
	n, ok := args[i].(json.Number)
	if !ok {
		return 0, fmt.Errorf("argument %d must be a number, not %s", i+1, kindOf(args[i]))
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if f = round(f); err != nil || f < math.MinInt32 || f > math.MaxInt32 {
		return 0, fmt.Errorf("argument %d is %s; it must be an integer of 32 bits", i+1, n)
	}
	return int64(f), nil
}

// mathAdd adds two numbers, each rounded first. As on AWS, it fails if the sum does not fit 32 bits.
func mathAdd(_ *Env, args []any) (any, error) {
	a, err := roundedArg(args, 0)
	if err != nil {
		return nil, err
	}
	b, err := roundedArg(args, 1)
	if err != nil {
		return nil, err
	}
	sum := a + b
	if sum < math.MinInt32 || sum > math.MaxInt32 {
		return nil, fmt.Errorf("the sum %d is not an integer of 32 bits", sum)
	}
	return integer(sum), nil
}

// mathRandom draws from the first argument, included, to the second, excluded. With a seed, the third argument, it always
// draws the same number.
func mathRandom(env *Env, args []any) (any, error) {
	from, err := truncatedArg(args, 0)
	if err != nil {
		return nil, err
	}
	to, err := truncatedArg(args, 1)
	if err != nil {
		return nil, err
	}
	if from >= to {
		return nil, fmt.Errorf("the start %d must be less than the end %d", from, to)
	}
	draw := env.Random
	if len(args) == 3 {
		seed, err := truncatedArg(args, 2)
		if err != nil {
			return nil, err
		}
		draw = seeded(seed)
	}
	if draw == nil {
		return nil, errNoRandom
	}
	offset, _ := bits.Mul64(draw.Uint64(), uint64(to-from))
	return integer(from + int64(offset)), nil
}

// seeded draws the same number for the same seed. AWS promises no more: its sequence is not documented.
func seeded(seed int64) rand.Source { return rand.NewPCG(uint64(seed), 0) }

// uuid returns a random UUID, version 4 (RFC 9562).
func uuid(env *Env, _ []any) (any, error) {
	if env.Random == nil {
		return nil, errNoRandom
	}
	var id [16]byte
	for i, half := 0, uint64(0); i < len(id); i++ {
		if i%8 == 0 {
			half = env.Random.Uint64()
		}
		id[i] = byte(half >> (56 - 8*(i%8)))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// jsonMerge merges two objects; of equal names the second object's member counts. Deep merging does not exist in AWS.
func jsonMerge(_ *Env, args []any) (any, error) {
	a, err := objectArg(args, 0)
	if err != nil {
		return nil, err
	}
	b, err := objectArg(args, 1)
	if err != nil {
		return nil, err
	}
	if args[2] != false {
		return nil, errors.New("argument 3 must be false: only shallow merging is supported")
	}
	merged := make(map[string]any, len(a)+len(b))
	maps.Copy(merged, a)
	maps.Copy(merged, b)
	return merged, nil
}

// CompareNumbers compares two numbers by their exact decimal values, without rounding: 0.3 equals 0.30 and 3e-1, and
// integers of any length compare exactly. The result is negative, zero or positive, like that of cmp.Compare.
func CompareNumbers(a, b json.Number) int {
	if a == b {
		return 0
	}
	const exact = 18 // digits that always fit an int64
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

// maxExponent limits exponents, so that adding the number of digits cannot overflow.
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

// canonical returns the same text for equal numbers.
func (d decimal) canonical() json.Number {
	if d.sign == 0 {
		return "0"
	}
	return json.Number(strconv.Itoa(d.sign) + "." + d.digits + "e" + strconv.FormatInt(d.exponent, 10))
}

// canonical returns v with the same text for equal numbers, so that equal values encode to equal bytes.
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

// identity returns a map key that is equal for two values if and only if they are equal.
func identity(v any) any {
	switch v.(type) {
	case []any, map[string]any:
		return [1]string{string(AppendEncode(nil, canonical(v)))} // not a string: a string value may have the same text
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
