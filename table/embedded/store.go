// Package embedded is the table on one machine: a store in a folder, on Pebble, with group commit.
//
// # Writing
//
// Callers encode their own transactions and pass them to one committer goroutine. It takes the waiting transactions as a
// group, checks the conditions of one after the other against the store and the group's own earlier writes, and applies
// the group as one Pebble batch. Deferred callers are answered immediately. Durable callers are passed to the syncer
// goroutine, which answers them after the next fsync of the write-ahead log, while the committer works on the next group.
// A failed condition affects its own transaction alone. See committer for the order of a commit.
//
// # Durability
//
// Groups are numbered. A group's number is published as written before Pebble shows the group to readers, and as durable after
// the fsync. A read waits until durable has reached the value that written had after the read: so it never returns what a crash
// could take back. There is one write-ahead log, so an earlier write is durable no later than a later one. Deferred writes that
// no caller waits for are synced after 50 milliseconds.
//
// # Failure
//
// While the disk is nearly full, writes are refused. They are accepted again once there is room, see room. If the log cannot be
// written nevertheless, or something is damaged, the store fails: it accepts no more writes, and only reads that need not wait
// for an fsync. No acknowledged write is lost.
//
// Open refuses a folder in which a file is missing, truncated, damaged or older than the others, see record. One case
// cannot be detected after a power cut: damage in what the last fsync wrote looks like a write that was interrupted, and is
// treated as one.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// Options of a store. The zero value is ready to use.
type Options struct {
	// FS is the file system of the data folder. nil means the machine's, or a new one in memory when the folder is "".
	FS vfs.FS
	// StreamPrefix selects the items whose Put is a change of the stream: those whose sort key begins with it. ""
	// selects no item.
	StreamPrefix string
	// Now is the clock by which items expire and the disk's free space is checked; nil means time.Now.
	Now func() time.Time
	// Logger gets Pebble's messages and the store's; nil discards them.
	Logger *slog.Logger
	// Salvage opens what Pebble can open and ignores the record of what must be in the folder. It is for a copy of a folder
	// that Open otherwise refuses. What is missing is then lost.
	Salvage bool
	// Cache is the size of the block cache in bytes; 0 means 64 MB.
	Cache int64
}

func (o Options) withDefaults(dir string) Options {
	if o.FS == nil {
		o.FS = vfs.Default
		if dir == "" {
			o.FS = vfs.NewMem()
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Cache == 0 {
		o.Cache = 64 << 20
	}
	return o
}

const memTable = 32 << 20 // bytes

// pebbleOptions are for many small items, most of which are read soon after they were written or never again, on a few
// cores. In large memtables the versions of a rewritten item meet before they reach the disk. One compaction runs at a
// time.
func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          s.guarded(),
		Logger:                      s.log,
		EventListener:               s.log.listener(),
		CacheSize:                   s.opts.Cache + 2*memTable, // memtables count against it
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               512 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		WALMinSyncInterval:          s.syncInterval,
	}
	o.TargetFileSizes[0] = 4 << 20
	// A compaction rewrites the last file of each kind, since the keys of items that were under way overlap it.
	for i := range o.TargetFileSizes[1:] {
		o.TargetFileSizes[1+i] = 2 << 20 << i
	}
	// Partitions are mostly in the order of time, and a flush has a bit of each kind. Split, only the parts that really
	// overlap older tables are compacted with them.
	o.FlushSplitBytes = 2 << 20
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	// Without it, a table that ends one kind and begins the next would overlap all older items of both, and each
	// compaction would rewrite them: tripsaga bench --trips 60000 writes twice as much by compactions.
	o.Experimental.SpanPolicyFunc = func(first []byte) (p pebble.SpanPolicy, end []byte, err error) {
		return p, endOfKind(first), nil
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	return o
}

// guarded returns the file system for Pebble. A store in memory needs no guard.
func (s *Store) guarded() vfs.FS {
	if s.dir == "" {
		return s.opts.FS
	}
	return &guard{FS: s.opts.FS, store: s}
}

const (
	crowd         = 16 // callers waiting for an fsync
	crowdInterval = time.Millisecond
)

// syncInterval spaces the fsyncs out when many callers wait: each fsync costs the same CPU and serves every caller that
// has arrived by then. A single caller never waits for others. BenchmarkTransact with 64 and 512 clients measures it.
func (s *Store) syncInterval() time.Duration {
	if s.waiting.Load() < crowd {
		return 0
	}
	return crowdInterval
}

// Store is a table in a folder. It is safe for concurrent use.
type Store struct {
	opts Options
	dir  string
	db   *pebble.DB
	log  *pebbleLog

	queue chan *request
	stop  chan struct{} // closed when no call is left: the committer and the syncer end
	ended chan struct{} // closed when they have

	written atomic.Uint64 // the last group passed to Pebble; set before Pebble shows it to readers
	durable atomic.Uint64 // the last group that is on disk
	onDisk  atomic.Uint64 // Pebble's sequence number up to which its log is on disk, for the marks; see checkLogs
	nextSeq atomic.Uint64 // Pebble's sequence number of the next batch

	room      *room
	record    *record
	water     highWater
	waterTurn uint64

	copying sync.Mutex
	copyCtx atomic.Pointer[context.Context] // of the copy that is being made

	recent   recent
	feed     feed
	epochs   []epoch // in their order, the last is this opening's; see Place
	counters counters

	sweeping  sync.Mutex
	sweepFrom uint64 // changes before it were swept or never expire; guarded by sweeping

	failed  chan struct{} // closed by the first failure
	failure error         // set before failed is closed
	failing sync.Once
	waiting atomic.Int64 // calls that wait for an fsync

	requests sync.Pool // of *request

	gate     sync.RWMutex
	closed   bool
	calls    sync.WaitGroup
	closing  sync.Once
	closeErr error
	unlock   func() error
}

var _ table.Table = (*Store)(nil)

var (
	// ErrInUse means that another process has the folder's store open.
	ErrInUse = errors.New("in use by another process")
	// ErrNotAStore means that the folder contains something other than a store.
	ErrNotAStore = errors.New("not a store of tripsaga")
)

// Open opens the store in folder dir, which is created if missing. "" is a store in memory. A folder can be open once: a
// second Open fails, in this process or another. Errors: [ErrInUse]; [ErrNotAStore]; [table.ErrDamaged] if a file of the
// store is missing or damaged.
func Open(dir string, opts Options) (*Store, error) {
	s := &Store{
		opts:   opts.withDefaults(dir),
		dir:    dir,
		queue:  make(chan *request, 1024),
		stop:   make(chan struct{}),
		ended:  make(chan struct{}),
		failed: make(chan struct{}),
	}
	s.recent.init()
	s.log = &pebbleLog{to: s.opts.Logger, fail: s.fail, dir: dir}
	lock, err := s.lock()
	if err != nil {
		return nil, err
	}
	if err := s.start(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// lock takes the folder's lock, which Pebble holds until it is closed.
func (s *Store) lock() (*pebble.Lock, error) {
	if s.onMachine() {
		s.opts.FS = privateFS{s.opts.FS}
		abs, err := filepath.Abs(s.dir) // the lock goes by the name of the folder
		if err != nil {
			return nil, fmt.Errorf("table/embedded: data folder %s: %w", s.dir, err)
		}
		s.dir = abs
	}
	if err := s.checkFolder(); err != nil {
		return nil, err
	}
	if err := s.opts.FS.MkdirAll(s.dir, 0o700); err != nil {
		return nil, s.unusable(err)
	}
	lock, err := pebble.LockDirectory(s.dir, s.opts.FS)
	path := (*fs.PathError)(nil)
	if errors.As(err, &path) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOSPC) {
		return nil, s.unusable(err)
	}
	if err != nil {
		return nil, fmt.Errorf("table/embedded: data folder %s is %w: %w", s.dir, ErrInUse, err)
	}
	return lock, nil
}

func (s *Store) unusable(err error) error {
	return fmt.Errorf("table/embedded: data folder %s: %w; it must be a folder that may be written to, on a disk with room", s.dir, err)
}

func (s *Store) start(lock *pebble.Lock) error {
	s.room = newRoom(s.opts.FS, s.dir, s.opts.Now, s.roomChanged)
	s.record = &record{fs: s.opts.FS, dir: s.dir, room: s.room, next: s.nextSeq.Load, sizes: map[uint64]int64{}}
	if s.dir != "" {
		s.makePrivate()
		if err := s.checkContent(); err != nil {
			return err
		}
	}
	opts := s.pebbleOptions()
	opts.Lock = lock
	if err := s.openPebble(opts); err != nil {
		return s.notOpened(err)
	}
	if err := s.beginLife(); err != nil {
		return errors.Join(s.unusable(err), s.closePebble())
	}
	last, err := s.lastChange()
	if err == nil {
		err = s.openEpochs(last)
	}
	if err != nil {
		return errors.Join(err, s.closePebble())
	}
	s.feed.advance(last)
	syncs := make(chan syncJob, 64)
	go newCommitter(s, syncs, last).run()
	go s.syncer(syncs)
	s.unlock = lock.Close
	return nil
}

// openPebble calls Pebble in a separate goroutine: Pebble may end the goroutine, see pebbleLog.Fatalf, or block it for a
// flush that has failed.
func (s *Store) openPebble(opts *pebble.Options) error {
	type opened struct {
		db  *pebble.DB
		err error
	}
	done := make(chan opened, 1)
	go func() {
		o := opened{err: errors.New("pebble gave up")}
		defer func() {
			if p := recover(); p != nil { // as it does on some damage
				o.err = fmt.Errorf("pebble: %v", p)
			}
			done <- o
		}()
		o.db, o.err = pebble.Open(s.dir, opts)
	}()
	select {
	case o := <-done:
		s.db = o.db
		return errors.Join(o.err, s.Failed())
	case <-s.failed:
		return s.failure
	}
}

// notOpened makes an error of Pebble's readable, which may contain a stack trace and a listing of the folder. An error
// that does not come from the operating system is damage. Pebble does not always report it as corruption, for example a
// table whose size differs from the manifest's.
func (s *Store) notOpened(err error) error {
	if system := syscall.Errno(0); missing(err) || s.Failed() == nil && !errors.As(err, &system) {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return s.damaged("", "%s", text)
	}
	advice := ""
	if text := err.Error(); strings.Contains(text, syscall.ENOSPC.Error()) || strings.Contains(text, syscall.EDQUOT.Error()) { // Pebble wraps not all
		advice = " (the disk is full: make room and open it again, nothing that was acknowledged is lost)"
	}
	return fmt.Errorf("table/embedded: open data folder %s: %w%s", s.dir, err, advice)
}

// beginLife commits an empty batch to learn the next sequence number, and records what the folder contains now.
func (s *Store) beginLife() error {
	if s.dir == "" {
		return nil
	}
	b := s.db.NewBatch()
	if err := errors.Join(b.LogData(nil, nil), s.commit(b)); err != nil {
		return err
	}
	s.nextSeq.Store(uint64(b.SeqNum()))
	if err := errors.Join(b.Close(), s.record.begin(s.nextSeq.Load())); err != nil {
		return err
	}
	if err := s.water.open(s.opts.FS, s.dir, s.waterTurn); err != nil {
		return err
	}
	s.room.opened.Store(true)
	return nil
}

// commit makes the batch durable, in a separate goroutine as openPebble does.
func (s *Store) commit(b *pebble.Batch) error {
	done := make(chan error, 1)
	go func() { done <- b.Commit(pebble.Sync) }()
	select {
	case err := <-done:
		return err
	case <-s.failed:
		return s.failure
	}
}

// enter begins a call. Close waits until every call has left.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.begin() {
		return table.ErrClosed
	}
	return nil
}

func (s *Store) begin() bool {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if !s.closed {
		s.calls.Add(1)
	}
	return !s.closed
}

func (s *Store) leave() { s.calls.Done() }

// Close waits for running calls, makes everything durable and closes the store. Later calls return [table.ErrClosed].
// Another Close returns what the first one returned. A store that failed returns its failure and keeps its folder locked
// until the process ends, since Pebble may still write to it.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	s.calls.Wait()
	close(s.room.ended)
	close(s.stop)
	select {
	case <-s.ended:
	case <-s.failed:
	}
	err := s.closePebble()
	if s.Failed() != nil {
		return err
	}
	return errors.Join(err, s.unlock())
}

// closePebble closes Pebble in a separate goroutine as openPebble does: Pebble may wait for ever for a job that failed.
func (s *Store) closePebble() error {
	if err := s.Failed(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(s.db.Close(), s.water.close()) }()
	select {
	case err := <-done:
		return err
	case <-s.failed:
		return s.failure
	}
}

// Dir returns the absolute path of the store's folder; "" if the store is in memory.
func (s *Store) Dir() string { return s.dir }

// Metrics count since the store was opened.
type Metrics struct {
	Transactions uint64 // committed
	DurableWaits uint64 // calls that waited for an fsync
	SyncGroups   uint64 // requested fsyncs; the log may combine several
	BytesWritten uint64 // log, flushed and compacted tables
	LogBytes     uint64 // the log alone
	BytesOnDisk  uint64 // size of the store now
	BytesFree    uint64 // on its disk now; 0 if unknown
}

type counters struct {
	transactions, waits, syncs atomic.Uint64
}

// Metrics may be called at any time. After Close the bytes are 0.
func (s *Store) Metrics() Metrics {
	m := Metrics{
		Transactions: s.counters.transactions.Load(),
		DurableWaits: s.counters.waits.Load(),
		SyncGroups:   s.counters.syncs.Load(),
	}
	if !s.begin() {
		return m
	}
	defer s.leave()
	p := s.db.Metrics()
	m.LogBytes, m.BytesOnDisk = p.WAL.BytesWritten, p.DiskSpaceUsage()
	m.BytesWritten = m.LogBytes
	if usage, err := s.opts.FS.GetDiskUsage(s.dir); err == nil {
		m.BytesFree = usage.AvailBytes
	}
	for i := range p.Levels {
		l := &p.Levels[i]
		m.BytesWritten += l.TableBytesFlushed + l.TableBytesCompacted + l.BlobBytesFlushed + l.BlobBytesCompacted
	}
	return m
}
