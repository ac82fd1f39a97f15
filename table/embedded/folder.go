package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	records "github.com/cockroachdb/pebble/v2/record"

	"tripsaga/table"
)

// damagedError refuses a folder, or reports damage that was found later. It wraps [table.ErrDamaged].
type damagedError struct {
	dir, file, what string
}

func (e *damagedError) Error() string {
	at := e.dir
	if e.file != "" {
		at += ": " + e.file
	}
	return fmt.Sprintf("table/embedded: data folder %s: %s. Nothing was changed, and starting again does not help: restore a backup "+
		"made by tripsaga backup (other copies of a running server's folder are not whole). Without one, tripsaga backup --salvage DIR "+
		"copies what can still be read", at, e.what)
}

func (e *damagedError) Unwrap() error { return table.ErrDamaged }

func (s *Store) damaged(file, format string, args ...any) error {
	if file != "" {
		file = s.opts.FS.PathJoin(s.dir, file)
	}
	return &damagedError{dir: s.dir, file: file, what: fmt.Sprintf(format, args...)}
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// checkFolder refuses a folder that is neither a store, nor empty, nor missing, before anything is written to it.
func (s *Store) checkFolder() error {
	if s.opts.FS.PathDir(s.dir) == s.dir {
		return fmt.Errorf("table/embedded: data folder %s: %w, but the root of a file system: name a folder for the store alone", s.dir, ErrNotAStore)
	}
	names, err := s.opts.FS.List(s.dir)
	if missing(err) {
		return nil
	}
	if err != nil {
		return s.unusable(err)
	}
	if slices.Contains(names, recordName) || s.opts.Salvage {
		return nil
	}
	for _, name := range names {
		switch {
		case pebbleFile(name):
			return s.damaged(recordName, "the file is missing, and there is %s: this is part of a store, or one of a version before there was that file", name)
		case !madeBefore(name):
			return fmt.Errorf("table/embedded: data folder %s: %w, and not empty (it has %q): name an empty or a new folder", s.dir, ErrNotAStore, name)
		}
	}
	return nil
}

// madeBefore reports whether the file may exist in a folder without a store: an interrupted Open leaves it, or the file
// system has it.
func madeBefore(name string) bool {
	return slices.Contains([]string{"LOCK", waterName, recordTemp, "lost+found"}, name)
}

func pebbleFile(name string) bool {
	for _, prefix := range []string{"MANIFEST-", "OPTIONS-", "marker."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return isLog(name) || strings.HasSuffix(name, ".sst")
}

// makePrivate removes other users' access to the folder and its files, which an earlier version may have created.
func (s *Store) makePrivate() {
	if !s.onMachine() {
		return
	}
	err := tighten(s.dir, 0o700)
	entries, listed := os.ReadDir(s.dir)
	err = errors.Join(err, listed)
	for _, e := range entries {
		if e.Type().IsRegular() {
			err = errors.Join(err, tighten(filepath.Join(s.dir, e.Name()), 0o600))
		}
	}
	if err != nil { // as in a folder of another user, to whose group this one belongs
		s.opts.Logger.Warn("the data folder cannot be closed to other users, who may read it", "error", err)
	}
}

func tighten(path string, mode os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, mode)
}

// checkContent compares the folder with its record before Pebble changes anything, see [record].
func (s *Store) checkContent() error {
	found, err := s.record.load()
	if err != nil {
		return s.damaged(recordName, "%v", err)
	}
	mark, whole, err := openWater(s.opts.FS, s.dir)
	if err != nil {
		return s.unusable(err)
	}
	s.waterTurn = mark.turn
	if s.opts.Salvage {
		return s.beginRecord()
	}
	if s.record.state.Manifest == nil { // no Open has come to its end: nothing was acknowledged
		if mark.turn > 0 {
			return s.damaged(recordName, "the file is missing, or of another folder, and by %s the store was written to", waterName)
		}
		if err := s.checkLogs(waterMark{}); err != nil {
			return err
		}
		if found && whole {
			return nil
		}
		return s.beginRecord()
	}
	if !whole {
		return s.damaged(waterName, "the file is missing or damaged")
	}
	if err := s.checkManifest(); err != nil {
		return err
	}
	return s.checkLogs(mark)
}

// beginRecord creates the files of the record. STORE comes last: a folder with it is a store.
func (s *Store) beginRecord() error {
	s.waterTurn = 0
	s.record.state = recordState{About: recordAbout, Format: recordFormat}
	err := makeWater(s.opts.FS, s.dir)
	if err == nil {
		err = s.record.save()
	}
	if err != nil {
		return s.unusable(err)
	}
	return nil
}

func (s *Store) checkManifest() error {
	want := s.record.state.Manifest
	n, err := s.record.currentManifest()
	if err != nil {
		return s.damaged("marker.*", "%v", err)
	}
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return s.unusable(err)
	}
	if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "marker.format-version.") }) {
		return s.damaged("marker.format-version.*", "the file is missing")
	}
	name := fmt.Sprintf("MANIFEST-%06d", n)
	switch {
	case n == 0:
		return s.damaged(fmt.Sprintf("marker.manifest.*.MANIFEST-%06d", want.Number), "the file is missing")
	case n < want.Number:
		return s.damaged(name, "it is older than the other files: the store had MANIFEST-%06d", want.Number)
	case n == want.Next:
		want = &manifestMark{Number: n}
	case n > want.Number:
		return s.damaged(name, "it is of another store, or %s is older than it: that knows MANIFEST-%06d", recordName, want.Number)
	}
	end, err := s.readManifest(name)
	if err != nil {
		return s.damaged(name, "%v", err)
	}
	if end < want.Size {
		return s.damaged(name, "it can be read up to byte %d, and had %d: it is damaged, cut off, or older than the other files", end, want.Size)
	}
	return nil
}

// readManifest returns the end of the last edit that is whole. Pebble treats whatever follows as the end of the manifest.
func (s *Store) readManifest(name string) (end int64, err error) {
	f, err := s.opts.FS.Open(s.record.path(name))
	if missing(err) {
		return 0, errors.New("the file is missing")
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for r := records.NewReader(f, 0); ; end = r.Offset() {
		edit, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, edit)
		}
		if err == io.EOF || records.IsInvalidRecord(err) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
	}
}
