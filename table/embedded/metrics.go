package embedded

import "sync/atomic"

// Metrics count since the store was opened.
type Metrics struct {
	Transactions uint64 // committed
	DurableWaits uint64 // calls that waited for an fsync
	SyncGroups   uint64 // fsyncs asked for; the log may join several into one
	BytesWritten uint64 // log, flushed and compacted tables
	LogBytes     uint64 // the log alone
	BytesOnDisk  uint64 // size of the store now
	BytesFree    uint64 // on its disk now; 0 where the file system does not tell
}

type counters struct {
	transactions, waits, syncs atomic.Uint64
}

// Metrics may be called at any time, also after Close: it then gives zero bytes.
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
