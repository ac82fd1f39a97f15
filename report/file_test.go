//go:build unix

package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tripsaga/report"
)

func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "input.json")
	if err := os.WriteFile(input, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.html")
	if err := os.Symlink(input, link); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"dangling.html": "nowhere.html", "itself.html": "itself.html", "here": "."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("a", 300)
	for _, test := range []struct{ path, want string }{
		{"-", "standard output"},
		{dir, "is a folder"},
		{os.DevNull, "not a regular file"},
		{filepath.Join(dir, "none", "page.html"), "page.html: no file can be created there: no such file or directory"},
		{filepath.Join(input, "page.html"), "not a directory"},
		{input, "read or written by this run as well"},
		{link, "read or written by this run as well"},
		{filepath.Join(dir, "dangling.html"), "dangling.html is a symbolic link that leads to no file"},
		{filepath.Join(dir, "itself.html"), "itself.html is a symbolic link that leads to no file"},
		{filepath.Join(dir, long), "aaa: file name too long"},
		{filepath.Join(dir, "profile"), "read or written by this run as well"},
		{filepath.Join(dir, "here", "profile"), "read or written by this run as well"},
		{filepath.Join(dir, "store", "page.html"), "store, which is for other files"},
		{filepath.Join(dir, "store", "a", "page.html"), "store, which is for other files"},
		{filepath.Join(dir, "page.html"), ""},
	} {
		err := report.CheckFile(test.path, "", input, filepath.Join(dir, "profile"), filepath.Join(dir, "store"))
		if err != nil && strings.Contains(err.Error(), "tripsaga-") {
			t.Errorf("%s: the error names the temporary file: %v", test.path, err)
		}
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.path, err, test.want)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 5 {
		t.Errorf("the check leaves %v", names)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	link := filepath.Join(dir, "link.html")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("page.html", link); err != nil {
		t.Fatal(err)
	}
	page := &report.Page{Title: "new", State: report.OK}
	if err := page.WriteFile(link); err != nil {
		t.Fatal(err)
	}
	want, _ := page.HTML()
	if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
		t.Errorf("%v: %.40s", err, got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link was replaced: %v, %v", info.Mode(), err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("there are %v", names)
	}
	if err := page.WriteFile(filepath.Join(dir, strings.Repeat("a", 300))); err == nil || strings.Contains(err.Error(), "tripsaga-") {
		t.Errorf("a name that is too long: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := page.WriteFile(link); err == nil {
		t.Error("written to a link that leads nowhere")
	}
	if err := page.WriteFile(filepath.Join(dir, "none", "page.html")); err == nil {
		t.Error("written to a folder that does not exist")
	}
}
