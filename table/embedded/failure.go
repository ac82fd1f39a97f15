package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// fail makes the store refuse all later writes, and the reads that must wait for an fsync. Only the first call counts.
func (s *Store) fail(err error) {
	s.failing.Do(func() {
		s.failure = &failure{dir: s.dir, cause: err}
		s.opts.Logger.Error(s.failure.Error())
		close(s.failed)
	})
}

// failure is the reason why the store no longer accepts writes. It wraps [table.ErrClosed], since a retry cannot succeed.
type failure struct {
	dir   string
	cause error
}

func (f *failure) Error() string {
	if errors.Is(f.cause, table.ErrDamaged) {
		return f.cause.Error()
	}
	return fmt.Sprintf("table/embedded: the store in %q failed and takes no more writes until it is opened again: %v", f.dir, f.cause)
}

func (f *failure) Unwrap() []error { return []error{f.cause, table.ErrClosed} }

// Refuses returns why the store accepts no writes now; nil if it accepts them. It wraps [table.ErrFull] while the disk is
// nearly full, and [table.ErrDamaged] or [table.ErrClosed] after a failure.
func (s *Store) Refuses() error {
	if err := s.Failed(); err != nil {
		return err
	}
	return s.room.check()
}

// roomChanged logs when the store begins to refuse writes because the disk is nearly full, and when it accepts them again.
func (s *Store) roomChanged(err error) {
	if err != nil {
		s.opts.Logger.Error(err.Error())
		return
	}
	s.opts.Logger.Warn("table/embedded: there is room on the disk again: writes are taken", "folder", s.dir)
}

// Failed returns why the store no longer accepts writes; nil if it has not failed. The error wraps [table.ErrClosed].
func (s *Store) Failed() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// pebbleLog passes on Pebble's messages. A fatal one makes the store fail and does not end the process.
type pebbleLog struct {
	to   *slog.Logger
	fail func(error)
	dir  string

	// The errors of the last flush and the last compaction, which may be nil, or nothing serious.
	flush, compaction atomic.Pointer[error]
}

func (l *pebbleLog) Infof(format string, args ...any) {
	l.to.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l *pebbleLog) Errorf(format string, args ...any) {
	l.to.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf ends the calling goroutine. It must not return: Pebble's code after the call relies on that and could, for
// example, delete a log whose table is not in the manifest.
func (l *pebbleLog) Fatalf(format string, args ...any) {
	l.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

// listener makes the store fail when a flush or a compaction fails. Pebble would retry immediately and for ever, at the
// cost of a CPU, while writes wait for memory without an error.
func (l *pebbleLog) listener() *pebble.EventListener {
	return &pebble.EventListener{
		FlushEnd:      func(info pebble.FlushInfo) { l.flush.Store(&info.Err) },
		CompactionEnd: func(info pebble.CompactionInfo) { l.compaction.Store(&info.Err) },
		BackgroundError: func(err error) {
			if errors.Is(err, pebble.ErrClosed) {
				return
			}
			l.to.Error("table/embedded: a background job of the store failed", "error", err.Error()) // the text alone: no stack trace
			if ended(&l.flush, err) || ended(&l.compaction, err) {
				if pebble.IsCorruptionError(err) {
					err = &damagedError{dir: l.dir, file: "a table", what: err.Error()}
				}
				l.fail(err)
				runtime.Goexit() // or Pebble would retry the job
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.fail(&damagedError{dir: l.dir, file: info.Path, what: fmt.Sprint("it is damaged: ", info.Details)}) // %+v has a stack trace
		},
	}
}

// met replaces Pebble's error for a read of damaged data by the store's failure.
func (s *Store) met(err error) error {
	if err != nil && pebble.IsCorruptionError(err) && s.Failed() != nil {
		return s.failure
	}
	return err
}

func ended(job *atomic.Pointer[error], by error) bool {
	err := job.Load()
	return err != nil && *err != nil && errors.Is(by, *err)
}

// room watches the free space of the store's disk, so that writes are refused before Pebble meets a full disk. It checks
// before a group of writes and refuses the group if less than the reserve is free. With twice the reserve free, the answer
// counts for the groups of the next 10 ms as well, up to 8 MB of them: under load, a check for each group costs a twentieth
// of the CPU. The reserve is for writes that are acknowledged or have begun by then:
//
//   - the log: groups of at most 16 MB between two checks. The next log file is allocated when it is created (35 MB). If
//     that fails, Pebble continues without.
//   - a flush: at most four memtables of 32 MB, compressed, some of which are on disk already;
//   - a compaction, the manifest, the options and the record of the store.
//
// Other programs may use up the reserve, or the disk may be too small for one. Then flushes and compactions wait until
// there is room, and callers get the same refusal. The store fails only if the log meets a full disk, see [guard].
type room struct {
	fs     vfs.FS
	dir    string
	now    func() time.Time
	warn   func(error)
	opened atomic.Bool // while false, a full disk is an error of Open
	ended  chan struct{}

	starved atomic.Pointer[chan struct{}] // closed while any call waits

	mu      sync.Mutex
	waiting int   // calls that wait for room
	last    error // the last answer of check
	ample   bool  // twice the reserve was free at the last check
	checked time.Time
	since   int // bytes of the groups since then
}

const (
	reserveBytes = 256 << 20
	reservePart  = 10 // at most this part of a small disk
	roomPoll     = 100 * time.Millisecond

	checkEvery = 10 * time.Millisecond
	checkBytes = 8 << 20
)

func newRoom(fs vfs.FS, dir string, now func() time.Time, warn func(error)) *room {
	r := &room{fs: fs, dir: dir, now: now, warn: warn, ended: make(chan struct{})}
	r.starved.Store(new(make(chan struct{})))
	return r
}

// check returns why nothing can be written now; nil if there is room. The error wraps [table.ErrFull].
func (r *room) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checkNow()
}

// admit is check for a group of size bytes.
func (r *room) admit(size int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since += size
	if age := r.now().Sub(r.checked); r.ample && r.waiting == 0 && r.since <= checkBytes && age >= 0 && age < checkEvery {
		return nil
	}
	return r.checkNow()
}

func (r *room) checkNow() error {
	r.checked, r.since = r.now(), 0
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
	r.ample = usage.AvailBytes >= 2*reserve
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

// fullError is the refusal of writes because the disk is nearly full.
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
