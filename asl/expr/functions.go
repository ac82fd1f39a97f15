package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRange is AWS's limit on the elements of a States.ArrayRange.
const maxRange = 1000

func array(_ *Env, args []any) (any, error) { return args, nil }

func arrayPartition(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	size, err := truncatedArg(args, 1)
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, fmt.Errorf("the size of the chunks must be at least 1, not %d", size)
	}
	chunks := make([]any, 0, (int64(len(a))+size-1)/size)
	for chunk := range slices.Chunk(a, int(size)) {
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

func arrayContains(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	return slices.ContainsFunc(a, func(v any) bool { return equal(v, args[1]) }), nil
}

// arrayRange counts from the first argument to the second, both included, in steps of the third.
func arrayRange(_ *Env, args []any) (any, error) {
	var n [3]int64
	for i := range n {
		v, err := truncatedArg(args, i)
		if err != nil {
			return nil, err
		}
		n[i] = v
	}
	first, last, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, errors.New("the step must not be 0")
	}
	count := max(0, (last-first)/step+1)
	if (last-first)*step < 0 {
		count = 0
	}
	if count > maxRange {
		return nil, fmt.Errorf("the range has %d elements; at most %d are allowed", count, maxRange)
	}
	out := make([]any, count)
	for i := range out {
		out[i] = integer(first + int64(i)*step)
	}
	return out, nil
}

func arrayGetItem(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	i, err := truncatedArg(args, 1)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(a)) {
		return nil, fmt.Errorf("index %d is outside the array, whose length is %d", i, len(a))
	}
	return a[i], nil
}

func arrayLength(_ *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	return integer(int64(len(a))), nil
}

// arrayUnique keeps the first of equal elements. AWS promises no order.
func arrayUnique(env *Env, args []any) (any, error) {
	a, err := arrayArg(args, 0)
	if err != nil {
		return nil, err
	}
	// Comparing each element with all others costs far more than reading them.
	if err := env.spend(8 * Size(a, env.work)); err != nil {
		return nil, err
	}
	seen := make(map[any]bool, len(a))
	out := []any{}
	for _, v := range a {
		if id := identity(v); !seen[id] {
			seen[id] = true
			out = append(out, v)
		}
	}
	return out, nil
}

func integer(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// maxText is AWS's limit on the input of the Base64 functions and States.Hash, in characters.
const maxText = 10000

// stringToJSON reads JSON; blank text is null, as observed on AWS.
func stringToJSON(_ *Env, args []any) (any, error) {
	s, err := textArg(args, 0)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	return Decode([]byte(s))
}

func jsonToString(_ *Env, args []any) (any, error) {
	if Size(args[0], MaxResult) > MaxResult {
		return nil, errTooMuch
	}
	text, err := Encode(args[0])
	return string(text), err
}

// stringSplit splits at every character of the second argument. Empty pieces are left out, as observed on AWS.
func stringSplit(_ *Env, args []any) (any, error) {
	s, err := textArg(args, 0)
	if err != nil {
		return nil, err
	}
	separators, err := textArg(args, 1)
	if err != nil {
		return nil, err
	}
	splits := map[rune]bool{}
	for _, r := range separators {
		splits[r] = true
	}
	pieces := []any{}
	for piece := range strings.FieldsFuncSeq(s, func(r rune) bool { return splits[r] }) {
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

func base64Encode(_ *Env, args []any) (any, error) {
	s, err := shortArg(args)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(s)), nil
}

// base64Decode is lenient, as observed on AWS: it skips characters outside of the alphabet, = ends the text, and padding
// may be missing. The result is read as UTF-8, with U+FFFD for invalid bytes.
func base64Decode(_ *Env, args []any) (any, error) {
	s, err := shortArg(args)
	if err != nil {
		return nil, err
	}
	s, _, _ = strings.Cut(s, "=")
	s = strings.Map(base64Digit, s)
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	text, err := base64.RawStdEncoding.DecodeString(s)
	return string([]rune(string(text))), err
}

// base64Digit maps the URL-safe digits to the standard ones and drops all other characters.
func base64Digit(r rune) rune {
	switch {
	case r == '-':
		return '+'
	case r == '_':
		return '/'
	case r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/':
		return r
	default:
		return -1
	}
}

func shortArg(args []any) (string, error) {
	s, err := textArg(args, 0)
	if err != nil {
		return "", err
	}
	return s, checkLength(s)
}

func checkLength(s string) error {
	if n := utf8.RuneCountInString(s); n > maxText {
		return fmt.Errorf("argument 1 has %d characters; at most %d are allowed", n, maxText)
	}
	return nil
}

// hashText hashes text; numbers and booleans are hashed as their text, as observed on AWS.
func hashText(_ *Env, args []any) (any, error) {
	s, err := hashedArg(args[0])
	if err != nil {
		return nil, err
	}
	h, err := newHash(args[1])
	if err != nil {
		return nil, err
	}
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashedArg(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, checkLength(v)
	case json.Number:
		return string(v), checkLength(string(v))
	case bool:
		return strconv.FormatBool(v), nil
	default:
		return "", fmt.Errorf("argument 1 must be a string, not %s", kindOf(v))
	}
}

func newHash(name any) (hash.Hash, error) {
	switch name {
	case "MD5":
		return md5.New(), nil
	case "SHA-1":
		return sha1.New(), nil
	case "SHA-256":
		return sha256.New(), nil
	case "SHA-384":
		return sha512.New384(), nil
	case "SHA-512":
		return sha512.New(), nil
	default:
		return nil, fmt.Errorf("argument 2 is %s; known are MD5, SHA-1, SHA-256, SHA-384 and SHA-512", appendShown(nil, name))
	}
}

// formatTemplate is the text around the {} of a States.Format template: one piece more than the number of {}.
type formatTemplate []string

// parseFormat parses a template. A backslash escapes the characters ' { } \. Before any other character, which only a
// template from the input can have, the backslash is literal.
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

// appendShown appends a value as AWS does in a formatted string: strings without quotes, objects and arrays as Java
// prints them: {a=1, b=[x, y]}. It stops after MaxResult bytes.
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
