package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tripsaga/console/page"
	"tripsaga/shared/text"
	"tripsaga/trip/domain"
)

// input is what a page was asked for: the values of its form's fields, from the address or from the body, and what is wrong
// with each. A page with problems shows them beside the fields, which keep their values.
type input struct {
	lang     page.Lang
	values   map[string]string
	problems map[string]string
	unknown  []string // problems of parameters that the page does not have
}

// maxValue is the length of the longest value, in characters.
const maxValue = 320

// readInput reads the fields with these names. The frame's own parameters are ignored.
func readInput(lang page.Lang, from url.Values, names ...string) *input {
	in := &input{lang: lang, values: map[string]string{}, problems: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		values := from[name]
		switch {
		case name == "live" || name == "lang" || name == "token":
		case !slices.Contains(names, name):
			in.unknown = append(in.unknown, in.text("input-unknown", short(name), strings.Join(names, ", ")))
		default:
			in.add(name, text.Trim(values[0]))
			if len(values) > 1 {
				in.refuse(name, "input-repeated")
			}
		}
	}
	return in
}

// add keeps a value whole, also one that is refused: what is cut in its field would be sent as if it were meant.
func (in *input) add(name, value string) {
	in.values[name] = value
	switch n := utf8.RuneCountInString(value); {
	case !utf8.ValidString(value):
		in.refuse(name, "input-utf8")
		in.values[name] = ""
	case n > maxValue:
		in.refuse(name, "input-long", n, maxValue)
	}
}

func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (in *input) text(key string, args ...any) string { return templates.Text(in.lang, key, args...) }

// refuse records a problem of a field, the first one of each.
func (in *input) refuse(name, key string, args ...any) {
	if in.problems[name] == "" {
		in.problems[name] = in.text(key, args...)
	}
}

// Bad reports whether there is any problem.
func (in *input) Bad() bool { return len(in.problems)+len(in.unknown) > 0 }

// usable returns the value of a field, "" if it is missing or refused.
func (in *input) usable(name string) string {
	if in.problems[name] != "" {
		return ""
	}
	return in.values[name]
}

// date reads a field with a day.
func (in *input) date(name string) domain.Date {
	value := in.usable(name)
	if value == "" {
		return ""
	}
	d, err := domain.ParseDate(value)
	if err != nil {
		in.refuse(name, "input-date", short(value))
	}
	return d
}

// number reads a field with a whole number from low to high.
func (in *input) number(name string, low, high int) int {
	value := in.usable(name)
	n, err := strconv.Atoi(value)
	if in.problems[name] == "" && (err != nil || n < low || n > high) {
		in.refuse(name, "input-number", short(value), low, high)
	}
	return n
}

// oneOf reads a field that has one of few values.
func (in *input) oneOf(name string, allowed ...string) string {
	value := in.usable(name)
	if value != "" && !slices.Contains(allowed, value) {
		in.refuse(name, "input-choice", short(value), strings.Join(allowed, ", "))
		return ""
	}
	return value
}

// Field is what a template needs of one field.
func (in *input) Field(name string) field { return field{name, in.values[name], in.problems[name]} }

// Unknown are the problems of parameters without a field.
func (in *input) Unknown() []string { return in.unknown }

// field is one field of a form.
type field struct{ Name, Value, Problem string }

// Is reports whether the field has this value, for options.
func (f field) Is(value any) bool { return f.Value == fmt.Sprint(value) }

// address returns the path with the fields and a parameter more, or less if value is "".
func (in *input) address(path, name, value string) string {
	q := url.Values{}
	for name, value := range in.values {
		if value != "" {
			q.Set(name, value)
		}
	}
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	return (&url.URL{Path: path, RawQuery: q.Encode()}).RequestURI()
}
