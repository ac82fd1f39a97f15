package template

import (
	"strconv"
	"time"
)

// text resolves a value that must be there.
func (a at) text() (string, error) {
	switch v := a.value.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case map[string]any:
		return a.intrinsic(v)
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

func (a at) number() (float64, error) {
	text, err := a.text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, a.fail("it is %q, want a number", text)
	}
	return n, nil
}

// integer is from 1.
func (a at) integer() (int, error) {
	n, err := a.number()
	if err == nil && (n < 1 || n != float64(int(n))) {
		return 0, a.fail("it is %v, want a whole number from 1", n)
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
