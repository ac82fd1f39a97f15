package console_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// A text's key is a literal in a template or in Go. A literal that ends in a hyphen, -%s or -%d is the beginning of keys.
	literal = regexp.MustCompile("[\"`]([A-Za-z0-9_-]+?)(%[sd])?[\"`]")
	verb    = regexp.MustCompile(`%[a-z]`)
	inText  = regexp.MustCompile(`\{\{-?\s*t "([^"]+)"`)
)

// TestTexts requires of every text of the console that both languages have it, with the same arguments, and that it is used;
// and of every text that a template names that it exists.
func TestTexts(t *testing.T) {
	used, begun, named := map[string]bool{}, map[string]bool{}, map[string][]string{}
	used["lab"] = true                                 // of a package that not every build has
	texts := map[string]map[string]map[string]string{} // by folder, key and language
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case entry.Name() == "texts.json":
			var in map[string]map[string]string
			if err := json.Unmarshal(data, &in); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			texts[filepath.Dir(path)] = in
		case strings.HasSuffix(path, ".go"), strings.HasSuffix(path, ".html"):
			for _, m := range literal.FindAllStringSubmatch(string(data), -1) {
				if used[m[1]] = true; strings.HasSuffix(m[1], "-") {
					begun[m[1]] = true
				}
			}
			for _, m := range inText.FindAllStringSubmatch(string(data), -1) {
				named[filepath.Dir(path)] = append(named[filepath.Dir(path)], m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts["."]) < 50 || len(texts["page"]) < 20 {
		t.Fatalf("texts of %v", slices.Collect(maps.Keys(texts)))
	}
	for folder, in := range texts {
		for key, text := range in {
			_, en := text["en"] // a note that only readers of Japanese need is empty in English
			if !en || text["ja"] == "" || len(text) != 2 {
				t.Errorf("%s: %s: the languages are %v, want en and ja", folder, key, text)
			}
			if en, ja := verbs(text["en"]), verbs(text["ja"]); !slices.Equal(en, ja) {
				t.Errorf("%s: %s: the arguments are %v in English, %v in Japanese", folder, key, en, ja)
			}
			beginning := slices.ContainsFunc(slices.Collect(maps.Keys(begun)), func(b string) bool { return strings.HasPrefix(key, b) })
			if !used[key] && !beginning {
				t.Errorf("%s: %s is not used", folder, key)
			}
		}
		for _, key := range named[folder] {
			if in[key] == nil {
				t.Errorf("%s: a template names the text %s, which does not exist", folder, key)
			}
		}
	}
}

func verbs(s string) []string { return verb.FindAllString(s, -1) }
