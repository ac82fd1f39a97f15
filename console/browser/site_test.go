package browser

import (
	"errors"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// siteBuilder is what make site runs, in the repository's folder.
const siteBuilder = "docs/site/node_modules/.bin/eleventy"

// buildSite builds the site of the documents into a folder and returns the paths of its pages.
func buildSite(t *testing.T, folder string) (pages []string) {
	t.Helper()
	root := repository(t)
	_, err := os.Stat(filepath.Join(root, siteBuilder))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(requireVariable) != "1" {
		t.Skip("the site's builder is missing: make site")
	}
	cmd := exec.CommandContext(t.Context(), "./"+siteBuilder, "--quiet", "--config=docs/site/eleventy.config.js", "--output="+folder)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	err = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".html" {
			relative, _ := filepath.Rel(folder, name)
			pages = append(pages, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// repository is its folder. What the builder reads is read here too: the result of a test is only kept while these files are the same.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := entry.Name(); entry.IsDir() && (base[0] == '.' || slices.Contains([]string{"node_modules", "cdk.out", "bin"}, base)) {
			return fs.SkipDir
		}
		if filepath.Ext(name) == ".md" || !entry.IsDir() && strings.Contains(filepath.ToSlash(name), "/docs/site/") {
			_, err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var (
	linked     = regexp.MustCompile(`<(?:a|img|link|script)\b[^>]* (?:href|src)="([^"]+)"`)
	identified = regexp.MustCompile(` id="([^"]+)"`)
)

// deadLinks returns the links and anchors of the pages that lead nowhere, and those that leave the site other than by a link.
func deadLinks(t *testing.T, folder string, pages []string) (dead []string) {
	t.Helper()
	texts := map[string]string{}
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(folder, page))
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(data)
	}
	for _, page := range pages {
		for _, m := range linked.FindAllStringSubmatch(texts[page], -1) {
			to, err := url.Parse(html.UnescapeString(m[1]))
			if err == nil && (to.IsAbs() && strings.HasPrefix(m[0], "<a") || to.Scheme == "data") {
				continue
			}
			if err != nil || to.IsAbs() || to.Host != "" {
				dead = append(dead, page+": "+m[0])
				continue
			}
			file := page
			if to.Path != "" {
				file = path.Join(path.Dir(page), to.Path)
			}
			_, err = os.Stat(filepath.Join(folder, file))
			has := func(m []string) bool { return html.UnescapeString(m[1]) == to.Fragment }
			if err != nil || to.Fragment != "" && !slices.ContainsFunc(identified.FindAllStringSubmatch(texts[file], -1), has) {
				dead = append(dead, page+": "+m[1])
			}
		}
	}
	return dead
}

// found puts words into the page's search and returns the addresses of the results, best first.
func (p *tab) found(words string) []string {
	p.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`(e => { e.value = ` + js(words) + `; e.dispatchEvent(new Event("input")); })(document.querySelector("search input"))`))
	p.until(`document.querySelector("search ol").dataset.query === ` + js(words))
	return value[[]string](p, `[...document.querySelectorAll("search ol a")].map(a => a.getAttribute("href"))`)
}

func TestSite(t *testing.T) {
	folder := t.TempDir()
	pages := buildSite(t, folder)
	for _, dead := range deadLinks(t, folder, pages) {
		t.Error("a link leads nowhere: " + dead)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)

	t.Run("every page opens", func(t *testing.T) { // those of sources are all made by the same few lines
		p := openTab(t, server.URL, look{})
		for _, page := range pages {
			if strings.HasSuffix(page, ".go.html") {
				continue
			}
			p.visit("/" + page)
			if value[string](p, `document.querySelector("main h1").textContent`) == "" {
				t.Errorf("%s has no title", page)
			}
		}
	})
	t.Run("accessible, on a small screen too, light and dark", func(t *testing.T) {
		for page, l := range map[string]look{"docs/index.html": {}, "docs/design.html": {dark: true, width: 390}, "docs/ja/index.html": {width: 390}} {
			p := openTab(t, server.URL, l)
			p.visit("/" + page)
			p.accessible()
			p.fits()
			if top := value[float64](p, `document.querySelector("main").getBoundingClientRect().top`); top > 200 {
				t.Errorf("%s begins only %v pixels below the top", page, top)
			}
		}
	})
	t.Run("from chapter to chapter", func(t *testing.T) {
		for _, course := range []string{"docs/course/en", "docs/course/ja"} {
			want, err := filepath.Glob(filepath.Join(folder, course, "*.html"))
			if err != nil || len(want) == 0 {
				t.Fatal(course, want, err)
			}
			for i, name := range want {
				want[i] = "/" + course + "/" + filepath.Base(name)
			}
			p := openTab(t, server.URL, look{})
			p.visit(want[0])
			listed := value[[]string](p, `[...document.querySelectorAll(".pages a")].map(a => a.pathname).filter(p => p.startsWith("/`+course+`/"))`)
			if !slices.Equal(listed, want) {
				t.Errorf("the chapters beside %s are %q, want %q", want[0], listed, want)
			}
			for i, at := range want {
				for rel, to := range map[string]int{"prev": i - 1, "next": i + 1} {
					lead := value[string](p, `document.querySelector("main a[rel=`+rel+`]")?.pathname ?? ""`)
					if to < 0 || to == len(want) {
						if lead != "" {
							t.Errorf("%s leads to %s as %s", at, lead, rel)
						}
					} else if lead != want[to] {
						t.Errorf("%s leads to %q as %s, want %s", at, lead, rel, want[to])
					}
				}
				if i+1 < len(want) {
					p.visit(want[i+1])
				}
			}
		}
	})
	t.Run("search", func(t *testing.T) {
		for page, wants := range map[string][][2]string{
			"index.html": {
				{"how to back up", "docs/operations.html#backup"},
				{"what happens when the bank is down", "docs/operations.html#when-the-bank-is-down"},
				{"how to add a step", "docs/add-a-step.html"},
				{"how to verify one's own saga", "docs/verify.html#your-own-saga-in-go-test"},
				{"what it costs", "docs/deploy.html#costs"},
				{"price", "docs/deploy.html#costs"},
				{"how much", "docs/deploy.html#costs"},
				{"PaymentDeclined", "docs/payments.html#answers"},
			},
			"README.ja.html": {
				{"バックアップ", "docs/ja/operations.html#backup"},
				{"バックアップの方法", "docs/ja/operations.html#backup"},
				{"銀行が落ちたら", "docs/ja/operations.html#when-the-bank-is-down"},
				{"銀行が落ちたらどうなりますか", "docs/ja/operations.html#when-the-bank-is-down"},
				{"ステップを追加するには", "docs/add-a-step.html"},
				{"自分の saga を検証するには", "docs/verify.html#your-own-saga-in-go-test"},
				{"費用はいくらかかりますか", "docs/deploy.html#costs"},
				{"ステップを追加", "docs/add-a-step.html"},
				{"ステップを追加する", "docs/add-a-step.html"},
				{"自分の saga を検証する", "docs/course/ja/07-verify.html"},
				{"費用", "docs/deploy.html#costs"},
				{"料金", "docs/deploy.html#costs"},
				{"コスト", "docs/deploy.html#costs"},
				{"いくらかかる", "docs/deploy.html#costs"},
			},
		} {
			p := openTab(t, server.URL, look{})
			p.visit("/" + page)
			for _, w := range wants {
				if found := p.found(w[0]); !slices.Contains(found[:min(2, len(found))], w[1]) {
					t.Errorf("%q on %s finds %q, want %s among the first two", w[0], page, found, w[1])
				}
			}
			p.found("zzzz")
			p.sees("search ol li") // says that nothing is found
		}
	})
	t.Run("from a disk", func(t *testing.T) {
		p := openTab(t, "file://"+filepath.ToSlash(folder), look{})
		p.allow("request to another machine: file://" + filepath.ToSlash(folder))
		p.visit("/docs/operations.html")
		p.found("backup")
		p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("search ol a").click()`))
		p.until(`location.hash === "#backup"`)
	})
}
