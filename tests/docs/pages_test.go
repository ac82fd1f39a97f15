// Package docs tests the documents: generated parts are up to date, links lead somewhere, README.ja.md is in step with
// README.md, and every command runs.
package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const (
	root     = "../.."
	readme   = "README.md"
	japanese = "README.ja.md"
)

// read returns the text of a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pages lists the Markdown files of the repository. Hidden folders and what tools install or write are left out.
func pages(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() && name != root && (base[0] == '.' || slices.Contains([]string{"node_modules", "cdk.out", "bin"}, base)) {
			return fs.SkipDir
		}
		if strings.HasSuffix(base, ".md") {
			relative, _ := filepath.Rel(root, name)
			names = append(names, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// page is a Markdown file, taken apart.
type page struct {
	sections []section
	blocks   []string // fenced blocks, each with the line of its opening fence
	unclosed bool     // the last block has no closing fence
}

// section is a heading and what is below it. The first section of a page may have no heading.
type section struct {
	heading string   // with its #
	lines   []string // without fenced blocks
	blocks  []string // as in page
}

func parse(text string) *page {
	p := &page{sections: []section{{}}}
	var block []string
	for line := range strings.SplitSeq(text, "\n") {
		here := &p.sections[len(p.sections)-1]
		switch fence := strings.HasPrefix(line, "```"); {
		case block == nil && fence:
			block = []string{line}
		case block != nil && fence:
			whole := strings.Join(block, "\n")
			p.blocks, here.blocks, block = append(p.blocks, whole), append(here.blocks, whole), nil
		case block != nil:
			block = append(block, line)
		case heading.MatchString(line):
			p.sections = append(p.sections, section{heading: line})
		default:
			here.lines = append(here.lines, line)
		}
	}
	p.unclosed = block != nil
	return p
}

var (
	heading  = regexp.MustCompile(`^#+ `)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpan = regexp.MustCompile("`([^`]+)`")
	anchor   = regexp.MustCompile(`<a id="([^"]+)"></a>`)
)

func (s section) find(what *regexp.Regexp) (found []string) {
	for _, match := range what.FindAllStringSubmatch(s.heading+"\n"+strings.Join(s.lines, "\n"), -1) {
		found = append(found, match[1])
	}
	return found
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	text := strings.TrimLeft(heading, "# ")
	text = link.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ', r == '-':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// anchors are those that links to the page may name.
func (p *page) anchors() (all []string) {
	for _, s := range p.sections {
		all = append(all, slug(s.heading))
		all = append(all, s.find(anchor)...)
	}
	return all
}

// removed reports whether the path is in a part that can be deleted, and has been: the AWS wing or the console. Pages still
// name it then.
func removed(name string) bool {
	for _, part := range []string{"aws", "events", "infrastructure", "cmd/lambda", "console"} {
		if name == part || strings.HasPrefix(name, part+"/") {
			_, err := os.Stat(filepath.Join(root, part))
			return err != nil
		}
	}
	return false
}

// TestLinks follows every relative link of every page, its anchor included.
func TestLinks(t *testing.T) {
	for _, name := range pages(t) {
		for _, s := range parse(read(t, name)).sections {
			for _, target := range s.find(link) {
				if strings.Contains(target, "://") {
					continue
				}
				file, fragment, _ := strings.Cut(target, "#")
				to := path.Join(path.Dir(name), file)
				if file == "" {
					to = name
				}
				if _, err := os.Stat(filepath.Join(root, to)); err != nil && removed(to) {
					continue
				} else if err != nil {
					t.Errorf("%s, %q: the link %s leads nowhere: there is no %s", name, s.heading, target, to)
				} else if fragment != "" && !slices.Contains(parse(read(t, to)).anchors(), fragment) {
					t.Errorf("%s, %q: the link %s leads nowhere: %s has no heading #%s", name, s.heading, target, to, fragment)
				}
			}
		}
	}
}

var (
	repoPath  = regexp.MustCompile(`^[\w.*-]+(/[\w.*-]+)+/?$`)
	source    = regexp.MustCompile(`\.(go|md|json|txtar|sh|yml|csv)$`)
	generates = regexp.MustCompile(`^(bin|cdk\.out|node_modules|\.tools)/`) // by builds
)

// TestPaths looks for every path of the repository that a page names in backticks. A path is what begins with a folder at
// the root, or ends like a source file. Patterns with * are allowed.
func TestPaths(t *testing.T) {
	for _, name := range pages(t) {
		for _, s := range parse(read(t, name)).sections {
			for _, span := range s.find(codeSpan) {
				first, _, _ := strings.Cut(span, "/")
				_, err := os.Stat(filepath.Join(root, first))
				if !repoPath.MatchString(span) || generates.MatchString(span) || err != nil && !source.MatchString(span) {
					continue
				}
				if found, err := filepath.Glob(filepath.Join(root, span)); (err != nil || len(found) == 0) && !removed(span) {
					t.Errorf("%s, %q: there is no %s", name, s.heading, span)
				}
			}
		}
	}
}

// TestReadmeIsShort counts all words of README.md, its code included, as wc -w does.
func TestReadmeIsShort(t *testing.T) {
	const most = 900
	if n := len(strings.Fields(read(t, readme))); n > most {
		t.Errorf("README.md has %d words, at most %d are allowed: move details to docs/", n, most)
	}
}

// TestJapaneseIsInStep compares README.ja.md with README.md.
func TestJapaneseIsInStep(t *testing.T) { inStep(t, readme, japanese) }

// summary is the end of a row of the Japanese handbook: sentences about a page.
var summary = regexp.MustCompile(`\p{Hiragana}.*。 \|$`)

// TestHandbook compares the handbook's index in both languages, and looks in it for every page of docs. The Japanese one has a
// summary of each page, since most pages are in English alone.
func TestHandbook(t *testing.T) {
	inStep(t, "docs/README.md", "docs/ja/README.md")
	for _, name := range pages(t) {
		if path.Dir(name) == "docs" && path.Base(name) != readme && !strings.Contains(read(t, "docs/README.md"), "]("+path.Base(name)+") |") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
	for _, s := range parse(read(t, "docs/ja/README.md")).sections {
		for _, line := range s.lines {
			if strings.HasPrefix(line, "| [") && !summary.MatchString(line) {
				t.Errorf("docs/ja/README.md, %q: the page has no summary in Japanese: %s", s.heading, line)
			}
		}
	}
}

// inStep compares a Japanese page with the English one: the same code blocks; the same headings in number and order,
// each under an anchor with the name of the English one; below each the same links, and as many rows and list items.
func inStep(t *testing.T, englishName, otherName string) {
	t.Helper()
	english, other := parse(read(t, englishName)), parse(read(t, otherName))
	for i := range max(len(english.blocks), len(other.blocks)) {
		if i >= len(english.blocks) || i >= len(other.blocks) || english.blocks[i] != other.blocks[i] {
			t.Errorf("code block %d: %s has\n%s\nand %s\n%s", i+1, englishName, at(english.blocks, i), otherName, at(other.blocks, i))
			break
		}
	}
	if len(english.sections) != len(other.sections) {
		t.Fatalf("%s has %d headings, %s %d", englishName, len(english.sections)-1, otherName, len(other.sections)-1)
	}
	for i, s := range english.sections {
		o := other.sections[i]
		if level(s.heading) != level(o.heading) {
			t.Errorf("heading %d is %q in %s and %q in %s", i, s.heading, englishName, o.heading, otherName)
		}
		if want := slug(s.heading); level(s.heading) > 1 && !slices.Contains(other.sections[i-1].find(anchor), want) {
			t.Errorf(`%s has no <a id="%s"></a> before its heading %q`, otherName, want, o.heading)
		}
		if a, b := links(englishName, s), links(otherName, o); !slices.Equal(a, b) {
			t.Errorf("%q: %s links to\n%q\nand %s to\n%q", s.heading, englishName, a, otherName, b)
		}
		for _, kind := range []string{"|", "-"} {
			if a, b := starting(s, kind), starting(o, kind); a != b {
				t.Errorf("%q: %s has %d lines that begin with %s, %s %d", s.heading, englishName, a, kind, otherName, b)
			}
		}
	}
}

func at(texts []string, i int) string {
	if i < len(texts) {
		return texts[i]
	}
	return "no such block"
}

func level(heading string) int { return len(heading) - len(strings.TrimLeft(heading, "#")) }

// links are a section's, sorted, since two languages have different orders of words. They are paths from the root, in which
// a Japanese page has the name of its English one.
func links(page string, s section) []string {
	found := s.find(link)
	for i, target := range found {
		if strings.Contains(target, "://") {
			continue
		}
		file, fragment, _ := strings.Cut(target, "#")
		if file = path.Join(path.Dir(page), file); strings.HasPrefix(target, "#") {
			file = page
		}
		if path.Base(file) == japanese {
			file = path.Join(path.Dir(file), readme)
		}
		found[i] = strings.NewReplacer("docs/course/ja/", "docs/course/en/", "docs/ja/", "docs/").Replace(file) + "#" + fragment
	}
	slices.Sort(found)
	return found
}

func starting(s section, kind string) (n int) {
	for _, line := range s.lines {
		if strings.HasPrefix(line, kind) {
			n++
		}
	}
	return n
}

// TestDecisionsAreListed compares the table in docs/adr/README.md with the headings of the decisions.
func TestDecisionsAreListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs/adr/[0-9]*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows string
	for i, file := range files {
		name := filepath.Base(file)
		title, _, _ := strings.Cut(strings.TrimPrefix(read(t, "docs/adr/"+name), "# "+name[:4]+" "), "\n")
		rows += "| [" + name[:4] + "](" + name + ") | " + title + " |\n"
		if i > 0 && name[:4] == filepath.Base(files[i-1])[:4] {
			t.Errorf("two decisions have the number %s: %s and %s", name[:4], filepath.Base(files[i-1]), name)
		}
	}
	if !strings.HasSuffix(read(t, "docs/adr/README.md"), "|---|---|\n"+rows) {
		t.Errorf("docs/adr/README.md must end with a row for each decision, with its title:\n%s", rows)
	}
}
