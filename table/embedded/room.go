package embedded

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// room watches the free space of the store's disk, so that writes are refused before Pebble meets the disk's end. It
// looks before each group of writes (statfs, about a microsecond), and refuses the group when less is free than the
// reserve. The reserve is for what has been promised, or is under way, by then:
//
//   - the log: a group of at most 8 MB between two looks. The next log file is allocated as it is created (35 MB); when
//     that fails, Pebble goes on without.
//   - a flush: at most four memtables of 32 MB, compressed, some of which are on disk already;
//   - a compaction, the manifest, the options and the record of the store.
//
// Others may use the reserve up meanwhile, or the disk may be too small for one. Then tables wait where they are until
// there is room, which the store's callers see as the same refusal. Only a log that meets the end of the disk fails the
// store, see [guard].
type room struct {
	fs     vfs.FS
	dir    string
	warn   func(error)
	opened atomic.Bool // before it, the end of the disk is an error of Open
	ended  chan struct{}

	starved atomic.Pointer[chan struct{}] // closed while any call waits

	mu      sync.Mutex
	waiting int   // calls that wait for room
	last    error // the last answer of check
}

const (
	reserveBytes = 256 << 20
	reservePart  = 10 // at most this part of a small disk
	roomPoll     = 100 * time.Millisecond
)

func newRoom(fs vfs.FS, dir string, warn func(error)) *room {
	r := &room{fs: fs, dir: dir, warn: warn, ended: make(chan struct{})}
	r.starved.Store(new(make(chan struct{})))
	return r
}

// check returns why nothing can be written now; nil while there is room. It counts as [table.ErrFull].
func (r *room) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.look()
	if (err == nil) != (r.last == nil) {
		r.warn(err)
	}
	r.last = err
	return err
}

func (r *room) look() error {
	usage, err := r.fs.GetDiskUsage(r.dir)
	if err != nil { // a file system that does not know
		usage.AvailBytes, usage.TotalBytes = 1, 0
	}
	reserve := min(reserveBytes, usage.TotalBytes/reservePart)
	if r.waiting == 0 && usage.AvailBytes >= reserve {
		return nil
	}
	return &fullError{dir: r.dir, free: usage.AvailBytes, reserve: reserve}
}

// full is closed while the store waits for room.
func (r *room) full() <-chan struct{} { return *r.starved.Load() }

// wait repeats do while the disk is full, until the store is closed.
func (r *room) wait(do func() error) error {
	err := do()
	if err == nil || !noRoom(err) || !r.opened.Load() {
		return err
	}
	r.begin()
	defer r.end()
	for {
		select {
		case <-r.ended:
			return err
		case <-time.After(roomPoll):
		}
		if err = do(); err == nil || !noRoom(err) {
			return err
		}
	}
}

func (r *room) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting++; r.waiting == 1 {
		close(*r.starved.Load())
	}
}

func (r *room) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		r.starved.Store(new(make(chan struct{})))
	}
}

// fullError is a refusal for want of room.
type fullError struct {
	dir           string
	free, reserve uint64
}

func (e *fullError) Error() string {
	if e.free >= e.reserve {
		return fmt.Sprintf("table/embedded: the disk of data folder %s is full (%v): nothing is written until there is room; make some", e.dir, syscall.ENOSPC)
	}
	return fmt.Sprintf("table/embedded: the disk of data folder %s has %d MB left, less than the reserve of %d MB (%v): nothing is written until there is room; make some",
		e.dir, e.free>>20, e.reserve>>20, syscall.ENOSPC)
}

func (e *fullError) Unwrap() []error { return []error{table.ErrFull, syscall.ENOSPC} }
