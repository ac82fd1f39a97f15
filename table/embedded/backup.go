package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// Checkpoint copies the store into folder dir, which must not exist, while the store is read and written. The copy contains
// everything that was durable at the call: the changes of the stream up to the returned number. It has no file STORE yet.
// [Complete] adds it, so an interrupted copy does not count as a store. The copy shares no file with the store. If ctx ends
// first or the copy fails, dir is removed.
func (s *Store) Checkpoint(ctx context.Context, dir string) (change uint64, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	if err := errors.Join(s.Failed(), s.settle(ctx)); err != nil {
		return 0, err
	}
	s.copying.Lock() // one at a time
	defer s.copying.Unlock()
	if err := s.roomFor(dir); err != nil {
		return 0, err
	}
	s.copyCtx.Store(&ctx)
	change = s.feed.durable()
	done := make(chan error, 1)
	go func() { done <- s.db.Checkpoint(dir, pebble.WithFlushedWAL()) }()
	select {
	case err = <-done:
	case <-s.failed: // Pebble may wait for what failed
		err = s.failure
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return 0, errors.Join(fmt.Errorf("table/embedded: copying data folder %s to %s: %w", s.dir, dir, err), s.opts.FS.RemoveAll(dir))
	}
	return change, nil
}

// roomFor requires the reserve to be free after the copy, which may be on the same disk.
func (s *Store) roomFor(dir string) error {
	usage, err := s.opts.FS.GetDiskUsage(s.opts.FS.PathDir(dir))
	if err != nil {
		return nil // a file system that does not know
	}
	size := s.db.Metrics().DiskSpaceUsage()
	reserve := min(reserveBytes, usage.TotalBytes/reservePart)
	if usage.AvailBytes < size+reserve {
		return fmt.Errorf("%w: the disk of %s has %d MB left, and a copy of data folder %s needs %d MB, of which %d MB stay free", table.ErrFull,
			dir, usage.AvailBytes>>20, s.dir, (size+reserve)>>20, reserve>>20)
	}
	return nil
}

// copiedFile is a file of a copy. Writing to it fails once the context of the Checkpoint has ended.
type copiedFile struct {
	vfs.File
	ctx context.Context
}

func (f *copiedFile) Write(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// Summary describes the content of a store.
type Summary struct {
	Items  int    `json:"items"`
	Bytes  int64  `json:"bytes"`  // of the items, as stored
	Change uint64 `json:"change"` // number of the last change of the stream
}

// Complete turns a copy made by [Store.Checkpoint] or [CopyFiles] into a store. It reads everything, which verifies the
// checksum of each block. change is the number of the last change that the copy must contain.
func Complete(ctx context.Context, dir string, change uint64) (sum Summary, err error) {
	s, err := Open(dir, Options{Salvage: true})
	if err != nil {
		return sum, err
	}
	if sum, err = s.readAll(ctx); err == nil && sum.Change < change {
		err = fmt.Errorf("table/embedded: the copy %s ends with change %d, and the store had %d", dir, sum.Change, change)
	}
	return sum, errors.Join(err, s.Close())
}

// readAll reads every key: items, index and stream.
func (s *Store) readAll(ctx context.Context) (sum Summary, err error) {
	if sum.Change, err = s.lastChange(); err != nil {
		return sum, err
	}
	it, err := s.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return sum, err
	}
	defer func() { err = s.met(errors.Join(err, it.Close())) }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		key, value := it.Key(), it.Value()
		if key[0] != spaceItem {
			continue
		}
		k, err := parseItemKey(key)
		if err == nil {
			_, err = decodeItem(k, value)
		}
		if err != nil {
			return sum, fmt.Errorf("table/embedded: item %q: %w", key, err)
		}
		sum.Items++
		sum.Bytes += int64(len(value))
	}
	return sum, nil
}

// CopyFiles copies the files of a store that is not open, unchanged, to the new folder to. It is for a store that can no
// longer be opened.
func CopyFiles(ctx context.Context, dir, to string) (err error) {
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		return fmt.Errorf("table/embedded: data folder %s: %w: %w", dir, ErrInUse, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if !pebbleFile(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if err := errors.Join(ctx.Err(), vfs.Copy(privateFS{vfs.Default}, filepath.Join(dir, e.Name()), filepath.Join(to, e.Name()))); err != nil {
			return err
		}
	}
	return nil
}
