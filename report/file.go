package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFile reports why a page cannot be written to a path: so that a long run need not end to find out. An existing file
// is overwritten, unless it is one of the inputs of the run. A page is a file: neither a folder, nor a device, nor "-".
func CheckFile(path string, inputs ...string) error {
	info, err := os.Stat(path)
	switch {
	case path == "-":
		return errors.New("-: a page is written to a file, since standard output has the report as text")
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, want a file", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	}
	for _, input := range inputs {
		if in, errIn := os.Stat(input); err == nil && errIn == nil && os.SameFile(info, in) {
			return fmt.Errorf("%s is read by this run and would be overwritten", path)
		}
	}
	f, err := temporary(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// WriteFile writes the page with mode 0644. At any moment the path has the old file or the whole new one.
func (p *Page) WriteFile(path string) (err error) {
	html, err := p.HTML()
	if err != nil {
		return err
	}
	f, err := temporary(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(html)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), target(path))
}

// temporary creates a file beside the target, so that it can be renamed to it.
func temporary(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(target(path)), ".tripsaga-*.html")
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = fmt.Errorf("%s: no file can be created there: %w", path, cause.Err)
	}
	return f, err
}

// target follows a symbolic link, which a rename would replace.
func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
