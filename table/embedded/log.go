package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLog passes Pebble's messages on. A fatal one is no reason to end the process: it makes the store fail.
type pebbleLog struct {
	to   *slog.Logger
	fail func(error)
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

func (l *pebbleLog) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if !errors.Is(err, pebble.ErrClosed) {
				l.to.Error("table/embedded: a background job of the store failed and will be tried again", "error", err)
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) { l.fail(errors.New(info.String())) },
	}
}
