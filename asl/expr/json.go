package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth limits the nesting of decoded values, since everything that walks them is recursive.
const maxDepth = 1000

// maxNumber limits the characters of a number, which each comparison reads. It is the default of Jackson, the JSON library
// of Java.
const maxNumber = 1000

var errDepth = fmt.Errorf("arrays and objects are nested more than %d deep", maxDepth)

// Decode decodes exactly one JSON value (RFC 8259). It refuses text after the value, invalid UTF-8, nesting deeper than 1,000
// and numbers of more than 1,000 characters. If an object has a name twice, the last value counts. The value's strings share
// one copy of data. The error names the offset.
//
// Why not a library: the values of an execution keep a number's text (encoding/json does so with UseNumber), and the
// limits hold while the text is read. Each step of each execution decodes a reply, and this decoder does it in about half
// of the time of encoding/json (BenchmarkDecode), with which FuzzDecode compares it.
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
	// elements are the elements of the arrays that are being read, innermost last. One stack for all arrays grows once, and
	// each array is then allocated with its exact length.
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

// close skips c. The space after it is left to the container.
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

var errString = errors.New("the string has no closing quote")

// string decodes a string, whose opening quote is next. Without escapes it is a part of the input and allocates nothing.
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

// escaped continues a string that started at start, from its first backslash.
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

// unicode decodes \uXXXX, with the second half of a surrogate pair. As in encoding/json, a lone half becomes U+FFFD.
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

// hex4 decodes the \uXXXX at s[i].
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

// Encode returns v as JSON without spaces and with sorted names, so equal values have equal bytes. It escapes like
// encoding/json without HTML escaping. The error names a Go type that is not a JSON value of this package.
func Encode(v any) ([]byte, error) {
	return appendValue(make([]byte, 0, 256), v)
}

// AppendEncode appends the bytes of [Encode] to dst. It panics if v is not a JSON value of this package, which is a
// programming error.
func AppendEncode(dst []byte, v any) []byte {
	dst, err := appendValue(dst, v)
	if err != nil {
		panic(err)
	}
	return dst
}

func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendString(dst, v), nil
	case json.Number:
		return append(dst, v...), nil
	case map[string]any:
		return appendObject(dst, v)
	case []any:
		return appendArray(dst, v)
	case bool:
		if v {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	default:
		return dst, fmt.Errorf("JSON: a %T is not a JSON value", v)
	}
}

func appendObject(dst []byte, object map[string]any) ([]byte, error) {
	var few [16]string // most objects are small: no allocation for their names
	names := few[:0]
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	var err error
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		if dst, err = appendValue(dst, object[name]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendArray(dst []byte, array []any) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, v := range array {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, v); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if escape := escapeOf(r, size); escape != "" {
			dst = append(append(dst, s[start:i]...), escape...)
			start = i + size
		}
		i += size
	}
	return append(append(dst, s[start:]...), '"')
}

// escapeOf returns the escape sequence of a character of size bytes, "" if it is not escaped.
func escapeOf(r rune, size int) string {
	switch {
	case r < ' ':
		return controls[r]
	case r == '"':
		return `\"`
	case r == '\\':
		return `\\`
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	case r == utf8.RuneError && size == 1:
		return `\ufffd`
	default:
		return ""
	}
}

var controls = func() (c [' ']string) {
	for i := range c {
		c[i] = fmt.Sprintf(`\u%04x`, i)
	}
	c['\b'], c['\f'], c['\n'], c['\r'], c['\t'] = `\b`, `\f`, `\n`, `\r`, `\t`
	return c
}()

// Size returns the number of bytes of [Encode] for v, without an allocation. It stops when the number exceeds most, because
// the same node may be in v many times.
func Size(v any, most int) int {
	switch v := v.(type) {
	case string:
		return stringSize(v)
	case json.Number:
		return len(v)
	case map[string]any:
		n := len("{}") + max(0, len(v)-1)
		for name, member := range v {
			if n > most {
				break
			}
			n += stringSize(name) + len(":")
			n += Size(member, most-n)
		}
		return n
	case []any:
		n := len("[]") + max(0, len(v)-1)
		for _, element := range v {
			if n > most {
				break
			}
			n += Size(element, most-n)
		}
		return n
	case bool:
		if !v {
			return len("false")
		}
	}
	return len("null")
}

func stringSize(s string) int {
	n := len(s) + len(`""`)
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if escape := escapeOf(r, size); escape != "" {
			n += len(escape) - size
		}
		i += size
	}
	return n
}
