package embedded_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// killed is a folder whose process was killed after it had made the items 0 to n-1 durable, one after the other.
type killed struct {
	fs      *vfs.MemFS
	n       int
	path    string // of the log
	log     []byte
	records []int64 // where each item's record begins in the log; the last entry is the log's end
}

func numbered(i int) table.Item {
	it := item("p", fmt.Sprintf("%04d", i), 1)
	it.Data = []byte(fmt.Sprintf("%q", strings.Repeat("x", 200)))
	return it
}

// kill writes n items, and then more that come to the disk together.
func kill(t *testing.T, fs *vfs.MemFS, n, more int) *killed {
	t.Helper()
	s := open(t, "data", embedded.Options{FS: fs})
	for i := range n {
		if err := s.Transact(t.Context(), table.Put(numbered(i), table.None)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range more {
		write(t, s, numbered(n+i))
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	k := &killed{fs: fs.CrashClone(vfs.CrashCloneCfg{}), n: n}
	k.findLog(t)
	return k
}

func (k *killed) findLog(t *testing.T) {
	t.Helper()
	logs, err := wal.Scan(wal.Dir{FS: k.fs, Dirname: "data"})
	if err != nil || len(logs) == 0 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	last := logs[len(logs)-1]
	_, k.path = last.SegmentLocation(0)
	f, err := k.fs.Open(k.path)
	if err != nil {
		t.Fatal(err)
	}
	k.log, err = io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	reader := last.OpenForRead()
	defer reader.Close()
	for {
		_, at, err := reader.NextRecord()
		k.records = append(k.records, at.Physical)
		if err != nil {
			return
		}
	}
}

// with opens a copy of the folder that has this log, and gives the number of items found in it, all of them the oldest.
func (k *killed) with(t *testing.T, log []byte) (int, error) {
	t.Helper()
	fs := k.fs.CrashClone(vfs.CrashCloneCfg{})
	f, err := fs.Create(k.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(slices.Clone(log)) // under the race detector Pebble's file system in memory spoils what it is given
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := embedded.Open("data", embedded.Options{FS: fs})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return k.count(t, s), nil
}

func (k *killed) count(t *testing.T, s *embedded.Store) int {
	t.Helper()
	n := 0
	for it, err := range s.Items(t.Context(), "") {
		if err != nil || it.Key != numbered(n).Key {
			t.Fatalf("item %d is %s, %v", n, it.Key, err)
		}
		n++
	}
	return n
}

// changed is the log with one byte changed.
func (k *killed) changed(at int64, by byte) []byte {
	log := slices.Clone(k.log)
	log[at] ^= by
	return log
}

func (k *killed) refuses(t *testing.T, what string, log []byte) {
	t.Helper()
	n, err := k.with(t, log)
	if err == nil {
		t.Errorf("%s: opened with %d of %d items", what, n, k.n)
	} else if !strings.Contains(err.Error(), "data folder data: "+k.path+": the log is damaged at byte ") {
		t.Errorf("%s: %v", what, err)
	}
}

// TestTornLastRecord cuts the last record off or changes a bit of it: both are what a write leaves that was cut off, and
// everything before it is there.
func TestTornLastRecord(t *testing.T) {
	k := kill(t, vfs.NewCrashableMem(), 3, 0)
	last, end := k.records[k.n-1], k.records[k.n]
	for at := last; at < end; at++ {
		if n, err := k.with(t, k.log[:at]); n != k.n-1 || err != nil {
			t.Errorf("cut to %d of %d bytes: %d items, %v", at, end, n, err)
		}
		if n, err := k.with(t, k.changed(at, 1<<(at%8))); n != k.n-1 || err != nil {
			t.Errorf("a bit of byte %d flipped: %d items, %v", at, n, err)
		}
	}
	if n, err := k.with(t, k.log); n != k.n || err != nil {
		t.Errorf("untouched: %d items, %v", n, err)
	}
}

// TestDamagedLogIsRefused damages what stands before something acknowledged: however little is lost, the store must not
// open as if nothing had been there.
func TestDamagedLogIsRefused(t *testing.T) {
	k := kill(t, vfs.NewCrashableMem(), 400, 0) // some blocks of 32 KB
	if blocks := len(k.log) >> 15; blocks < 2 {
		t.Fatalf("the log has %d blocks: the test shows nothing", blocks)
	}
	for _, i := range []int{0, 1, 100, 250, k.n - 3, k.n - 2} {
		for at := k.records[i]; at < k.records[i]+24; at++ {
			k.refuses(t, fmt.Sprintf("item %d, byte %d", i, at), k.changed(at, 1<<(at%8)))
		}
		middle := (k.records[i] + k.records[i+1]) / 2
		k.refuses(t, fmt.Sprintf("item %d, its middle", i), k.changed(middle, 0xff))
		log := slices.Clone(k.log)
		clear(log[k.records[i]:k.records[i+1]])
		k.refuses(t, fmt.Sprintf("item %d zeroed", i), log)
	}
	log := slices.Clone(k.log)
	clear(log[1<<15 : 2<<15])
	k.refuses(t, "a block zeroed", log)
	if n, err := k.with(t, k.log[:k.records[100]]); n != 100 || err != nil {
		t.Errorf("cut off there, as the error says: %d items, %v", n, err)
	}
}

// TestHoleInTheLastWrite is what a power cut may leave of what came to the disk together: the later part alone. It cannot
// be told from damage, so that damage in what the last fsync of all brought is the one that goes unnoticed.
func TestHoleInTheLastWrite(t *testing.T) {
	k := kill(t, vfs.NewCrashableMem(), 5, 5)
	if len(k.records) != 11 {
		t.Fatalf("%d records, want 10 and the end", len(k.records))
	}
	for i := k.n; i < k.n+5; i++ {
		if n, err := k.with(t, k.changed(k.records[i]+30, 1)); n != i || err != nil {
			t.Errorf("hole in write %d, of which the first %d were on disk: %d items, %v", i, k.n, n, err)
		}
	}
}

// TestLogOverAnOlderOne has behind the log's end what is left of a longer log whose file it took over.
func TestLogOverAnOlderOne(t *testing.T) {
	older := kill(t, vfs.NewCrashableMem(), 100, 0)
	k := kill(t, older.fs, 4, 0)
	if k.path == older.path {
		t.Fatal("the second store went on with the first one's log")
	}
	end := k.records[k.n]
	if n, err := k.with(t, append(slices.Clone(k.log[:end]), older.log[end:]...)); n != 100 || err != nil {
		t.Errorf("%d items, %v", n, err)
	}
}
