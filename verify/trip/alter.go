package trip

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
)

// errorName is the name by which a state machine knows an error; "" without an error.
func errorName(err error) string {
	var named interface{ ErrorName() string }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &named):
		return named.ErrorName()
	}
	return "error"
}

// amount matches a number in the input of a task that can be changed.
var amount = regexp.MustCompile(`"(seats|rooms)":\s*\d+`)

// alters spares most inputs the expression, which is slow.
func alters(in []byte) bool {
	return (bytes.Contains(in, []byte(`"seats"`)) || bytes.Contains(in, []byte(`"rooms"`))) && amount.Match(in)
}

// alter changes the amounts in the input of a task.
func alter(in json.RawMessage) json.RawMessage {
	return amount.ReplaceAllFunc(in, func(field []byte) []byte {
		name, n, _ := bytes.Cut(field, []byte(":"))
		count, _ := strconv.Atoi(string(bytes.TrimSpace(n)))
		return append(append(bytes.Clone(name), ':'), strconv.Itoa(count+1)...)
	})
}
