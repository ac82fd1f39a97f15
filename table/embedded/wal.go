package embedded

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Pebble treats what it cannot read in its last log as the end of a log whose writer died. So damage in the log would
// silently lose what was acknowledged after it. Therefore each batch carries a mark, see committer.mark: Pebble's sequence
// number up to which the log was on disk when the batch was made. checkLogs refuses a damaged log if a mark behind the
// damage promises more than can be read before it. Damage in what the last fsync wrote is followed by no mark and looks
// like a write that was interrupted. The mark also has the number of the store's life, which identifies a log of another
// store, see [record]. Marks of earlier versions have none.

const (
	walBlock = 32 << 10 // no chunk crosses the end of a block

	// The header of a chunk: checksum 4, length 2, kind 1, number of the log 4, and for the later kinds 8 more.
	walHeader     = 11
	walLongHeader = 19

	// The kinds, each for a whole record, its first, a middle and its last part.
	walWhole, walLongWhole, walKindsEnd = 5, 9, 13

	walBatchHead = 12 // of a batch: sequence number 8, count 4

	walMarkKind = 3  // of the operation in a batch that holds a mark
	walMarkSize = 16 // bytes: sequence number, life
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	little     = binary.LittleEndian
)

// checkLogs reads the write-ahead logs and compares them with the record and the mark of DURABLE. It must run before Pebble
// opens the folder: Pebble continues in a new log after what it could read.
func (s *Store) checkLogs(mark waterMark) error {
	logs, err := wal.Scan(wal.Dir{FS: s.opts.FS, Dirname: s.dir})
	if err != nil {
		return s.unusable(err)
	}
	there := map[uint64]bool{}
	for _, log := range logs {
		there[uint64(log.Num)] = true
	}
	first := map[uint64]uint64{}
	for _, l := range s.record.state.Logs {
		if first[l.Number] = l.First; !there[l.Number] {
			return s.damaged(logName(l.Number), "the log is missing")
		}
	}
	read, last, done := uint64(0), "", wal.Logs(nil)
	for _, log := range logs {
		n := uint64(log.Num)
		if n <= s.record.state.Floor {
			done = append(done, log) // it is in tables and not removed yet
			continue
		}
		begins, recorded := first[n]
		if last != "" && read < begins {
			return s.damaged(last, "its end is missing: it can be read up to sequence number %d, and the next log begins with %d", read, begins)
		}
		scan := walScan{number: uint32(n), life: s.record.state.Life, read: max(read, begins), damage: -1}
		fs, path := log.SegmentLocation(0) // the only one: there is no other disk to fail over to
		lost, err := scan.file(fs, path)
		switch {
		case err != nil:
			return s.unusable(err)
		case lost != "":
			return s.damaged(fs.PathBase(path), "%s", lost)
		case !recorded && scan.items:
			return s.damaged(recordName, "it is older than %s, which it does not know", fs.PathBase(path))
		}
		read, last = scan.read, fs.PathBase(path)
	}
	if mark.log > s.record.state.Floor && read < mark.seq {
		return s.damaged(cmp.Or(last, logName(mark.log)), "its end is missing: it can be read up to sequence number %d, and was on disk up to %d", read, mark.seq)
	}
	for _, log := range done { // Pebble would read it again if it were another store's
		if fs, path := log.SegmentLocation(0); err == nil {
			err = fs.Remove(path)
		}
	}
	if err != nil {
		return s.unusable(err)
	}
	return nil
}

func logName(n uint64) string { return fmt.Sprintf("%06d.log", n) }

// walScan reads one log block by block.
type walScan struct {
	number uint32 // of the log; chunks of another are what is left of a log whose file this one took over
	life   uint64 // the life that must have written it; 0 means any
	base   int64  // of the block in the file
	damage int64  // position of the first chunk that cannot be read, -1 if there is none
	closed bool   // the log's writer has ended it

	read uint64 // the sequence number after the last record before the damage
	head []byte // the beginning of the record that is being read, which may be spread over its parts
	open bool   // only a part of that record has been read yet

	items bool   // a batch was read that changes something
	hole  uint64 // the sequence number of the first batch that does not follow on the one before, 0 while all do
}

// file describes what is lost of the log; "" if nothing is known to be lost.
func (s *walScan) file(fs vfs.FS, path string) (lost string, err error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return "", err
	}
	lost, err = s.blocks(f)
	return lost, errors.Join(err, f.Close())
}

func (s *walScan) blocks(r io.Reader) (lost string, err error) {
	buf := make([]byte, walBlock)
	for !s.closed {
		n, err := io.ReadFull(r, buf)
		if lost := s.block(buf[:n]); lost != "" {
			return lost, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF { // the last block may be short
			return "", nil
		}
		if err != nil {
			return "", err
		}
		s.base += walBlock
	}
	return "", nil
}

// block reads the chunks of a block one after another. Behind damage it looks for a chunk at every byte.
func (s *walScan) block(b []byte) (lost string) {
	for at := 0; at+walHeader <= len(b) && !s.closed; {
		c, ok := s.chunk(b[at:])
		mark, life := c.mark()
		switch {
		case ok && life != 0 && s.life != 0 && life != s.life:
			return "it is a log of another store, or of this one at another time"
		case ok && s.damage >= 0 && mark > s.read:
			return fmt.Sprintf("the log is damaged at byte %d, and what was acknowledged is behind it", s.damage)
		case ok && s.damage < 0 && c.first == s.open: // a record without its beginning, or one without its end
			s.damage = s.base + int64(at)
		case ok:
			s.take(c)
			if s.hole != 0 {
				return fmt.Sprintf("what was written before byte %d is missing: sequence numbers %d to %d", s.base+int64(at), s.read, s.hole-1)
			}
			at += c.size
		case s.damage >= 0:
			at++
		case s.trailer(b[at:]):
			s.closed = true
		case len(b)-at < walLongHeader && zero(b[at:]): // too short for a chunk
			return ""
		default:
			s.damage = s.base + int64(at)
		}
	}
	return ""
}

// walChunk is a record or a part of one.
type walChunk struct {
	size        int
	first, last bool
	data        []byte
}

func (s *walScan) take(c walChunk) {
	if s.damage >= 0 {
		return
	}
	if c.first {
		s.head = s.head[:0]
	}
	s.open = !c.last
	s.head = append(s.head, c.data[:min(len(c.data), walBatchHead-len(s.head))]...)
	if !c.last || len(s.head) < walBatchHead {
		return
	}
	seq, count := little.Uint64(s.head), uint64(little.Uint32(s.head[8:]))
	if s.read > 0 && seq > s.read {
		s.hole = seq
		return
	}
	s.items = s.items || count > 0
	s.read = max(s.read, seq+count)
}

// chunk reads the chunk at the beginning of b.
func (s *walScan) chunk(b []byte) (c walChunk, ok bool) {
	kind, header := b[6], walHeader
	if kind >= walLongWhole {
		header = walLongHeader
	}
	c.size = header + int(little.Uint16(b[4:]))
	if kind < walWhole || kind >= walKindsEnd || little.Uint32(b[7:]) != s.number || c.size > len(b) {
		return c, false
	}
	sum := crc32.Checksum(b[6:c.size], castagnoli)
	if little.Uint32(b) != (sum>>15|sum<<17)+0xa282ead8 {
		return c, false
	}
	part := (kind - walWhole) % 4
	c.first, c.last = part < 2, part == 0 || part == 3
	c.data = b[header:c.size]
	return c, true
}

// mark returns the mark of the batch at the beginning of the chunk, or 0. A part at the end of a block may be
// too short for it; then the mark of the next batch has to do.
func (c *walChunk) mark() (seq, life uint64) {
	b := c.data
	if !c.first || len(b) < walBatchHead+10 || b[walBatchHead] != walMarkKind {
		return 0, 0
	}
	switch size, mark := int(b[walBatchHead+1]), b[walBatchHead+2:]; {
	case size == walMarkSize && len(mark) >= size:
		return little.Uint64(mark), little.Uint64(mark[8:])
	case size == 8:
		return little.Uint64(mark), 0
	}
	return 0, 0
}

// trailer reports whether b begins with the end of a closed log: a header of the next log, without a checksum.
func (s *walScan) trailer(b []byte) bool {
	return little.Uint32(b) == 0 && little.Uint16(b[4:]) == 0 && b[6] == walWhole && little.Uint32(b[7:]) == s.number+1
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
