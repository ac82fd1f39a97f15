package lambda

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// takeRuntimeLog puts the lines that the runtime's library writes by itself into our log. It writes each error that a
// function returns, which is no more than an answer, and what ends the process.
func takeRuntimeLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(runtimeLog{to})
}

type runtimeLog struct{ log *slog.Logger }

// Write takes one line.
func (r runtimeLog) Write(line []byte) (int, error) {
	level := slog.LevelError
	if bytes.HasPrefix(line, []byte(`{"errorMessage":`)) && !bytes.Contains(line, []byte(`"stackTrace":`)) {
		level = slog.LevelInfo
	}
	r.log.LogAttrs(context.Background(), level, "runtime", slog.String("line", string(bytes.TrimSpace(line))))
	return len(line), nil
}
