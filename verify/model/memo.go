package model

import (
	"encoding/json"
	"sync"
)

// memo remembers what data were decoded to. The runs of one exploration write the same few records over and over, so
// that most of the decoding is saved. It is shared by all judges.
type memo[T any] struct {
	mu    sync.RWMutex
	known map[string]T
}

const mostKnown = 4096 // then it begins anew

var (
	trips      memo[trip]
	steps      memo[step]
	intents    memo[intent]
	entries    memo[entry]
	events     memo[event]
	executions memo[execution]
	offers     memo[offer]
)

// decode gives the record in data; the caller must not change what hangs on it. What cannot be read comes with an error
// and as far as it got.
func (m *memo[T]) decode(data []byte) (T, error) {
	m.mu.RLock()
	r, ok := m.known[string(data)]
	m.mu.RUnlock()
	if ok {
		return r, nil
	}
	var fresh T
	if err := json.Unmarshal(data, &fresh); err != nil {
		return fresh, err
	}
	m.keep(data, fresh)
	return fresh, nil
}

func (m *memo[T]) keep(data []byte, r T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= mostKnown {
		m.known = make(map[string]T)
	}
	m.known[string(data)] = r
}
