package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// files is a folder's content by name.
type files map[string][]byte

func readFiles(t *testing.T, fs vfs.FS) files {
	t.Helper()
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	all := files{}
	for _, name := range names {
		f, err := fs.Open("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all[name], err = io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// open opens a folder with these files, and gives the number of items, all of them the oldest.
func (f files) open(t *testing.T) (items int, err error) {
	t.Helper()
	s, err := embedded.Open("data", embedded.Options{FS: f.folder(t)})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return (&killed{}).count(t, s), nil
}

// reopened gives the folder's files after it was opened and closed.
func (f files) reopened(t *testing.T) files {
	t.Helper()
	fs := f.folder(t)
	if err := open(t, "data", embedded.Options{FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	return readFiles(t, fs)
}

func (f files) folder(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range f {
		w, err := fs.Create("data/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(slices.Clone(data))
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

func (f files) with(name string, data []byte, there bool) files {
	g := files{}
	for n, d := range f {
		g[n] = d
	}
	if g[name] = data; !there {
		delete(g, name)
	}
	return g
}

// living is a store that is written to, whose folder is copied as a killed process leaves it.
type living struct {
	s    *embedded.Store
	fs   *vfs.MemFS
	n    int // items, all durable
	hold chan struct{}
}

// live starts a store; while hold is not closed its memtables are not flushed, so that it needs several logs.
func live(t *testing.T) *living {
	l := &living{fs: vfs.NewCrashableMem(), hold: make(chan struct{})}
	l.s = open(t, "data", embedded.Options{FS: errorfs.Wrap(l.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && filepath.Ext(op.Path) == ".sst" {
			<-l.hold
		}
		return nil
	}))})
	return l
}

func (l *living) write(t *testing.T, items, size int) {
	t.Helper()
	for range items {
		it := numbered(l.n)
		it.Data = []byte(fmt.Sprintf("%q", strings.Repeat("x", size)))
		if err := l.s.Transact(t.Context(), table.Put(it, table.None)); err != nil {
			t.Fatal(err)
		}
		l.n++
	}
}

func (l *living) copy(t *testing.T) files {
	t.Helper()
	return readFiles(t, l.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}))
}

// wholeOrRefused wants every item, or an error that says what to do.
func wholeOrRefused(t *testing.T, what string, f files, items int) (refused bool) {
	t.Helper()
	n, err := f.open(t)
	if err == nil && n < items {
		t.Errorf("%s: opened with %d of %d items", what, n, items)
	}
	if err != nil && (!errors.Is(err, table.ErrDamaged) || !strings.Contains(err.Error(), "tripsaga backup") || strings.Contains(err.Error(), "\n")) {
		t.Errorf("%s: %v", what, err)
	}
	return err != nil
}

// TestEachFileLost takes one file away after the other, or its content, or a part of that. What was acknowledged must be
// there then, or the store must not open.
func TestEachFileLost(t *testing.T) {
	l := live(t)
	l.write(t, 30, 40<<10) // some logs
	logs := l.copy(t)
	early := l.n
	close(l.hold)
	l.write(t, 40, 100<<10)
	tables := l.copy(t)
	l.write(t, 3, 10)
	for name, f := range map[string]files{"logs": logs, "tables and logs": tables} {
		items := early
		if name != "logs" {
			items = l.n - 3
		}
		if n, err := f.open(t); err != nil || n < items {
			t.Fatalf("%s as they are: %d items, %v", name, n, err)
		}
		refused := map[string]bool{}
		for file, data := range f {
			for how, g := range map[string]files{
				"removed":       f.with(file, nil, false),
				"emptied":       f.with(file, nil, true),
				"zeroed":        f.with(file, make([]byte, len(data)), true),
				"cut by half":   f.with(file, data[:len(data)/2], true),
				"cut a little":  f.with(file, data[:max(0, len(data)-100)], true),
				"cut to a page": f.with(file, data[:min(len(data), 4096)], true),
			} {
				if wholeOrRefused(t, fmt.Sprintf("%s, %s %s", name, file, how), g, items) {
					refused[file] = true
				}
			}
		}
		needed := 0
		for file := range refused {
			if filepath.Ext(file) == ".log" {
				needed++
			}
		}
		if needed < 1 || name == "logs" && needed < 3 || !refused["STORE"] || !refused["DURABLE"] {
			t.Errorf("%s: refused for want of %v: the test shows nothing", name, refused)
		}
	}
}

// TestLogCutBetweenRecords cuts each log off at each of its records, where nothing in it tells that more was there.
func TestLogCutBetweenRecords(t *testing.T) {
	k := kill(t, vfs.NewCrashableMem(), 60, 0)
	l := live(t)
	defer close(l.hold)
	l.write(t, 60, 200)
	f := l.copy(t)
	name := filepath.Base(k.path)
	if len(f[name]) < int(k.records[60]) {
		t.Fatalf("log %s has %d bytes", name, len(f[name]))
	}
	for i, at := range k.records[:60] {
		if n, err := f.with(name, f[name][:at], true).open(t); err == nil {
			t.Errorf("cut off before record %d: opened with %d of 60 items", i, n)
		}
	}
}

// TestMixedCopies has copies of a running store whose files were copied at different times, as slow copying does. They open
// with all that was acknowledged before the copying began, or are refused.
func TestMixedCopies(t *testing.T) {
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	refused, whole := 0, 0
	for round := range 12 {
		l := live(t)
		close(l.hold)
		l.write(t, 1+rng.IntN(60), 40<<10)
		begun := l.n
		var stages []files
		for range 2 + rng.IntN(3) {
			stages = append(stages, l.copy(t))
			l.write(t, rng.IntN(60), 1+rng.IntN(100<<10))
		}
		for range 10 {
			mixed := files{}
			for _, stage := range stages { // each file is what it was at one stage; the listing may be of the first
				for name, data := range stage {
					if _, there := mixed[name]; !there || rng.IntN(2) == 0 {
						mixed[name] = data
					}
				}
			}
			if rng.IntN(2) == 0 {
				for name := range mixed {
					if _, listed := stages[0][name]; !listed {
						delete(mixed, name)
					}
				}
			}
			if wholeOrRefused(t, fmt.Sprintf("round %d", round), mixed, begun) {
				refused++
			} else {
				whole++
			}
		}
	}
	if t.Logf("%d refused, %d whole", refused, whole); refused == 0 || whole == 0 {
		t.Error("the test shows nothing of one kind")
	}
}

// TestCopiedOverAnother copies an older state of a store, which was opened once more since, over a later one, and the other
// way round, without emptying the folder before: it is the one or the other, or refused.
func TestCopiedOverAnother(t *testing.T) {
	l := live(t)
	l.write(t, 20, 40<<10)
	older := l.copy(t)
	l.write(t, 40, 40<<10)
	later := l.copy(t)
	close(l.hold)
	older = older.reopened(t)
	for what, over := range map[string][2]files{"older over later": {later, older}, "later over older": {older, later}} {
		mixed := maps.Clone(over[0])
		maps.Copy(mixed, over[1])
		n, err := mixed.open(t)
		if err == nil && n != 20 && n != 60 {
			t.Errorf("%s: opened with %d items, neither 20 nor 60", what, n)
		}
		if err == nil && what == "later over older" && n != 60 {
			t.Errorf("%s: %d items", what, n)
		}
		if err != nil && !errors.Is(err, table.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAllLostButTheMark: what is left of a store is no new folder.
func TestAllLostButTheMark(t *testing.T) {
	l := live(t)
	l.write(t, 1, 10)
	close(l.hold)
	if f := l.copy(t); !wholeOrRefused(t, "DURABLE alone", files{"LOCK": nil, "DURABLE": f["DURABLE"]}, 1) {
		t.Error("the folder passes for a new one")
	}
}

// TestFilesOfAnotherStore puts each file of one store into the place of another's, which was written to in the same steps, so
// that names and sequence numbers are the same.
func TestFilesOfAnotherStore(t *testing.T) {
	var stores [2]files
	for i := range stores {
		l := live(t)
		l.write(t, 30, 40<<10+i) // one letter more
		stores[i] = l.copy(t)
		close(l.hold)
	}
	refused := 0
	for name, theirs := range stores[1] {
		mixed := stores[0].with(name, theirs, true)
		if !wholeOrRefused(t, name, mixed, 30) {
			if filepath.Ext(name) == ".log" && !bytes.Equal(theirs, stores[0][name]) {
				t.Errorf("%s: opened with another store's log", name)
			}
			continue
		}
		refused++
	}
	if refused < 3 {
		t.Errorf("%d files refused: the test shows nothing", refused)
	}
}

// TestFolders tells a store from what is none.
func TestFolders(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "letter.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, why := range map[string]string{"/": "root of a file system", other: `not a store of tripsaga, and not empty (it has "letter.txt")`} {
		before, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := embedded.Open(dir, embedded.Options{}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", dir, err)
		}
		if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
			t.Errorf("%s had %d entries and has %d, %v", dir, len(before), len(after), err)
		}
	}
	mount := t.TempDir()
	if err := os.Mkdir(filepath.Join(mount, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, mount, embedded.Options{})
}

// TestOthersMayNotRead opens a folder that others may read, and finds it and its files closed to them.
func TestOthersMayNotRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir, embedded.Options{})
	write(t, s, item("a", "b", 1))
	private(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "STORE"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, dir, embedded.Options{})
	private(t, dir)
}

func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
