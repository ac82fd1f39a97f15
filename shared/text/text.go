// Package text is the one rule for free text from outside: names of travelers, hotels, airlines, cities. The domain and
// the inventory accept text by [Clean]; the command prints stored text by [Visible].
package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tripsaga/shared/fault"
)

// Clean returns s in its stored form: Unicode NFC, without spaces at its ends, with one space where there were several.
// Any Unicode space separator counts, U+3000 and U+00A0 included, and a single one is kept as it is. Allowed are 1 to
// limit characters (code points), at least one of them a letter, a digit or a symbol. The error is Invalid and has no
// field.
//
// Refused is what cannot be seen or changes how its neighbours are seen: controls and line breaks, bidirectional
// controls, other format characters, blank letters such as U+3164, private use, unassigned. Characters that are
// invisible alone but part of correct spelling are allowed where they can act: joiners (Persian, Sinhala, emoji),
// variation selectors (Japanese names, emoji) and combining marks.
func Clean(s string, limit int) (string, error) {
	switch {
	case !utf8.ValidString(s):
		return "", fault.Invalidf("", "%.60q is not valid UTF-8", s)
	case len(s) > maxBytes:
		return "", fault.Invalidf("", "%.60q has %d bytes, allowed are 1 to %d characters", s, len(s), limit)
	}
	given := s
	if s = collapse(norm.NFC.String(s)); s == "" && given != "" {
		return "", fault.Invalidf("", "%.60q has only spaces, allowed are 1 to %d characters", given, limit)
	}
	if n := utf8.RuneCountInString(s); n < 1 || n > limit {
		return "", fault.Invalidf("", "%.60q has %d characters, allowed are 1 to %d", s, n, limit)
	}
	if r, ok := offending(s); ok {
		return "", fault.Invalidf("", "%.60q has the character %U, which shows nothing there; remove it", s, r)
	}
	if !strings.ContainsFunc(s, substantial) {
		return "", fault.Invalidf("", "%.60q has no letter, digit or symbol", s)
	}
	return s, nil
}

// maxBytes bounds the work on one text, far above what any limit allows.
const maxBytes = 4096

// collapse trims spaces and keeps the first of several in a row.
func collapse(s string) string {
	if !crowded(s) {
		return Trim(s)
	}
	var b strings.Builder
	prev := ' '
	for _, r := range s {
		if !Space(r) || !Space(prev) {
			b.WriteRune(r)
		}
		prev = r
	}
	return Trim(b.String())
}

// crowded reports whether two spaces follow each other.
func crowded(s string) bool {
	var prev rune
	for _, r := range s {
		if Space(r) && Space(prev) {
			return true
		}
		prev = r
	}
	return false
}

// Space reports whether r is a space in any script. Line breaks and tabs are not.
func Space(r rune) bool { return unicode.Is(unicode.Zs, r) }

// Trim drops the spaces around a value. Line breaks and other controls stay, for the value's own rule to refuse.
func Trim(s string) string { return strings.TrimFunc(s, Space) }

// Upper returns s with the letters a to z in upper case; no other letter becomes one of A to Z, as U+017F does in
// strings.ToUpper.
func Upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// Hides reports whether s has what [Visible] escapes.
func Hides(s string) bool {
	_, hides := offending(s)
	return hides
}

// offending finds the first character that may not be where it is.
func offending(s string) (rune, bool) {
	prev := ' '
	for _, r := range s {
		if !shown(prev, r) {
			return r, true
		}
		prev = r
	}
	return 0, false
}

// shown reports whether r can be seen after prev, or acts on it.
func shown(prev, r rune) bool {
	switch {
	case Space(r):
		return true
	case r == zwj || r == zwnj:
		return joins(prev)
	case unicode.Is(unicode.Variation_Selector, r):
		return varies(prev)
	case blank(r) || !unicode.IsPrint(r):
		return false
	case unicode.IsMark(r):
		return !Space(prev) // it needs a base
	}
	return true
}

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// joins reports whether a joiner acts on r: after a mark (a virama), within emoji, in scripts whose letters join.
func joins(r rune) bool {
	return unicode.IsMark(r) || unicode.IsSymbol(r) || unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian,
		unicode.Nko, unicode.Mandaic, unicode.Manichaean, unicode.Psalter_Pahlavi, unicode.Phags_Pa, unicode.Adlam,
		unicode.Hanifi_Rohingya, unicode.Sogdian, unicode.Chorasmian)
}

// varies reports whether r can have variants: letters of scripts with upper and lower case have none.
func varies(r rune) bool {
	return unicode.IsGraphic(r) && !Space(r) && !unicode.IsUpper(r) && !unicode.IsLower(r) &&
		!unicode.Is(unicode.Variation_Selector, r)
}

// blank holds characters that count as letters, marks or symbols and show nothing.
func blank(r rune) bool {
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(blanks, r)
}

var blanks = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // Braille pattern blank
		{Lo: 0xfffc, Hi: 0xfffd, Stride: 1}, // the replacement characters: what was there is lost
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, // Khitan small script filler
		{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, // musical symbol null notehead
	},
}

// substantial are the characters that make a text more than decoration.
func substantial(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.So, r)
}

// Visible returns s with everything that a terminal would obey or not show replaced by an escape such as \u202e. For
// text that was stored before [Clean] applied, or by others.
func Visible(s string) string {
	var b strings.Builder
	prev := ' '
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case shown(prev, r):
			b.WriteRune(r)
		case n == 1:
			b.WriteString(strings.Trim(strconv.Quote(s[i:i+1]), `"`))
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		prev = r
	}
	return b.String()
}

// Group separates the thousands of a decimal number, perhaps negative: 1234567.8 is 1,234,567.8.
func Group(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
