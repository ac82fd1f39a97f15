package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// TestLogThatCannotBeRotated fails each step of the rotation of the log. Pebble panics there with its mutex unlocked, by
// which the whole process would end.
func TestLogThatCannotBeRotated(t *testing.T) {
	for name, concerns := range map[string]func(errorfs.Op) bool{
		"the old log is not closed":     func(op errorfs.Op) bool { return false }, // see unclosable
		"the new log is not created":    func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate && filepath.Ext(op.Path) == ".log" },
		"the old log is not taken over": func(op errorfs.Op) bool { return op.Kind == errorfs.OpReuseForWrite },
		"the folder is not synced":      func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync && op.Path == "data" },
		"the old log is not written":    func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite && filepath.Ext(op.Path) == ".log" },
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			disk := vfs.NewCrashableMem()
			var fs vfs.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && concerns(op) {
					return syscall.EIO
				}
				return nil
			}))
			if name == "the old log is not closed" {
				fs = &unclosable{FS: fs, broken: &broken}
			}
			s, err := embedded.Open("data", embedded.Options{FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			acknowledged := 0
			for ; err == nil && acknowledged < 1000; acknowledged++ {
				broken.Store(acknowledged > 40) // by then the memtables are large, and a log can be taken over
				it := item("p", fmt.Sprintf("%06d", acknowledged), 1)
				it.Data = []byte(`"` + strings.Repeat("x", 300<<10) + `"`)
				if acknowledged < 40 || acknowledged%2 == 0 {
					err = s.Transact(t.Context(), table.Put(it, table.None))
				} else { // nobody waits for the fsync that would tell
					err = s.Transact(table.Deferred(t.Context()), table.Put(it, table.None))
				}
			}
			if !errors.Is(err, syscall.EIO) || !errors.Is(err, table.ErrClosed) {
				t.Errorf("after %d items: %v", acknowledged-1, err)
			}
			refusesWrites(t, s, syscall.EIO.Error())
			if err := s.Close(); !errors.Is(err, syscall.EIO) {
				t.Errorf("Close: %v", err)
			}
			again := open(t, "data", embedded.Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
			if n := count(t, again); n < acknowledged-2 { // the last may have been deferred
				t.Errorf("%d items after %d were acknowledged", n, acknowledged-1)
			}
		})
	}
}

// unclosable is a file system whose logs cannot be closed.
type unclosable struct {
	vfs.FS
	broken *atomic.Bool
}

type unclosableLog struct {
	vfs.File
	broken *atomic.Bool
}

func (u *unclosable) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.Create(name, c)
	if err == nil && filepath.Ext(name) == ".log" {
		f = &unclosableLog{f, u.broken}
	}
	return f, err
}

func (u *unclosable) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.ReuseForWrite(from, to, c)
	return &unclosableLog{f, u.broken}, err
}

func (l *unclosableLog) Close() error {
	if l.broken.Load() {
		return syscall.EIO
	}
	return l.File.Close()
}

// measured is a disk that says how much is free.
type measured struct {
	vfs.FS
	free atomic.Uint64
}

func (m *measured) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: m.free.Load(), TotalBytes: 100 << 30}, nil
}

// TestNearlyFullDisk refuses writes while less is free than the reserve, before anything fails, and takes them again. While
// there is much room, it looks once in 10 ms and 8 MB.
func TestNearlyFullDisk(t *testing.T) {
	disk := &measured{FS: vfs.NewMem()}
	disk.free.Store(50 << 30)
	var passed atomic.Int64
	s := open(t, "data", embedded.Options{FS: disk, StreamPrefix: "OUTBOX#", Now: func() time.Time { return time.UnixMilli(passed.Load()) }})
	before := item("a", "before", 1)
	write(t, s, before)
	for i := range 3 {
		disk.free.Store(255 << 20)
		if i == 0 {
			write(t, s, before)
		}
		passed.Add(10)
		for _, ctx := range []context.Context{t.Context(), table.Deferred(t.Context())} {
			err := s.Transact(ctx, table.Put(item("a", "refused", 1), table.None))
			if !errors.Is(err, table.ErrFull) || errors.Is(err, table.ErrClosed) || !strings.Contains(err.Error(), "255 MB left") {
				t.Errorf("Transact: %v", err)
			}
		}
		if err := s.Refuses(); !errors.Is(err, table.ErrFull) {
			t.Errorf("Refuses: %v", err)
		}
		if has(t, s, table.Key{PK: "a", SK: "refused"}) || !has(t, s, before.Key) {
			t.Error("a refused write is there, or one before it is not")
		}
		if err := s.Transact(t.Context(), table.Check(before.Key, table.Present)); err != nil {
			t.Errorf("a check alone: %v", err)
		}
		disk.free.Store(300 << 20)
		if err := errors.Join(s.Refuses(), s.Failed(), s.Transact(t.Context(), table.Put(before, table.None))); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
	disk.free.Store(50 << 30)
	write(t, s, before)
	write(t, s, before)
	disk.free.Store(255 << 20)
	large := item("a", "large", 1)
	large.Data = []byte(strings.Repeat("1", 300<<10))
	written := 0
	for s.Transact(t.Context(), table.Put(large, table.None)) == nil {
		written++
	}
	if want := (8 << 20) / (300 << 10); written != want {
		t.Errorf("%d items of 300 KB were written since the last look, want %d", written, want)
	}
}

// TestTablesWaitForRoom has a disk on which for a while no table can be written. The store refuses writes meanwhile, and
// goes on without being opened again.
func TestTablesWaitForRoom(t *testing.T) {
	var full atomic.Bool
	mem := vfs.NewCrashableMem()
	s := open(t, "data", embedded.Options{FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && filepath.Ext(op.Path) == ".sst" && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) {
			return syscall.ENOSPC
		}
		return nil
	}))})
	acknowledged := 0
	for range 3 {
		full.Store(true)
		n, err := fill(t, s, 300<<10)
		if !errors.Is(err, table.ErrFull) || s.Failed() != nil {
			t.Fatalf("without room: %v, failed %v", err, s.Failed())
		}
		acknowledged = max(acknowledged, n)
		full.Store(false)
		for err != nil { // the flush looks again by and by
			if err = s.Transact(t.Context(), table.Put(item("q", "more", 1), table.None)); err != nil && !errors.Is(err, table.ErrFull) {
				t.Fatalf("with room again: %v", err)
			}
		}
	}
	if n := count(t, s); n < acknowledged+1 {
		t.Errorf("%d items, acknowledged were %d", n, acknowledged+1)
	}
}
