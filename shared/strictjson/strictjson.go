// Package strictjson decodes JSON that comes from outside: request bodies, files, task inputs, definitions. There is one
// reading of what it accepts. It refuses duplicate members at every depth, members whose names differ in case from the
// struct's, text that is not UTF-8, escapes of half a surrogate pair, byte order marks, data after the value, and nesting
// of more than [MaxDepth]. Whole numbers may be written as 2, 2.0 or 2e0; null is refused where the Go type has none.
//
// [DecodeRecord] and [EncodeRecord] are for records that only this program writes.
package strictjson

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Raw is a part of a value that is decoded later.
type Raw = jsontext.Value

// MaxDepth bounds the nesting of arrays and objects, as the data of a state machine is bounded.
const MaxDepth = 1000

// Decode reads exactly one JSON value into the value that into points to. It refuses members that the Go type does not
// have. into points to a zero value. The error is an [*Error], or that of an UnmarshalJSON method.
func Decode(data []byte, into any) error { return decode(data, into, json.RejectUnknownMembers(true)) }

// DecodePart is like [Decode], but ignores members that the Go type does not have. They must be well formed.
func DecodePart(data []byte, into any) error {
	return decode(data, into, json.RejectUnknownMembers(false))
}

// DecodeRecord reads what this program has stored, with encoding/json, as one JSON value into the one that into points to. It
// ignores members that the Go type does not have. It takes two thirds of the time of encoding/json, and refuses duplicate
// members and text that is not UTF-8, neither of which encoding/json makes of a Go value; so it is not for values that
// hold JSON of others.
func DecodeRecord(data []byte, into any) error { return json.Unmarshal(data, into) }

// EncodeRecord encodes a record as encoding/json does, without an allocation per time.Time. The bytes differ only for text that is
// not UTF-8, which no record has: the replacement character is written as it is, not as an escape.
func EncodeRecord(record any) ([]byte, error) { return json.Marshal(record, asEncodingJSON) }

var asEncodingJSON = jsonv1.DefaultOptionsV1()

// Check reports whether data is exactly one well-formed JSON value. The error is an [*Error].
func Check(data []byte) error {
	if len(data) <= MaxDepth && Raw(data).IsValid() { // a longer one may be nested too deeply
		return nil
	}
	var v Raw
	return decode(data, &v, json.RejectUnknownMembers(false))
}

func decode(data []byte, into any, unknown json.Options) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, into, unknown)
	if err == nil && !bytes.Contains(data, []byte("null")) {
		return nil
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); err == nil || ok && wrong.JSONKind == '0' {
		reflect.ValueOf(into).Elem().SetZero()
		err = json.Unmarshal(data, into, unknown, exactly)
	}
	return translate(data, into, err)
}

// exactly accepts 2.0 as a whole number and refuses null for what cannot be null. It costs a call for each value, so that
// only input with such a value is decoded with it.
var exactly = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, into any) error {
	v := reflect.ValueOf(into).Elem()
	switch kind := d.PeekKind(); {
	case kind == 'n' && !nullable(v.Type()):
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		return &json.SemanticError{JSONKind: 'n', GoType: v.Type()}
	case kind == '0' && (v.CanInt() || v.CanUint()):
		number, err := d.ReadValue()
		if err != nil {
			return err
		}
		return setWhole(v, string(number))
	}
	return errors.ErrUnsupported // the next unmarshaler is asked
}))

func nullable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return true
	}
	return false
}

// checkDepth looks closer only where there are enough brackets.
func checkDepth(data []byte) error {
	if bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("[")) <= MaxDepth {
		return nil
	}
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return at(data, i, "", "arrays and objects are nested more than %d deep", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// memberNames are those of a struct, in order.
func memberNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "-" {
			if name == "" {
				name = f.Name
			}
			names = append(names, name)
		}
	}
	return names
}

// setWhole sets an integer from a JSON number. Errors: strconv.ErrSyntax when it is not whole, strconv.ErrRange when it
// does not fit.
func setWhole(v reflect.Value, number string) error {
	digits, err := whole(number)
	if err == nil && v.CanInt() {
		var n int64
		n, err = strconv.ParseInt(digits, 10, v.Type().Bits())
		v.SetInt(n)
	} else if err == nil {
		var n uint64
		n, err = strconv.ParseUint(strings.TrimPrefix(digits, "-"), 10, v.Type().Bits())
		if n > 0 && digits[0] == '-' {
			err = strconv.ErrRange
		}
		v.SetUint(n)
	}
	if err != nil {
		return &json.SemanticError{JSONKind: '0', JSONValue: []byte(number), GoType: v.Type(), Err: err}
	}
	return nil
}

// whole writes a JSON number without fraction and exponent. It never makes more than 20 digits, whatever the exponent.
func whole(number string) (string, error) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	integer, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(integer+fraction, "0")
	shift := len(fraction)
	for strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift-1
	}
	if digits == "" {
		return "0", nil
	}
	power := 0
	if exponent != "" {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil { // more than an int: far from every number that fits
			if strings.HasPrefix(exponent, "-") {
				return "", strconv.ErrSyntax
			}
			return "", strconv.ErrRange
		}
	}
	switch zeros := power - shift; {
	case zeros < 0:
		return "", strconv.ErrSyntax
	case len(digits)+zeros > 20 || zeros > 20:
		return "", strconv.ErrRange
	default:
		digits += strings.Repeat("0", zeros)
	}
	if negative {
		digits = "-" + digits
	}
	return digits, nil
}
