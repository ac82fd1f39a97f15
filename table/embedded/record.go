package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// record is the file STORE: what must be in the folder besides the tables, which the manifest lists with their sizes.
//
// Pebble opens what it finds. To Pebble, a folder without its manifest's marker is a new store, a truncated manifest is an
// older state, and a log that is missing or truncated was empty. Gaps in the numbers of logs prove nothing, since all
// files share one sequence of numbers. So [guard] records each step by which Pebble changes the set of its logs or its
// manifest. The order causes no false alarm, wherever a crash interrupts it:
//
//   - A log is created, recorded, and only then written to. A log that is not recorded, and is newer than those that are,
//     holds no item.
//   - A log is dropped from the record before it is removed, or reused as the file of another. Pebble does either only
//     when all of the log, and of every older log, is in tables.
//   - A manifest is written and recorded as the next one. Then its marker is set. Then it is recorded as the current one,
//     and after that the old marker is removed. So the marker always names one of the two that are recorded.
//   - The manifest's size is recorded after each fsync of it. It may be larger, never smaller.
//
// For each log the record holds the sequence number of its first batch. Pebble numbers the operations of its batches in
// the order of the log, without gaps within one life (one opening of the store). So the batches of a log must follow each
// other, and each recorded log must be readable up to the beginning of the next one. How far the last log must be readable
// is in the file DURABLE, see [highWater]. Open replays all logs into tables, and the record begins anew with the one log
// that Pebble has then. Between two lives there may be gaps. Each life has a random number, which is in the record and in
// each batch: a log of another store may have the same name and the same sequence numbers.
type record struct {
	fs   vfs.FS
	dir  string
	room *room
	next func() uint64 // the sequence number of the next batch

	mu     sync.Mutex
	state  recordState
	active uint64           // the log that was created last
	sizes  map[uint64]int64 // of manifests that were synced
	moved  uint64           // the manifest that a new marker names, 0 if there is none
}

// recordState is the content of STORE.
type recordState struct {
	About    string        `json:"about"`
	Format   int           `json:"format"`
	Manifest *manifestMark `json:"manifest,omitempty"` // missing until the store was opened the first time
	Floor    uint64        `json:"floor"`              // logs up to this number are in tables
	Logs     []logMark     `json:"logs"`
	Life     uint64        `json:"life"` // that wrote the logs; 0 if written by a version without lives
}

type manifestMark struct {
	Number uint64 `json:"number"`
	Size   int64  `json:"size"`
	Next   uint64 `json:"next,omitempty"` // to which the marker may have moved
}

type logMark struct {
	Number uint64 `json:"number"`
	First  uint64 `json:"first"` // sequence number of its first batch
}

const (
	recordName   = "STORE"
	recordTemp   = "STORE.new"
	recordAbout  = "a data folder of tripsaga: tripsaga backup copies it, nothing else may change it"
	recordFormat = 2 // since items are packed; an older version of this program cannot read them and refuses the folder
)

// load reads the record. found is false if it is missing.
func (r *record) load() (found bool, err error) {
	f, err := r.fs.Open(r.path(recordName))
	if missing(err) {
		r.state = recordState{About: recordAbout, Format: recordFormat}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &r.state); err != nil || r.state.Format == 0 {
		return true, errors.New("it is damaged or was cut off")
	}
	if r.state.Format > recordFormat {
		return true, fmt.Errorf("it has format %d, and this version of tripsaga reads %d: use a newer one", r.state.Format, recordFormat)
	}
	return true, nil
}

// save replaces the file as a whole.
func (r *record) save() error {
	data, err := json.MarshalIndent(r.state, "", "  ")
	if err != nil {
		return err
	}
	return r.room.wait(func() error {
		return replaceFile(r.fs, r.dir, recordName, recordTemp, append(data, '\n'))
	})
}

func replaceFile(fs vfs.FS, dir, name, temp string, data []byte) error {
	f, err := fs.Create(fs.PathJoin(dir, temp), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(fs.PathJoin(dir, temp), fs.PathJoin(dir, name)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (r *record) path(name string) string { return r.fs.PathJoin(r.dir, name) }

// addLog records a log that was created and is still empty. While Pebble opens the folder the log stays empty, and begin
// records it later.
func (r *record) addLog(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = logNumber(name)
	if !r.room.opened.Load() {
		return nil
	}
	r.state.Logs = append(r.state.Logs, logMark{Number: r.active, First: r.next()})
	return r.save()
}

// dropLog records that the log and all older ones are in tables.
func (r *record) dropLog(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := logNumber(name)
	if n <= r.state.Floor {
		return nil
	}
	r.state.Floor = n
	logs := r.state.Logs
	r.state.Logs = nil
	for _, l := range logs {
		if l.Number > n {
			r.state.Logs = append(r.state.Logs, l)
		}
	}
	return r.save()
}

// moving is called before a file is created. A new marker changes the current manifest.
func (r *record) moving(name string) error {
	n, ok := markedManifest(name)
	if !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moved = n; r.state.Manifest == nil {
		return nil
	}
	r.state.Manifest.Next = n
	return r.save()
}

// removing is called before a file is removed.
func (r *record) removing(name string) error {
	if isLog(name) {
		return r.dropLog(name)
	}
	if _, ok := markedManifest(name); !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moved == 0 || r.state.Manifest == nil {
		return nil
	}
	r.state.Manifest = &manifestMark{Number: r.moved, Size: r.sizes[r.moved]}
	return r.save()
}

// synced records the size of the manifest after an fsync.
func (r *record) synced(name string, size int64) error {
	n, ok := manifestNumber(name)
	if !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes[n] = size
	if m := r.state.Manifest; m == nil || m.Number != n {
		return nil
	}
	r.state.Manifest.Size = size
	return r.save()
}

// begin records what the folder contains after Pebble opened it: one log, which begins with the sequence number first.
func (r *record) begin(first uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.currentManifest()
	if err != nil {
		return err
	}
	size, known := r.sizes[n]
	if !known { // Pebble writes no new manifest until it has a new table
		info, err := r.fs.Stat(r.path(fmt.Sprintf("MANIFEST-%06d", n)))
		if err != nil {
			return err
		}
		size = info.Size()
	}
	r.state.Manifest = &manifestMark{Number: n, Size: size}
	r.state.Format = recordFormat // from now on
	r.state.Floor, r.state.Logs = r.active-1, []logMark{{Number: r.active, First: first}}
	r.state.Life = rand.Uint64() | 1 // never 0
	return r.save()
}

// currentManifest returns the number of the manifest that the marker names; 0 if there is no marker.
func (r *record) currentManifest() (uint64, error) {
	desc, err := pebble.Peek(r.dir, r.fs)
	if err != nil || !desc.Exists {
		return 0, err
	}
	n, _ := manifestNumber(r.fs.PathBase(desc.ManifestFilename))
	return n, nil
}

func (r *record) life() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Life
}

func (r *record) lastLog() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active
}

func logNumber(name string) uint64 {
	n, _, _ := wal.ParseLogFilename(name)
	return uint64(n)
}

func manifestNumber(name string) (n uint64, ok bool) {
	rest, ok := strings.CutPrefix(name, "MANIFEST-")
	if !ok {
		return 0, false
	}
	_, err := fmt.Sscanf(rest, "%d", &n)
	return n, err == nil
}

// markedManifest returns the manifest that a marker names: marker.manifest.000002.MANIFEST-000007.
func markedManifest(name string) (n uint64, ok bool) {
	rest, ok := strings.CutPrefix(name, "marker.manifest.")
	if !ok {
		return 0, false
	}
	_, manifest, _ := strings.Cut(rest, ".")
	return manifestNumber(manifest)
}

// highWater is the file DURABLE: how far the log is on disk. Without it, a last log that lost its end would look like one
// whose last write was interrupted by a crash.
//
// It is written in place after each fsync of the log. It is not synced itself, which would cost a second fsync. So it never
// promises more than is on disk. After a kill of the process it is exact, since the kernel has it. After a power cut it may
// be as old as the last version that the kernel has written. Two copies are written in turn, so that one is whole whenever
// the power fails.
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

// waterMark means that the logs up to number log can be read up to the sequence number before seq.
type waterMark struct {
	turn, log, seq uint64
}

// openWater reads the file. found is false if it is missing or neither copy is whole.
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
