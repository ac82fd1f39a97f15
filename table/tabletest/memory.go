package tabletest

import "tripsaga/table/memory"

// NewMemory returns an empty table in memory, for tests that do not test the table itself.
func NewMemory() *memory.Table { return memory.New() }
