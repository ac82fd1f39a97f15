package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// formatTemplate is the text around the {} of a States.Format template: one piece more than there are {}.
type formatTemplate []string

// parseFormat reads a template. The characters ' { } \ stand for themselves after a backslash; a backslash before any
// other character, which only a template from the input can have, stands for itself.
func parseFormat(s string) (formatTemplate, error) {
	var t formatTemplate
	var piece []byte
	for i := 0; i < len(s); i++ {
		next := byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch c := s[i]; {
		case c == '\\' && reserved(next):
			piece = append(piece, next)
			i++
		case c == '{' && next == '}':
			t = append(t, string(piece))
			piece = piece[:0]
			i++
		case c == '{':
			return nil, errors.New("invalid template: matching '}' not found for '{'")
		case c == '}':
			return nil, errors.New("invalid template: matching '{' not found for '}'")
		default:
			piece = append(piece, c)
		}
	}
	return append(t, string(piece)), nil
}

func (t formatTemplate) fits(args int) error {
	if want := len(t) - 1; want != args {
		return fmt.Errorf("the template has %d {}, but %d arguments follow it", want, args)
	}
	return nil
}

func (t formatTemplate) fill(args []any) (any, error) {
	dst := append(make([]byte, 0, 64), t[0]...)
	for i, arg := range args {
		dst = append(appendShown(dst, arg), t[i+1]...)
		if len(dst) > MaxResult {
			return nil, errTooMuch
		}
	}
	return string(dst), nil
}

func format(_ *Env, args []any) (any, error) {
	s, err := textArg(args, 0)
	if err != nil {
		return nil, err
	}
	t, err := parseFormat(s)
	if err != nil {
		return nil, err
	}
	if err := t.fits(len(args) - 1); err != nil {
		return nil, err
	}
	return t.fill(args[1:])
}

// appendShown writes a value as AWS does in a formatted string: strings as they are, and objects and arrays as Java
// writes them: {a=1, b=[x, y]}. It stops after MaxResult bytes.
func appendShown(dst []byte, v any) []byte {
	if len(dst) > MaxResult {
		return dst
	}
	switch v := v.(type) {
	case string:
		return append(dst, v...)
	case json.Number:
		return append(dst, v...)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			dst = appendShown(separated(dst, i), element)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			dst = append(append(separated(dst, i), name...), '=')
			dst = appendShown(dst, v[name])
		}
		return append(dst, '}')
	default:
		return AppendEncode(dst, v)
	}
}

func separated(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ", "...)
	}
	return dst
}
