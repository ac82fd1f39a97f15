package embedded

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard is the file system that Pebble uses. It wraps the one of the options and has three duties.
//
// # An error of the log never reaches the code that panics
//
// Pebble 2.1.7 rotates its log in (*DB).rotateWAL. There it unlocks the DB's mutex, closes the old log, creates the next
// one, and panics if either fails. A caller up the stack has a deferred Unlock of the same mutex. The panic runs it on an
// unlocked mutex: Go's "fatal error: sync: unlock of unlocked mutex", which no recover stops and which ends the process.
// So no error of those two calls may return to Pebble:
//
//   - A failed write or fsync of a log fails the store first and then returns its error: the writers that wait for the
//     fsync get it. Pebble keeps the error, too, and would return it from the log's Close in the next rotation, which may
//     have begun already. But it always closes the log's file first. So the file's Close does not return once the store
//     has failed.
//   - If a log cannot be created or reused, or its folder cannot be synced, the store fails and the call does not return.
//
// A call that does not return costs one goroutine until the process ends. It holds Pebble's lock of writers, but no other
// goroutine waits for that lock: a failed store refuses writes before they reach Pebble, and writes that have begun select on
// its failure. The DB's mutex, which readers need, is unlocked at all of these places.
//
// # A table waits for room
//
// A flush or a compaction that meets a full disk waits until there is room, and the store refuses writes meanwhile.
// Nothing is lost: what the flush writes is in the log as well. See [room].
//
// # The record knows the logs and the manifest
//
// What the folder must contain is recorded before it changes, see [record].
type guard struct {
	vfs.FS
	store *Store
}

func (g *guard) Unwrap() vfs.FS { return g.FS }

// within returns the name of the file. ok reports whether it is in the store's folder. Backups are written elsewhere.
func (g *guard) within(path string) (name string, ok bool) {
	return g.PathBase(path), g.PathDir(path) == g.PathJoin(g.store.dir)
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// park blocks for ever, see guard.
func park() { select {} }

func (g *guard) Create(path string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	name, ok := g.within(path)
	if !ok {
		if f, err = g.FS.Create(path, c); err != nil {
			return nil, err
		}
		return &copiedFile{File: f, ctx: *g.store.copyCtx.Load()}, nil
	}
	create := func() error {
		f, err = g.FS.Create(path, c)
		return err
	}
	if isLog(name) {
		err = create()
		return g.newLog(name, f, err)
	}
	if err := g.store.record.moving(name); err != nil {
		return nil, err
	}
	if err := g.store.room.wait(create); err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g, name: name}, nil
}

func (g *guard) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	name, ok := g.within(to)
	if !ok || !isLog(name) {
		return g.FS.ReuseForWrite(from, to, c)
	}
	if err := g.store.record.dropLog(g.PathBase(from)); err != nil {
		return g.newLog(name, nil, err)
	}
	f, err := g.FS.ReuseForWrite(from, to, c)
	return g.newLog(name, f, err)
}

// newLog records a log before anything is written to it.
func (g *guard) newLog(name string, f vfs.File, err error) (vfs.File, error) {
	if err == nil {
		err = g.store.record.addLog(name)
	}
	if err != nil {
		g.store.fail(err)
		park()
	}
	return &guardedFile{File: f, guard: g, name: name, log: true}, nil
}

func (g *guard) Remove(path string) error {
	if name, ok := g.within(path); ok {
		if err := g.store.record.removing(name); err != nil {
			return err
		}
	}
	return g.FS.Remove(path)
}

// Link refuses hard links for backups: damage to a file would be damage to its copy. Pebble copies where it cannot link.
func (g *guard) Link(from, to string) error {
	if _, ok := g.within(to); !ok {
		return errors.ErrUnsupported
	}
	return g.FS.Link(from, to)
}

// MkdirAll creates only the folder of a copy. Its parent belongs to the caller, which removes it after an error.
func (g *guard) MkdirAll(path string, mode os.FileMode) error {
	if path != g.store.dir {
		if _, err := g.Stat(g.PathDir(path)); err != nil {
			return err
		}
		mode = 0o700
	}
	return g.FS.MkdirAll(path, mode)
}

func (g *guard) Rename(from, to string) error {
	return g.store.room.wait(func() error { return g.FS.Rename(from, to) })
}

func (g *guard) OpenDir(path string) (vfs.File, error) {
	f, err := g.FS.OpenDir(path)
	if err != nil || path != g.store.dir {
		return f, err
	}
	return &guardedDir{File: f, store: g.store}, nil
}

// guardedDir is the store's folder. Pebble panics if the folder cannot be synced, with the DB's mutex unlocked as in the
// rotation of the log.
type guardedDir struct {
	vfs.File
	store *Store
}

func (d *guardedDir) Sync() error {
	err := d.File.Sync()
	if err != nil {
		d.store.fail(err)
		park()
	}
	return nil
}

// guardedFile is a file of the store that is being written.
type guardedFile struct {
	vfs.File
	guard *guard
	name  string
	log   bool
	size  int64
}

func (f *guardedFile) Write(p []byte) (n int, err error) {
	if f.log {
		n, err = f.File.Write(p)
		return n, f.check(err)
	}
	err = f.guard.store.room.wait(func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	f.size += int64(n)
	return n, err
}

func (f *guardedFile) Sync() error {
	return f.synced(f.File.Sync())
}

func (f *guardedFile) SyncData() error {
	return f.synced(f.File.SyncData())
}

func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.check(err)
}

func (f *guardedFile) synced(err error) error {
	if err != nil || f.log {
		return f.check(err)
	}
	return f.guard.store.record.synced(f.name, f.size)
}

// check fails the store if its log cannot be written.
func (f *guardedFile) check(err error) error {
	if err != nil && f.log {
		f.guard.store.fail(err)
	}
	return err
}

func (f *guardedFile) Close() error {
	err := f.check(f.File.Close())
	if f.log && f.guard.store.Failed() != nil {
		park()
	}
	return err
}

// privateFS creates files that other users cannot read.
type privateFS struct{ vfs.FS }

func (p privateFS) Unwrap() vfs.FS { return p.FS }

func (p privateFS) Create(path string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(path, c)
	if err == nil {
		_ = os.Chmod(path, 0o600) // the folder is closed to others, too
	}
	return f, err
}

// onMachine reports whether the folder is on the machine's file system, not in memory.
func (s *Store) onMachine() bool { return vfs.Root(s.opts.FS) == vfs.Root(vfs.Default) }

// noRoom reports whether err means a full disk or an exhausted quota.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
