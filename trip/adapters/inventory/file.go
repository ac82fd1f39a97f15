package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Columns describes the rows of a file, for help texts and messages.
func Columns() string {
	return strings.Join(flightFields, ", ") + "; or " + strings.Join(hotelFields, ", ")
}

// byteOrderMark is what some programs write before UTF-8. It is skipped.
var byteOrderMark = []byte("\xef\xbb\xbf")

// unreadable explains a file that is no CSV in UTF-8 as a whole, "" is none.
func unreadable(data []byte) string {
	const advice = "; save the file as CSV in UTF-8"
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "the file is in UTF-16" + advice
	case bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return "the file is a spreadsheet or an archive" + advice
	case 4*bytes.Count(data, []byte{0}) > len(data):
		return "a quarter of the file is zero bytes: it is binary, or in UTF-16" + advice
	case bytes.IndexByte(data, '\r') >= 0 && bytes.IndexByte(data, '\n') < 0:
		return "the lines end in a carriage return alone" + advice + " with line feeds"
	}
	return ""
}

// notUTF8 explains the first byte of a field that is not UTF-8, "" is none.
func notUTF8(field string) string {
	for i := 0; i < len(field); {
		r, n := utf8.DecodeRuneInString(field[i:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Sprintf("%.40q is not UTF-8: byte %#x after %d characters; the file may be in Latin-1, Windows-1252 or Shift_JIS: save it in UTF-8",
				field, field[i], utf8.RuneCountInString(field[:i]))
		}
		i += n
	}
	return ""
}

// separators are what stands between fields in files that are no CSV.
var separators = map[rune]string{';': "semicolons", '\t': "tabs", '|': "bars", '，': "full-width commas", '；': "full-width semicolons"}

// separated names the separator of a row of which the first field has swallowed others, "" is none.
func separated(first string) string {
	if i := strings.IndexFunc(first, func(r rune) bool { return separators[r] != "" }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(first[i:])
		return separators[r]
	}
	return ""
}

// columnsNamed counts the fields that are names of columns.
func columnsNamed(fields []string) int {
	named := 0
	for _, f := range fields {
		name := strings.Join(strings.FieldsFunc(strings.ToLower(f), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), " ")
		if columnNames[name] {
			named++
		}
	}
	return named
}

// columnNames are all names of columns; those of the first are usual ones.
var columnNames = func() map[string]bool {
	names := map[string]bool{"kind": true, "type": true}
	for _, n := range append(append([]string{}, flightFields...), hotelFields...) {
		names[n] = true
	}
	return names
}()

// afterQuote is the character after a closing double quote that package csv takes for none; "" is another mistake.
func afterQuote(data []byte, e *csv.ParseError) string {
	lines := bytes.SplitN(data, []byte("\n"), e.Line+1)
	if !errors.Is(e.Err, csv.ErrQuote) || e.Line > len(lines) || e.Column >= len(lines[e.Line-1]) {
		return ""
	}
	r, _ := utf8.DecodeRune(lines[e.Line-1][e.Column:])
	return string(r)
}

// malformed explains what package csv has found.
func malformed(e *csv.ParseError) string {
	switch {
	case errors.Is(e.Err, csv.ErrQuote):
		return fmt.Sprintf("a double quote in column %d is not closed, or is followed by more: put the whole field in double quotes, and double each in it", e.Column)
	case errors.Is(e.Err, csv.ErrBareQuote):
		return fmt.Sprintf("a double quote in column %d is within a field: put the whole field in double quotes, and double each in it", e.Column)
	}
	return e.Err.Error()
}
