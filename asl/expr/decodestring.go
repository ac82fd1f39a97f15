package expr

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
)

var errString = errors.New("the string has no closing quote")

// string reads the string whose opening quote is next.
func (d *decoder) string() (string, error) {
	d.i++
	start := d.i
	for ; d.i < len(d.s); d.i++ {
		switch c := d.s[d.i]; {
		case c == '"':
			d.i++
			return d.s[start : d.i-1], nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.unexpected("a character that JSON allows in a string")
		}
	}
	return "", errString
}

// escaped goes on with a string that started at start, from the first backslash in it.
func (d *decoder) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(d.s[start:d.i])
	for d.i < len(d.s) {
		switch c := d.s[d.i]; {
		case c == '"':
			d.i++
			return b.String(), nil
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < ' ':
			return "", d.unexpected("a character that JSON allows in a string")
		default:
			b.WriteByte(c)
			d.i++
		}
	}
	return "", errString
}

func (d *decoder) escape() (rune, error) {
	rest := d.s[d.i+1:]
	if rest == "" {
		return 0, errString
	}
	if rest[0] == 'u' {
		return d.unicode()
	}
	r, ok := escapes[rest[0]]
	if !ok || r == '\'' {
		return 0, d.unexpected("an escape of JSON")
	}
	d.i += 2
	return r, nil
}

// unicode reads \uXXXX, and the second half of a surrogate pair. A lone half becomes U+FFFD, as in encoding/json.
func (d *decoder) unicode() (rune, error) {
	first, ok := hex4(d.s, d.i)
	if !ok {
		return 0, d.unexpected(`four hexadecimal digits after \u`)
	}
	d.i += 6
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	second, _ := hex4(d.s, d.i)
	r := utf16.DecodeRune(first, second)
	if r != '\uFFFD' {
		d.i += 6
	}
	return r, nil
}

// hex4 reads the \uXXXX at s[i].
func hex4(s string, i int) (rune, bool) {
	if len(s) < i+6 || s[i] != '\\' || s[i+1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[i+2 : i+6]) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s[i+2:i+6], 16, 16)
	return rune(n), err == nil
}
