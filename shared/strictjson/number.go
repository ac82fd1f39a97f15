package strictjson

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// setWhole sets an integer from a JSON number. Errors: strconv.ErrSyntax when it is not whole, strconv.ErrRange when it
// does not fit.
func setWhole(v reflect.Value, number string) error {
	digits, err := whole(number)
	if err == nil && v.CanInt() {
		var n int64
		n, err = strconv.ParseInt(digits, 10, v.Type().Bits())
		v.SetInt(n)
	} else if err == nil {
		var n uint64
		n, err = strconv.ParseUint(strings.TrimPrefix(digits, "-"), 10, v.Type().Bits())
		if n > 0 && digits[0] == '-' {
			err = strconv.ErrRange
		}
		v.SetUint(n)
	}
	if err != nil {
		return &json.SemanticError{JSONKind: '0', JSONValue: []byte(number), GoType: v.Type(), Err: err}
	}
	return nil
}

// whole writes a JSON number without fraction and exponent. It never makes more than 20 digits, whatever the exponent.
func whole(number string) (string, error) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	integer, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(integer+fraction, "0")
	shift := len(fraction)
	for strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift-1
	}
	if digits == "" {
		return "0", nil
	}
	power := 0
	if exponent != "" {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil { // more than an int: far from every number that fits
			if strings.HasPrefix(exponent, "-") {
				return "", strconv.ErrSyntax
			}
			return "", strconv.ErrRange
		}
	}
	switch zeros := power - shift; {
	case zeros < 0:
		return "", strconv.ErrSyntax
	case len(digits)+zeros > 20 || zeros > 20:
		return "", strconv.ErrRange
	default:
		digits += strings.Repeat("0", zeros)
	}
	if negative {
		digits = "-" + digits
	}
	return digits, nil
}
