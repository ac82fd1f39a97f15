//go:build unix

package docs

import (
	"fmt"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The course, docs/course. Its README.md has the format of a chapter.
const (
	library = "docs/use-as-library.md"
	course  = "docs/course/"
)

func inCourse(name string) bool { return strings.HasPrefix(name, course) }

// chapters are the English ones, in order.
func chapters(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range pages(t) {
		if strings.HasPrefix(name, course+"en/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestChapters looks for the links of each chapter to the one before and the one after it, and for all chapters in the course's index
// of each language.
func TestChapters(t *testing.T) {
	all := chapters(t)
	for i, name := range all {
		top := parse(read(t, name)).sections[1].find(link)
		for _, to := range []int{i - 1, i + 1} {
			if to >= 0 && to < len(all) && !slices.Contains(top, path.Base(all[to])) {
				t.Errorf("%s has no link to %s below its title", name, path.Base(all[to]))
			}
		}
	}
	for index, folder := range map[string]string{readme: "en/", japanese: "ja/"} {
		var listed []string
		for _, row := range regexp.MustCompile(`(?m)^\| \d+ \| \[.*\]\(`+folder+`(.*)\) \|$`).FindAllStringSubmatch(read(t, course+index), -1) {
			listed = append(listed, course+"en/"+row[1])
		}
		if !slices.Equal(listed, all) {
			t.Errorf("%s%s has the chapters\n%q, and there are\n%q", course, index, listed, all)
		}
	}
}

// TestCourse works through the course as a reader does, in a module beside this one: it writes the files that a chapter
// shows, runs its commands and compares their output. With -update it writes changed outputs into both languages.
// TestLanguages holds the Japanese chapters to the same blocks.
func TestCourse(t *testing.T) {
	if os.Getenv(runEnv) == "" && !*update {
		t.Skipf("the course takes a while; %s=1 (or make docs, as CI does) works through it", runEnv)
	}
	beside := t.TempDir()
	for _, name := range chapters(t) {
		if !t.Run(path.Base(name), func(t *testing.T) {
			r := newReader(t, name, beside, "concert")
			r.work("")
		}) {
			break // the next chapter continues with the files of this one
		}
	}
}

// TestPath works through the first sections of docs/use-as-library.md in the same way.
func TestPath(t *testing.T) {
	if os.Getenv(runEnv) == "" && !*update {
		t.Skipf("it builds a program; %s=1 (or make docs, as CI does) works through it", runEnv)
	}
	newReader(t, library, t.TempDir(), "shop").work("## A state that waits for a person")
}

// reader is somebody who works through a chapter.
type reader struct {
	*document
	chapter string
	module  string // the folder of the reader's module, which the first commands create
	beside  string // what the folder is to the reader in which the clone of this repository is
	last    string // output of the last commands
	hasRun  bool   // there are last commands, and their output was not compared yet
	failed  bool   // they were to fail
	block   int    // index of the block in the chapter
}

func newReader(t *testing.T, page, beside, module string) *reader {
	t.Helper()
	r := &reader{document: newDocument(t), chapter: page, beside: beside, module: module}
	r.env = slices.DeleteFunc(r.env, func(v string) bool { return strings.HasPrefix(v, "GIT_") }) // as a hook has them, they name the repository here
	r.env = append(r.env, "TZ=UTC", "GOWORK=off", "GIT_CONFIG_GLOBAL=/dev/null")
	return r
}

// work works through the sections before the one with the heading until; "" is none.
func (r *reader) work(until string) {
	for _, s := range parse(read(r.t, r.chapter)).sections {
		if s.heading == until && until != "" {
			return
		}
		for _, b := range s.blocks {
			r.dir = filepath.Join(r.beside, r.module)
			if _, err := os.Stat(r.dir); err != nil {
				r.dir = r.beside
			}
			info, text, _ := strings.Cut(strings.TrimPrefix(b, "```"), "\n")
			language, rest, _ := strings.Cut(info, " ")
			if text != "" {
				text += "\n"
			}
			r.reason(language)
			r.read(s, language, rest, text)
			r.block++
		}
		r.reason("")
	}
}

// reason holds a chapter to show why commands fail, lest they fail for another reason.
func (r *reader) reason(next string) {
	r.t.Helper()
	if r.hasRun && r.failed && r.last != "" && next != "text" {
		r.t.Errorf("block %d fails, and no ```text after it shows how:\n%s", r.block, r.last)
	}
	r.failed = false
}

func (r *reader) read(s section, language, rest, text string) {
	r.t.Helper()
	file, isFile := strings.CutPrefix(rest, "file=")
	from, isExcerpt := strings.CutPrefix(rest, "from=")
	switch {
	case isFile && !slices.Contains(s.find(codeSpan), file):
		r.t.Errorf("%q shows the file %s without its name in backticks", s.heading, file)
	case isFile && language == "diff":
		r.edit(file, text)
	case isFile:
		r.write(file, text)
	case isExcerpt:
		inOrder(r.t, text, read(r.t, from), from)
	case language == "sh":
		r.command(rest, text)
	case language == "text" && rest == "" && r.hasRun:
		r.compare(text)
	default:
		r.t.Fatalf("block %d, in %q: ```%s %s is not a file, an excerpt, commands or their output, see %sREADME.md", r.block+1, s.heading, language, rest, course)
	}
}

func (r *reader) write(file, text string) {
	r.t.Helper()
	if strings.HasSuffix(file, ".go") {
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			r.t.Errorf("block %d: %s is not formatted, or no Go: %v", r.block+1, file, err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.dir, filepath.FromSlash(file)), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) edit(file, diff string) {
	r.t.Helper()
	old, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(file)))
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := apply(string(old), diff)
	if err != nil {
		r.t.Fatalf("%s: %v", file, err)
	}
	r.write(file, text)
}

// apply makes the edits of a diff whose hunks are separated by lines that begin with @@. They have no line numbers: the
// lines that a hunk keeps and removes must be in the text once.
func apply(text, diff string) (string, error) {
	for _, hunk := range regexp.MustCompile(`(?m)^@@.*\n`).Split(diff, -1) {
		var before, after strings.Builder
		for line := range strings.Lines(hunk) {
			sign, content := line[:1], line[1:]
			if line == "\n" {
				sign, content = " ", line
			}
			if sign != "+" {
				before.WriteString(content)
			}
			if sign != "-" {
				after.WriteString(content)
			}
			if !strings.Contains(" +-", sign) {
				return "", fmt.Errorf("a line of a diff begins with space, + or -, and not so: %q", line)
			}
		}
		switch n := strings.Count("\n"+text, "\n"+before.String()); {
		case hunk == "":
		case n != 1:
			return "", fmt.Errorf("these lines are there %d times and not once:\n%s", n, before.String())
		default:
			text = strings.Replace("\n"+text, "\n"+before.String(), "\n"+after.String(), 1)[1:]
		}
	}
	return text, nil
}

func TestApply(t *testing.T) {
	const text = "a\nb\n\nc\nd\n"
	got, err := apply(text, " a\n-b\n+B\n+x\n\n@@\n-d\n+D\n")
	if want := "a\nB\nx\n\nc\nD\n"; got != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, diff := range []string{"-x\n+y\n", " a\nb\n", "+y\n"} {
		if got, err := apply(text, diff); err == nil {
			t.Errorf("%q gives %q", diff, got)
		}
	}
}

// command runs what the chapter runs. The clone beside the reader's module is this repository.
func (r *reader) command(kind, script string) {
	r.t.Helper()
	clone, err := filepath.Abs(root)
	if err != nil {
		r.t.Fatal(err)
	}
	here := strings.ReplaceAll(script, "../tripsaga", clone)
	if kind != "" && kind != "fails" {
		r.run(block{kind, here})
		return
	}
	out, err := r.document.command(r.t.Context(), here).CombinedOutput()
	if (err != nil) != (kind == "fails") {
		r.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	r.last, r.hasRun, r.failed = strings.ReplaceAll(string(out), clone, "../tripsaga"), true, kind == "fails"
}

// changing is what differs from run to run.
var changing = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?m)^(ok|FAIL)(\s+\S+)\s+(\d+\.\d+s|\(cached\))$`), "$1$2 TIME"},
	{regexp.MustCompile(`(?m)(--- \w+: \S+) \(\d+\.\d+s\)$`), "$1 TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
}

func steady(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.as)
	}
	return text
}

// shows reports whether the sample is the output. "..." represents lines left out.
func shows(sample, output string) bool {
	var pattern strings.Builder
	for line := range strings.Lines(steady(sample)) {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`(?:.*\n)*`)
		} else {
			pattern.WriteString(regexp.QuoteMeta(strings.TrimRight(line, " \n")) + ` *\n`)
		}
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(steady(output))
}

func TestShows(t *testing.T) {
	const output = "a\nb  \nc\nok  \texample.com/concert\t0.031s\n"
	for sample, want := range map[string]bool{
		"a\nb\nc\nok  \texample.com/concert\t0.004s\n":  true,
		"a\n...\nok  \texample.com/concert\t(cached)\n": true,
		"a\n...\n": true, "...\nc\n...\n": true, "b\n...\n": false, "a\nb\nc\n": false, "a\n": false, "": false,
	} {
		if got := shows(sample, output); got != want {
			t.Errorf("%q: %t", sample, got)
		}
	}
}

func (r *reader) compare(sample string) {
	r.t.Helper()
	r.hasRun = false
	switch {
	case shows(sample, r.last):
	case *update:
		names := []string{r.chapter}
		if inCourse(r.chapter) {
			names = append(names, inJapanese(r.chapter))
		}
		for _, name := range names {
			text := withBlock(read(r.t, name), r.block, "```text\n"+regexp.MustCompile(`(?m) +$`).ReplaceAllString(strings.TrimRight(r.last, "\n"), ""))
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
				r.t.Fatal(err)
			}
		}
	default:
		r.t.Errorf("block %d shows\n%s\nand the commands print\n%s\ngo test ./tests/docs -run TestCourse -update writes that into the chapter", r.block+1, sample, r.last)
	}
}

// withBlock replaces the n-th block of a page, all but its closing fence.
func withBlock(text string, n int, block string) string {
	var lines []string
	fences := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "```") {
			fences++
			if fences == 2*n+1 {
				lines = append(lines, block)
			}
		}
		if fences != 2*n+1 {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestWithBlock(t *testing.T) {
	const page = "x\n```sh\na\n```\ny\n```text\nb\n```\nz\n"
	if got, want := withBlock(page, 1, "```text\nc\nd"), "x\n```sh\na\n```\ny\n```text\nc\nd\n```\nz\n"; got != want {
		t.Errorf("%q", got)
	}
}
