package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// disk is one that fails from some write on, for ever.
type disk struct {
	*vfs.MemFS
	left atomic.Int64 // writes that succeed
	err  error
	only string // the files that it concerns, by the end of their name; "" is all
}

func newDisk(err error, writes int64) *disk {
	d := &disk{MemFS: vfs.NewCrashableMem(), err: err}
	d.left.Store(writes)
	return d
}

func (d *disk) fs() vfs.FS {
	return errorfs.Wrap(d.MemFS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if d.concerns(op) && d.left.Add(-1) < 0 {
			return d.err
		}
		return nil
	}))
}

// concerns tells what a full disk refuses: whatever takes space. One that cannot be written refuses what changes
// anything; there is then nothing left to sync.
func (d *disk) concerns(op errorfs.Op) bool {
	if !strings.HasSuffix(op.Path, d.only) {
		return false
	}
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpMkdirAll, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate:
		return true
	case errorfs.OpRemove, errorfs.OpRename, errorfs.OpLink, errorfs.OpLock:
		return errors.Is(d.err, syscall.EROFS)
	}
	return false
}

// fill writes items of size bytes until one is refused, and gives how many were acknowledged. A write that hangs is for the
// time limit of go test, which shows where; how long a write takes is the machine's business.
func fill(t *testing.T, s *embedded.Store, size int) (acknowledged int, err error) {
	t.Helper()
	for ; err == nil; acknowledged++ {
		it := item("p", fmt.Sprintf("%06d", acknowledged), 1)
		it.Data = []byte(fmt.Sprintf("%q", strings.Repeat("x", size)))
		err = s.Transact(t.Context(), table.Put(it, table.None))
	}
	return acknowledged - 1, err
}

// TestNoRoomForTables has a log that goes on, over files that it has already, while no table can be written: writes
// must come to an error, not wait for room in memory for ever.
func TestNoRoomForTables(t *testing.T) {
	d := newDisk(syscall.ENOSPC, 0)
	d.only = ".sst"
	s, err := embedded.Open("data", embedded.Options{FS: d.fs()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := fill(t, s, 300<<10)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("after %d items: %v", n, err)
	}
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
}

// TestFullAndReadOnlyDisk lets the disk fail at each of the first writes, those of Open among them, and at some while
// tables are flushed. What was acknowledged is there once the disk is in order and the folder is opened again.
func TestFullAndReadOnlyDisk(t *testing.T) {
	for _, failure := range []error{syscall.ENOSPC, syscall.EROFS} {
		opened := 0
		for n := int64(0); n < 60; n++ {
			opened += diskFails(t, newDisk(failure, n), 100)
		}
		for range 3 {
			opened += diskFails(t, newDisk(failure, 150+rand.Int64N(450)), 300<<10)
		}
		if opened < 10 || opened > 58 {
			t.Errorf("%v: %d of 63 stores could be opened: the test shows nothing of one kind", failure, opened)
		}
	}
}

// diskFails counts 1 for a store that could be opened.
func diskFails(t *testing.T, d *disk, size int) (opened int) {
	t.Helper()
	what := fmt.Sprintf("%v at write %d", d.err, d.left.Load())
	acknowledged := 0
	s, err := embedded.Open("data", embedded.Options{FS: d.fs()})
	if err == nil {
		opened = 1
		acknowledged, err = fill(t, s, size)
		if closed := s.Close(); closed == nil {
			t.Errorf("%s: Close succeeded", what)
		}
	} else if !strings.Contains(err.Error(), "data folder data") {
		t.Errorf("%s: Open: %v", what, err)
	}
	if err == nil || !strings.Contains(err.Error(), d.err.Error()) {
		t.Errorf("%s: %v", what, err)
	}
	for _, unsynced := range []int{0, 100} {
		again := open(t, "data", embedded.Options{FS: d.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(1, 1)),
		})})
		if n := count(t, again); n < acknowledged || n > acknowledged+1 {
			t.Errorf("%s: %d items after %d were acknowledged", what, n, acknowledged)
		}
		write(t, again, item("p", "more", 1))
	}
	return opened
}

// TestFullDiskWhileRecovering opens a killed folder while the disk is full: Open must come to an error, and take nothing away.
func TestFullDiskWhileRecovering(t *testing.T) {
	refused := 0
	for _, failure := range []error{syscall.ENOSPC, syscall.EROFS} {
		k := kill(t, vfs.NewCrashableMem(), 50, 0)
		for n := range int64(40) {
			d := newDisk(failure, n)
			d.MemFS = k.fs.CrashClone(vfs.CrashCloneCfg{})
			s, err := embedded.Open("data", embedded.Options{FS: d.fs()})
			if err == nil {
				_ = s.Close() // fails, or does not
			} else if refused++; !strings.Contains(err.Error(), failure.Error()) {
				t.Errorf("%v at write %d: %v", failure, n, err)
			} else if failure == syscall.ENOSPC && !strings.Contains(err.Error(), "room") {
				t.Errorf("at write %d it does not say what to do: %v", n, err)
			}
			again := open(t, "data", embedded.Options{FS: d.CrashClone(vfs.CrashCloneCfg{})})
			if items := count(t, again); items != k.n {
				t.Errorf("%v at write %d: %d of %d items", failure, n, items, k.n)
			}
		}
	}
	if refused < 20 {
		t.Errorf("%d of 80 were refused: the test shows nothing", refused)
	}
}

func count(t *testing.T, s *embedded.Store) (items int) {
	t.Helper()
	for _, err := range s.Items(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		items++
	}
	return items
}
