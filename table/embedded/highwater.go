package embedded

import (
	"errors"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// highWater is the file DURABLE: how far the log is on disk. Without it a last log that lost its end could not be told
// from one whose last write was cut off by a crash.
//
// It is written in place after each fsync of the log, and not synced itself, which would cost a second fsync. So it never
// promises more than is there: when the process is killed it is exact, since the kernel has it, and after a power cut it
// may be as old as what the kernel had written of it by then. Two copies are written in turn, so that one is whole
// whenever the power goes.
type highWater struct {
	file  vfs.File
	turn  uint64
	slots [2][waterSlot]byte
}

const (
	waterName = "DURABLE"
	waterSlot = 32  // bytes: turn, number of a log, sequence number, checksum
	waterGap  = 512 // a sector, which a disk writes as a whole
)

// waterMark says that the logs up to number log can be read up to the sequence number before seq.
type waterMark struct {
	turn, log, seq uint64
}

// openWater reads the file; found is false when it is missing or nothing in it is whole.
func openWater(fs vfs.FS, dir string) (mark waterMark, found bool, err error) {
	f, err := fs.Open(fs.PathJoin(dir, waterName))
	if missing(err) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, err
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return mark, false, err
	}
	for at := 0; at+waterSlot <= len(data); at += waterGap {
		b := data[at : at+waterSlot]
		m := waterMark{turn: little.Uint64(b), log: little.Uint64(b[8:]), seq: little.Uint64(b[16:])}
		if uint64(crc32.Checksum(b[:24], castagnoli)) == little.Uint64(b[24:]) {
			found = true
			if m.turn >= mark.turn {
				mark = m
			}
		}
	}
	return mark, found, nil
}

// makeWater writes the file anew.
func makeWater(fs vfs.FS, dir string) error {
	data := make([]byte, waterGap+waterSlot)
	for at := 0; at < len(data); at += waterGap {
		waterMark{}.encode(data[at:])
	}
	f, err := fs.Create(fs.PathJoin(dir, waterName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (m waterMark) encode(b []byte) {
	little.PutUint64(b, m.turn)
	little.PutUint64(b[8:], m.log)
	little.PutUint64(b[16:], m.seq)
	little.PutUint64(b[24:], uint64(crc32.Checksum(b[:24], castagnoli)))
}

func (w *highWater) open(fs vfs.FS, dir string, from uint64) (err error) {
	w.turn = from
	w.file, err = fs.OpenReadWrite(fs.PathJoin(dir, waterName), vfs.WriteCategoryUnspecified)
	return err
}

// rise writes the mark. Only one goroutine may call it.
func (w *highWater) rise(log, seq uint64) error {
	w.turn++
	b := &w.slots[w.turn%2]
	waterMark{turn: w.turn, log: log, seq: seq}.encode(b[:])
	_, err := w.file.WriteAt(b[:], int64(w.turn%2)*waterGap)
	return err
}

func (w *highWater) close() error {
	if w.file == nil {
		return nil
	}
	return errors.Join(w.file.Sync(), w.file.Close())
}
