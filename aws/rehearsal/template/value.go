package template

import (
	"math"
	"strconv"
	"time"
)

// text resolves a value that must be there.
func (a at) text() (string, error) {
	if object, ok := a.value.(map[string]any); ok {
		return a.intrinsic(object)
	}
	return a.plain()
}

// plain is a text as it stands, where functions are not allowed.
func (a at) plain() (string, error) {
	switch v := a.value.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", a.fail("it is %s, want a text", kind(a.value))
}

// textOr is the text, or another one when there is none.
func (a at) textOr(other string) (string, error) {
	if a.value == nil {
		return other, nil
	}
	return a.text()
}

// want refuses any other text.
func (a at) want(only string) error {
	text, err := a.text()
	if err == nil && text != only {
		return a.fail("it is %q, want %s", text, only)
	}
	return err
}

func (a at) number() (float64, error) {
	text, err := a.text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, a.fail("it is %q, want a number", text)
	}
	return n, nil
}

// integer is from 1, and no more than an Integer of CloudFormation.
func (a at) integer() (int, error) {
	n, err := a.number()
	if err == nil && (n < 1 || n > math.MaxInt32 || n != math.Trunc(n)) {
		return 0, a.fail("it is %v, want a whole number from 1 to %d", n, math.MaxInt32)
	}
	return int(n), err
}

func (a at) seconds() (time.Duration, error) {
	n, err := a.integer()
	return time.Duration(n) * time.Second, err
}

func (a at) truth() (bool, error) {
	switch v := a.value.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		if is, err := strconv.ParseBool(v); err == nil {
			return is, nil
		}
	}
	return false, a.fail("it is %s, want true or false", kind(a.value))
}
