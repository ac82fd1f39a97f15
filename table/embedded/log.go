package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLog passes Pebble's messages on. A fatal one is no reason to end the process: it makes the store fail.
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

// Fatalf ends the goroutine that cannot go on: Pebble's code after it relies on Fatalf not returning, and could, for
// example, delete a log whose table never reached the manifest.
func (l *pebbleLog) Fatalf(format string, args ...any) {
	l.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

// listener makes the store fail when a flush or a compaction does. Pebble would try again at once and for ever, at the
// cost of a CPU, while writes wait for room in memory without being told.
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
				runtime.Goexit() // or the job would begin anew
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.fail(&damagedError{dir: l.dir, file: info.Path, what: fmt.Sprint("it is damaged: ", info.Details)}) // %+v has a stack trace
		},
	}
}

// met is the store's failure in place of an error of Pebble's by which a read met damage.
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
