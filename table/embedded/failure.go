package embedded

import (
	"errors"
	"fmt"

	"tripsaga/table"
)

// fail makes the store refuse all later writes, and the reads that would have to wait for an fsync.
func (s *Store) fail(err error) {
	s.failing.Do(func() {
		s.failure = &failure{dir: s.dir, cause: err}
		s.opts.Logger.Error(s.failure.Error())
		close(s.failed)
	})
}

// failure is why the store takes no more writes. It counts as [table.ErrClosed], since trying again is in vain.
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

// Refuses is why the store takes no writes now, nil while it takes them. It counts as [table.ErrFull] while the disk is
// nearly full, as [table.ErrDamaged] or [table.ErrClosed] after a failure.
func (s *Store) Refuses() error {
	if err := s.Failed(); err != nil {
		return err
	}
	return s.room.check()
}

// roomChanged tells when writes begin to be refused for want of room, and when they are taken again.
func (s *Store) roomChanged(err error) {
	if err != nil {
		s.opts.Logger.Error(err.Error())
		return
	}
	s.opts.Logger.Warn("table/embedded: there is room on the disk again: writes are taken", "folder", s.dir)
}

// Failed is why the store takes no more writes, nil while it takes them. It counts as [table.ErrClosed].
func (s *Store) Failed() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}
