package embedded

import (
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
	return fmt.Sprintf("table/embedded: the store in %q failed and takes no more writes until it is opened again: %v", f.dir, f.cause)
}

func (f *failure) Unwrap() []error { return []error{f.cause, table.ErrClosed} }

// Failed is why the store takes no more writes, nil while it takes them. It counts as [table.ErrClosed].
func (s *Store) Failed() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}
