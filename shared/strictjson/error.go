package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Error is what is wrong with a JSON value, and where.
type Error struct {
	Path    string // of the place, such as ".flight.seats", ".legs[1]" or "['a b'].c"; "" is the whole value
	Message string // what is wrong and what is allowed
	Line    int    // from 1
	Column  int    // in characters, from 1
	Syntax  bool   // the data is not JSON with one reading, whatever the type
	cause   error
}

// Error names the place, both ways.
func (e *Error) Error() string {
	where := fmt.Sprintf("line %d, column %d: ", e.Line, e.Column)
	if e.Path != "" {
		where += strings.TrimPrefix(e.Path, ".") + ": "
	}
	return where + e.Message
}

func (e *Error) Unwrap() error { return e.cause }

func at(data []byte, offset int, path, format string, args ...any) *Error {
	before := data[:min(max(offset, 0), len(data))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &Error{
		Path: path, Message: fmt.Sprintf(format, args...), Syntax: true,
		Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(line),
	}
}

// translate makes an [*Error] of the library's.
func translate(data []byte, into any, err error) error {
	var syntax *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		path := pathOf(data, syntax.JSONPointer)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			path = "" // the value is truncated
		}
		e := at(data, int(syntax.ByteOffset), path, "%s", syntaxMessage(data, syntax))
		e.cause = err
		return e
	case errors.As(err, &wrong):
		e := at(data, int(wrong.ByteOffset), pathOf(data, wrong.JSONPointer), "%s", typeMessage(wrong))
		e.Syntax, e.cause = false, wrong.Err
		return e
	}
	return err
}

func syntaxMessage(data []byte, e *jsontext.SyntacticError) string {
	rest := data[min(int(e.ByteOffset), len(data)):]
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return "it is empty, want a JSON value"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "it begins with a byte order mark (U+FEFF): store it as UTF-8 without one"
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "it is UTF-16: store it as UTF-8"
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return fmt.Sprintf("the member %.60q is there twice", e.JSONPointer.LastToken())
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return "not JSON: it ends in the middle"
	case errors.Is(e.Err, jsontext.ErrNonStringName):
		return "not JSON: a member's name must be a string in double quotes"
	case isSurrogate(rest):
		return fmt.Sprintf(`the escape %s is half of a surrogate pair: it is no character`, rest[:6])
	case strings.Contains(e.Err.Error(), "invalid UTF-8"):
		return "the text is not valid UTF-8"
	case strings.Contains(e.Err.Error(), "after top-level value"):
		return "there is more than one JSON value"
	}
	return "not JSON: " + e.Err.Error()
}

// isSurrogate reports an escape from \ud800 to \udfff.
func isSurrogate(text []byte) bool {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return err == nil && n >= 0xd800 && n <= 0xdfff
}

func typeMessage(e *json.SemanticError) string {
	want := kindOf(e.GoType)
	switch {
	case errors.Is(e.Err, json.ErrUnknownName):
		return unknownMember(e.JSONPointer.LastToken(), e.GoType)
	case errors.Is(e.Err, strconv.ErrRange):
		return fmt.Sprintf("the number %.40s is too large, must be %s", e.JSONValue, want)
	case errors.Is(e.Err, strconv.ErrSyntax) && e.JSONKind == '0':
		return fmt.Sprintf("must be %s, is the number %.40s", want, e.JSONValue)
	case e.JSONKind == 'n':
		return "must be " + want + ", is null"
	case e.Err != nil && e.JSONKind != 0:
		return e.Err.Error()
	}
	return "must be " + want + ", is " + kinds[e.JSONKind]
}

var kinds = map[jsontext.Kind]string{
	't': "true", 'f': "false", '"': "a JSON string", '0': "a JSON number", '{': "a JSON object", '[': "a JSON array",
}

func kindOf(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Pointer:
		return kindOf(t.Elem())
	}
	return "an object"
}

func unknownMember(name string, t reflect.Type) string {
	allowed := memberNames(t)
	message := fmt.Sprintf("unknown field %.60q", name)
	i := slices.IndexFunc(allowed, func(s string) bool { return strings.EqualFold(s, name) })
	if i >= 0 {
		return fmt.Sprintf("%s: it is written %q", message, allowed[i])
	}
	return message + ", allowed are " + strings.Join(allowed, ", ")
}

// pathOf follows the pointer through the data, which distinguishes a name of digits from an index.
func pathOf(data []byte, pointer jsontext.Pointer) string {
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var path strings.Builder
	for token := range pointer.Tokens() {
		opening, err := d.ReadToken()
		if path.Len() > maxPath || err != nil {
			break
		}
		if opening.Kind() == '[' {
			fmt.Fprintf(&path, "[%s]", token)
			n, _ := strconv.Atoi(token)
			for i := 0; i < n && err == nil; i++ {
				err = d.SkipValue()
			}
			continue
		}
		path.WriteString(nameStep(token))
		for {
			name, err := d.ReadToken()
			if err != nil || name.String() == token {
				break
			}
			if d.SkipValue() != nil {
				break
			}
		}
	}
	return path.String()
}

// maxPath bounds a path in a message, about.
const maxPath = 200

func nameStep(name string) string {
	if plainName(name) {
		return "." + name
	}
	if len(name) > maxPath {
		name = strings.ToValidUTF8(name[:maxPath], "") + "..."
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

func plainName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxPath
}
