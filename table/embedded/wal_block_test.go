package embedded_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// nearlyFull is a store with four durable items, after which the first block of its log has room for a few bytes more.
func nearlyFull(t *testing.T, size int) (s *embedded.Store, fs *vfs.MemFS, put func(data int)) {
	fs = vfs.NewCrashableMem()
	s = open(t, "data", embedded.Options{FS: fs})
	n := 0
	put = func(data int) {
		it := item("p", fmt.Sprintf("%04d", n), 1)
		it.Data = []byte(fmt.Sprintf("%q", strings.Repeat("x", data)))
		n++
		if err := s.Transact(t.Context(), table.Put(it, table.None)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		put(10000)
	}
	put(2250 + size)
	return s, fs, put
}

// room is how much the first block has left for the record of that number; ok is false when it is in another block.
func (k *killed) room(record int) (left int, ok bool) {
	const block = 32 << 10
	return block - int(k.records[record])%block, int(k.records[record])/block == 0
}

// TestRecordBeginsAtTheEndOfABlock has the last durable record begin so close to the end that the first part of it is
// shorter than a batch's head. A hole behind it is in what nobody had waited for: the folder is in order.
func TestRecordBeginsAtTheEndOfABlock(t *testing.T) {
	tried := 0
	for size := range 400 {
		s, fs, put := nearlyFull(t, size)
		put(300)
		for n := range 2 { // in doubt together
			write(t, s, numbered(5+n))
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		k := &killed{fs: fs.CrashClone(vfs.CrashCloneCfg{}), n: 5}
		k.findLog(t)
		left, ok := k.room(4)
		if !ok || left < 11 || left > 38 {
			continue
		}
		tried++
		hurt := k.changed(k.records[5]+30, 1) // the first of the two did not reach the disk
		if got, err := k.with(t, hurt); err != nil || got < 5 {
			t.Errorf("room for %d bytes: %d items, %v", left, got, err)
		}
	}
	if tried == 0 {
		t.Error("no record began there")
	}
}

// TestRecordWithoutItsBeginning zeroes the first part of a durable record, which then looks like the padding of a block.
func TestRecordWithoutItsBeginning(t *testing.T) {
	tried := 0
	for size := range 400 {
		_, fs, put := nearlyFull(t, size)
		for range 5 {
			put(300)
		}
		k := &killed{fs: fs.CrashClone(vfs.CrashCloneCfg{}), n: 9}
		k.findLog(t)
		left, ok := k.room(4)
		if !ok || left < 11 || left > 20 {
			continue
		}
		tried++
		log := slices.Clone(k.log)
		clear(log[k.records[4] : 32<<10])
		if got, err := k.with(t, log); err == nil {
			t.Errorf("room for %d bytes: opened with %d of 9 acknowledged items", left, got)
		}
	}
	if tried == 0 {
		t.Error("no record began there")
	}
}
