package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tripsaga/shared/fault"
)

func TestCleanTakesNames(t *testing.T) {
	for in, want := range map[string]string{
		"Ada Lovelace":                 "",
		"O'Hare":                       "",
		"Conan O’Brien":                "",
		`Dwayne "The Rock" Johnson`:    "",
		"Jean-Luc d’Arc, Jr.":          "",
		"山田　太郎":                        "", // U+3000
		"山田\u00a0太郎":                   "",
		"葛\U000e0100飾":                 "", // an ideographic variation sequence
		"على\u200cرضا":                 "", // Persian, a zero-width non-joiner
		"ශ්\u200dරී":                   "", // Sinhala, a zero-width joiner
		"മോഹന്\u200d":                  "", // Malayalam, a chillu at the end
		"क्षितिज":                      "",
		"נֹעַם":                        "",
		"محمد":                         "",
		"ᠮᠣᠩᠭᠣᠯ\u180bᠠ":                "", // Mongolian, a free variation selector
		"Nguye\u0302\u0303n Va\u0306n": "Nguy\u1ec5n V\u0103n",
		"ǃXóõ":                         "",
		"Ada 👩\u200d👩\u200d👧":          "",
		"Ada ❤\ufe0f":                  "",
		"😀":                            "",
		"X":                            "",
		"李":                            "",
		"X Æ A-12":                     "",
		"  Ada \u3000 Lovelace\u00a0":  "Ada Lovelace",
		"\u3000山田\u3000 太郎":            "山田\u3000太郎",
		strings.Repeat("李", 100):       "",
	} {
		if want == "" {
			want = in
		}
		got, err := Clean(in, 100)
		if err != nil || got != want {
			t.Errorf("Clean(%+q) = %+q, %v; want %+q", in, got, err, want)
			continue
		}
		if again, err := Clean(got, 100); err != nil || again != got {
			t.Errorf("Clean(%+q) is not stable: %+q, %v", got, again, err)
		}
	}
}

func TestCleanRefuses(t *testing.T) {
	refused := []string{"", " ", "\u3000\u00a0", "\u200d", "\u200c", "-", "...", "'", "\u00ad",
		"\u0301", "\u0301Ada", "Ada \u0301", "\ufe0f", "A\ufe0f", "Ada \ufe0f", "👩\ufe0f\ufe0f", "Ad\u200da", "Ada \u200d", "क\u200d\u200d",
		"\u2065", "\ud7ff\U0010ffff", "\ufdd0", "\U000e007f", "\U0001f3f4\U000e0067\U000e007f",
		"\xff", "Ada\xc0\x80", "\xed\xa0\x80", "\ufffd", "Ada\ufffc", strings.Repeat("x", 101), strings.Repeat("é", 3000)}
	// whatever shows nothing, alone and within a name
	for _, r := range []rune{
		0, '\t', '\n', '\r', 0x1b, 0x7f, 0x85, 0x9b, // controls
		0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d,
		0x202e, 0x2060, 0x2061, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x206a, 0x206f, 0x2800, 0x3164, 0xfeff, 0xffa0, 0xfff9, 0xfffb,
		0x13430, 0x16fe4, 0x1bca0, 0x1d159, 0x1d173, 0xe0001, 0xe0020, 0xe0061, // formats, blanks, tags
		0x378, 0xfffe, 0x1fffe, // unassigned and no characters
		0xe000, 0xf0000, 0x100000, // private use
	} {
		refused = append(refused, string(r), "Ada"+string(r)+"Lovelace", "山"+string(r)+"田", "Ada "+string(r))
	}
	for in, want := range map[string]string{"": `"" has 0 characters, allowed are 1 to `, " \u3000": `" \u3000" has only spaces, allowed are 1 to `} {
		if _, err := Clean(in, 100); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Clean(%+q): %v, want %s", in, err, want)
		}
	}
	for _, in := range refused {
		if got, err := Clean(in, 100); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("Clean(%+q) = %+q, %v; want it refused", in, got, err)
		}
	}
}

// TestEveryCharacterAlone holds the rule against all of Unicode: what is taken alone is a letter, a number or a symbol,
// and not one that Unicode lets programs ignore.
func TestEveryCharacterAlone(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		taken := shown(' ', r) && substantial(r)
		if taken && (!unicode.In(r, unicode.L, unicode.N, unicode.So) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)) {
			t.Errorf("%U alone is taken", r)
		}
		if !taken && unicode.IsLetter(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) {
			t.Errorf("the letter %U alone is refused", r)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"Park, Tokyo":     "Park, Tokyo",
		"山田　太郎":           "山田　太郎",
		"على\u200cرضا":    "على\u200cرضا",
		"a\nb\x1b[31m":    `a\nb\x1b[31m`,
		"\u202egpj.exe":   `\u202egpj.exe`,
		"a\xffb":          `a\xffb`,
		"tag\U000e0041":   `tag\U000e0041`,
		"it's \"quoted\"": "it's \"quoted\"",
		"":                "",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%+q) = %+q, want %+q", in, got, want)
		}
		if Hides(in) != (in != want) || Hides(want) {
			t.Errorf("Hides(%+q) = %v, Hides(%+q) = %v", in, Hides(in), want, Hides(want))
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"Ada", "山田　太郎", "Nguye\u0302\u0303n", "a \u0301", "\xff", "क्\u200dष"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Clean(s, 100)
		if err != nil {
			return
		}
		if again, err := Clean(got, 100); err != nil || again != got {
			t.Fatalf("%+q gives %+q, which gives %+q, %v", s, got, again, err)
		}
		if Visible(got) != got || !utf8.ValidString(got) {
			t.Fatalf("%+q gives %+q, of which Visible makes %+q", s, got, Visible(got))
		}
	})
}

func TestGroup(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "-123": "-123", "-1234": "-1,234", "1234567.8": "1,234,567.8", "0.12345": "0.12345",
	} {
		if got := Group(number); got != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
}
