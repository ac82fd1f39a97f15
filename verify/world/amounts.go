package world

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Amounts are the names of numbers in the inputs of tasks. A delivery whose input has other amounts is a different request.
type Amounts struct {
	names [][]byte // each with quotes, as in an input: "seats"
	find  *regexp.Regexp
}

// NewAmounts returns the amounts with these names; nil without names.
func NewAmounts(names ...string) *Amounts {
	if len(names) == 0 {
		return nil
	}
	a, quoted := &Amounts{}, make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
		a.names = append(a.names, []byte(`"`+name+`"`))
	}
	a.find = regexp.MustCompile(`"(` + strings.Join(quoted, "|") + `)":\s*\d+`)
	return a
}

// in reports whether the input has an amount. It avoids the regular expression, which is slow, for most inputs.
func (a *Amounts) in(input []byte) bool {
	if a == nil {
		return false
	}
	for _, name := range a.names {
		if bytes.Contains(input, name) {
			return a.find.Match(input)
		}
	}
	return false
}

// other returns the input with other amounts.
func (a *Amounts) other(input json.RawMessage) json.RawMessage {
	return a.find.ReplaceAllFunc(input, func(field []byte) []byte {
		name, n, _ := bytes.Cut(field, []byte(":"))
		count, _ := strconv.Atoi(string(bytes.TrimSpace(n)))
		return append(append(bytes.Clone(name), ':'), strconv.Itoa(count+1)...)
	})
}
