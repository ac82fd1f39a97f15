//go:build unix

package docs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readTogether is a file with a line for each section of a bilingual page: a hash of its English and one of its Japanese text.
const readTogether = course + "in-step.txt"

var figure = regexp.MustCompile(`\d+(?:[.,:]\d+)*`)

// bilingual are the English pages whose text is held together with a Japanese one: the course and the operations.
func bilingual(t *testing.T) []string { return append([]string{"docs/operations.md"}, chapters(t)...) }

// inJapanese is the counterpart of a bilingual page.
func inJapanese(name string) string {
	if inCourse(name) {
		return course + "ja/" + path.Base(name)
	}
	return "docs/ja/" + path.Base(name)
}

// TestLanguages holds the two languages of each bilingual page together: what inStep compares, and in each section the same names
// in backticks and the same figures.
func TestLanguages(t *testing.T) {
	for _, name := range bilingual(t) {
		t.Run(path.Base(name), func(t *testing.T) {
			inStep(t, name, inJapanese(name))
			english, other := parse(read(t, name)), parse(read(t, inJapanese(name)))
			for i, s := range english.sections {
				for _, what := range []*regexp.Regexp{codeSpan, figure} {
					if a, b := set(s, what), set(other.sections[i], what); !slices.Equal(a, b) {
						t.Errorf("%q has in English\n%q\nand in Japanese\n%q", s.heading, a, b)
					}
				}
			}
		})
	}
	if a, b := len(chapters(t)), len(list(t, course+"ja")); a != b {
		t.Errorf("the course has %d chapters in English, %d in Japanese", a, b)
	}
}

func list(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// set are the different texts in a section, links and anchors left out.
func set(s section, what *regexp.Regexp) []string {
	text := anchor.ReplaceAllString(link.ReplaceAllString(strings.Join(s.lines, "\n"), "]"), "")
	all := map[string]bool{}
	for _, found := range what.FindAllString(text, -1) {
		all[found] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// TestReadTogether fails if the text of a section was changed in one language alone. With -update it records what was
// changed in both. A change that the other language does not need is recorded once its line was removed.
func TestReadTogether(t *testing.T) {
	old := map[string]string{}
	text, err := os.ReadFile(filepath.Join(root, readTogether))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		place, hashes, _ := strings.Cut(strings.TrimSpace(line), " ")
		old[place] = hashes
	}
	var lines strings.Builder
	for _, name := range bilingual(t) {
		english, other := parse(read(t, name)), parse(read(t, inJapanese(name)))
		for i, s := range english.sections[1:] {
			place, now := path.Base(name)+"#"+slug(s.heading), hash(t, s)+" "+hash(t, other.sections[i+1])
			was, there := old[place]
			switch {
			case now == was:
			case there && changedAlone(was, now):
				t.Errorf("%s: its text was changed in one language and not in the other. Change the other one as well; if it needs no change, remove the section's line from %s. Then run this test with -update", place, readTogether)
				now = was
			case !*update:
				t.Errorf("%s: its text is new, or was changed in both languages. Read them together, then run this test with -update", place)
			}
			lines.WriteString(place + " " + now + "\n")
		}
	}
	switch {
	case lines.String() == string(text):
	case *update:
		if err := os.WriteFile(filepath.Join(root, readTogether), []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	case !t.Failed():
		t.Errorf("%s has lines of sections that are not there any more: run this test with -update", readTogether)
	}
}

func changedAlone(was, now string) bool {
	a, b, _ := strings.Cut(was, " ")
	c, d, _ := strings.Cut(now, " ")
	return a == c || b == d
}

// hash does not change with the name of the module, which a fork may change.
func hash(t *testing.T, s section) string {
	t.Helper()
	mod, _, _ := strings.Cut(strings.TrimPrefix(read(t, "go.mod"), "module "), "\n")
	text := strings.ReplaceAll(s.heading+"\n"+strings.TrimSpace(strings.Join(s.lines, "\n")), mod+"/", "tripsaga/")
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// term is a row of the glossary.
type term struct{ english, other, not string }

// glossary has the longest terms first, since they contain others.
func glossary(t *testing.T) (terms []term) {
	t.Helper()
	_, rows, found := strings.Cut(read(t, "docs/glossary.md"), "|---|---|---|---|---|\n")
	if !found {
		t.Fatal("docs/glossary.md has no table of five columns")
	}
	for row := range strings.Lines(rows) {
		cells := strings.Split(strings.TrimSpace(row), " | ")
		if len(cells) != 5 {
			t.Fatalf("docs/glossary.md: this row has %d columns: %s", len(cells), row)
		}
		terms = append(terms, term{strings.TrimPrefix(cells[0], "| "), cells[1], cells[2]})
	}
	slices.SortStableFunc(terms, func(a, b term) int { return len(b.english) - len(a.english) })
	return terms
}

// TestTerms looks for the glossary's terms in the bilingual pages: a section that uses one in English uses its counterpart in
// Japanese, and no Japanese page has a word in place of it.
func TestTerms(t *testing.T) {
	terms := glossary(t)
	for _, name := range bilingual(t) {
		english, other := parse(read(t, name)), parse(read(t, inJapanese(name)))
		for i, s := range english.sections {
			en, ja := prose(s), prose(other.sections[i])
			for _, w := range terms {
				said := regexp.MustCompile(`(?i)\b` + w.english + `(s|es)?\b`)
				if said.MatchString(en) && !strings.Contains(ja, strings.TrimSuffix(w.other, "（redrive）")) {
					t.Errorf("%s, %q: the English text has %q, and the Japanese one not %q", name, s.heading, w.english, w.other)
				}
				en = said.ReplaceAllString(en, "")
				if w.not != "" && strings.Contains(ja, w.not) {
					t.Errorf("%s, %q: %q is said as %q", inJapanese(name), s.heading, w.not, w.other)
				}
			}
		}
	}
}

// prose is a section's text without links' targets, names in backticks and the name of AWS's service.
func prose(s section) string {
	text := strings.ReplaceAll(s.heading+"\n"+strings.Join(s.lines, "\n"), "Step Functions", "")
	return codeSpan.ReplaceAllString(link.ReplaceAllString(text, "]"), "")
}
