package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of decoded values: all that walks them is recursive.
const maxDepth = 1000

// maxNumber bounds the characters of a number, which each comparison with it reads; it is Jackson's default.
const maxNumber = 1000

var errDepth = fmt.Errorf("arrays and objects are nested more than %d deep", maxDepth)

// Decode reads exactly one JSON value (RFC 8259). It refuses what follows the value, text that is not valid UTF-8,
// nesting of more than 1,000 and numbers of more than 1,000 characters; of equal names in an object the last one counts.
// The value's strings share one copy of data. The error names the offset.
func Decode(data []byte) (any, error) {
	d := decoder{s: string(data)}
	if !utf8.ValidString(d.s) {
		return nil, errors.New("JSON: not valid UTF-8")
	}
	d.space()
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("JSON: offset %d: %w", d.i, err)
	}
	if d.space(); d.i != len(d.s) {
		return nil, fmt.Errorf("JSON: offset %d: %s after the value", d.i, runeAt(d.s, d.i))
	}
	return v, nil
}

type decoder struct {
	s string
	i int
	// elements holds those of the arrays that are being read, innermost last.
	elements []any
}

func (d *decoder) space() {
	for d.i < len(d.s) {
		switch d.s[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

func (d *decoder) unexpected(want string) error {
	return fmt.Errorf("expected %s, not %s", want, runeAt(d.s, d.i))
}

// take skips c and the space after it.
func (d *decoder) take(c byte) bool {
	if d.i >= len(d.s) || d.s[d.i] != c {
		return false
	}
	d.i++
	d.space()
	return true
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	if d.i >= len(d.s) {
		return nil, d.unexpected("a value")
	}
	switch d.s[d.i] {
	case '{':
		return d.object(depth)
	case '[':
		return d.array(depth)
	case '"':
		s, err := d.string()
		if err != nil {
			return nil, err
		}
		return s, nil
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case 'n':
		return nil, d.literal("null")
	default:
		return d.number()
	}
}

func (d *decoder) literal(word string) error {
	if !strings.HasPrefix(d.s[d.i:], word) {
		return d.unexpected("a value")
	}
	d.i += len(word)
	return nil
}

func (d *decoder) object(depth int) (any, error) {
	object := map[string]any{}
	d.take('{')
	if d.take('}') {
		return object, nil
	}
	for {
		if d.i >= len(d.s) || d.s[d.i] != '"' {
			return nil, d.unexpected("a name in quotes")
		}
		name, err := d.string()
		if err != nil {
			return nil, err
		}
		if d.space(); !d.take(':') {
			return nil, d.unexpected("':'")
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object[name] = v
		if d.space(); d.take(',') {
			continue
		}
		if !d.close('}') {
			return nil, d.unexpected("',' or '}'")
		}
		return object, nil
	}
}

// close skips c alone; the space after a value is its container's.
func (d *decoder) close(c byte) bool {
	if d.i >= len(d.s) || d.s[d.i] != c {
		return false
	}
	d.i++
	return true
}

func (d *decoder) array(depth int) (any, error) {
	d.take('[')
	if d.close(']') {
		return []any{}, nil
	}
	base := len(d.elements)
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.elements = append(d.elements, v)
		if d.space(); d.take(',') {
			continue
		}
		if !d.close(']') {
			return nil, d.unexpected("',' or ']'")
		}
		array := append([]any(nil), d.elements[base:]...)
		d.elements = d.elements[:base]
		return array, nil
	}
}

func (d *decoder) number() (any, error) {
	start := d.i
	if d.i < len(d.s) && d.s[d.i] == '-' {
		d.i++
	}
	if d.i < len(d.s) && d.s[d.i] == '0' {
		d.i++
	} else if !d.digits() {
		return nil, d.unexpected("a value")
	}
	if d.i < len(d.s) && d.s[d.i] == '.' {
		if d.i++; !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if d.i < len(d.s) && (d.s[d.i] == 'e' || d.s[d.i] == 'E') {
		d.i++
		if d.i < len(d.s) && (d.s[d.i] == '+' || d.s[d.i] == '-') {
			d.i++
		}
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if n := d.i - start; n > maxNumber {
		d.i = start
		return nil, fmt.Errorf("a number of %d characters, allowed are at most %d", n, maxNumber)
	}
	return json.Number(d.s[start:d.i]), nil
}

func (d *decoder) digits() bool {
	start := d.i
	for d.i < len(d.s) && d.s[d.i] >= '0' && d.s[d.i] <= '9' {
		d.i++
	}
	return d.i > start
}
