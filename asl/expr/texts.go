package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"unicode/utf8"
)

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

// base64Decode is lenient, as observed on AWS: characters that are not of the alphabet are skipped, = ends the text, and
// padding may be missing. What it decodes to is read as UTF-8, invalid bytes as U+FFFD.
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

// base64Digit maps the URL-safe digits to the standard ones and drops what is no digit.
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
