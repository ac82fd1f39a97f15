package embedded

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of a store. The zero value is ready to use.
type Options struct {
	// FS is the file system of the data folder. nil means the machine's, or a new one in memory when the folder is "".
	FS vfs.FS
	// StreamPrefix selects the items whose Put is a change of the stream: those whose sort key begins with it. ""
	// selects none.
	StreamPrefix string
	// Now tells the time by which items expire; nil means time.Now.
	Now func() time.Time
	// Logger gets what Pebble has to say; nil discards it.
	Logger *slog.Logger
	// Salvage opens what Pebble can open, without a record of what must be there. It is for a copy of a folder that is
	// refused otherwise: what is missing is lost then.
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

// pebbleOptions are tuned for many small items, most of them read soon after they were written or never again, on a
// few cores: large memtables let rewritten items meet before they reach the disk, and compaction runs alone.
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
	// Partitions are mostly in the order of time, and a flush has a bit of each kind. Split, only the parts that really
	// overlap older tables are compacted with them.
	o.FlushSplitBytes = 2 << 20
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	return o
}

// guarded is the file system for Pebble. A store in memory needs no guard.
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

// syncInterval spaces the fsyncs out when many callers wait: each of them costs the CPU the same, and serves whoever has
// come by then. A caller alone never waits for others.
func (s *Store) syncInterval() time.Duration {
	if s.waiting.Load() < crowd {
		return 0
	}
	return crowdInterval
}
