package expr

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Encode writes v as JSON without spaces, the names of each object sorted: equal values have equal bytes. It escapes as
// encoding/json does without HTML escaping. The error names a Go type that is no JSON value of this package.
func Encode(v any) ([]byte, error) {
	return appendValue(make([]byte, 0, 256), v)
}

// AppendEncode appends what [Encode] writes. A v that is no JSON value of this package is a programming error: it
// panics.
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
		return dst, fmt.Errorf("JSON: a %T is no JSON value", v)
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

// escapeOf is how a character that takes size bytes is escaped, "" when it stands for itself.
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

// Size is the number of bytes that [Encode] writes for v. It does not allocate, and stops where the number passes most:
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
