package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFile reports why a page cannot be written to a path. Commands call it before a long run. An existing file is
// overwritten, unless the run uses it: as an input, as another output, or as a folder around it. A page is a file: neither a
// folder, nor a device, nor "-".
func CheckFile(path string, used ...string) error {
	info, err := os.Stat(path)
	switch {
	case path == "-":
		return errors.New("-: a page is written to a file, since standard output has the report as text")
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder, want a file", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	}
	file, errTarget := target(path)
	switch {
	case errTarget != nil:
		return errTarget
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return named(path, err)
	}
	for _, other := range used {
		if other != "" && same(file, other) {
			return fmt.Errorf("%s is read or written by this run as well, want another file", path)
		}
		if other != "" && inside(file, other) {
			return fmt.Errorf("%s is in %s, which is for other files of this run, want another folder", path, other)
		}
	}
	f, err := temporary(path, file)
	if err != nil {
		return err
	}
	return named(path, errors.Join(f.Close(), os.Remove(f.Name())))
}

// WriteFile writes the page with mode 0644. At any moment the path has the old file or the whole new one.
func (p *Page) WriteFile(path string) error {
	html, err := p.HTML()
	if err != nil {
		return err
	}
	return WriteFile(path, html)
}

// WriteFile writes what belongs to a report with mode 0644. At any moment the path has the old file or the whole new one.
func WriteFile(path string, data []byte) (err error) {
	file, err := target(path)
	if err != nil {
		return err
	}
	f, err := temporary(path, file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return named(path, err)
	}
	return named(path, os.Rename(f.Name(), file))
}

// temporary creates a file beside the target of the path, so that it can be renamed to it.
func temporary(path, target string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".tripsaga-*")
	if err != nil {
		return nil, fmt.Errorf("%s: no file can be created there: %w", path, cause(err))
	}
	return f, nil
}

// named is the error with the path in place of the temporary file's.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, cause(err))
}

// cause is what the system says of a file, without the file's name.
func cause(err error) error {
	var ofPath *fs.PathError
	var ofRename *os.LinkError
	switch {
	case errors.As(err, &ofPath):
		return ofPath.Err
	case errors.As(err, &ofRename):
		return ofRename.Err
	}
	return err
}

// target follows a symbolic link, which a rename would replace. A link must lead to a file that exists.
func target(path string) (string, error) {
	file, err := filepath.EvalSymlinks(path)
	if err == nil {
		return file, nil
	}
	if info, errLink := os.Lstat(path); errLink == nil && info.Mode().Type() == fs.ModeSymlink {
		return "", fmt.Errorf("%s is a symbolic link that leads to no file", path)
	}
	return path, nil
}

// same reports whether both paths are of one file, also if it does not exist yet.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return errA != nil && errB != nil && resolved(a) == resolved(b)
}

// resolved is the path from the root without symbolic links, as far as it exists.
func resolved(path string) string {
	path, _ = filepath.Abs(path)
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if dir := filepath.Dir(path); dir != path {
		return filepath.Join(resolved(dir), filepath.Base(path))
	}
	return path
}

// inside reports whether one of the folders around the file is this one.
func inside(file, folder string) bool {
	for at := filepath.Dir(resolved(file)); ; at = filepath.Dir(at) {
		if same(at, folder) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}
