package memory_test

import (
	"testing"

	"tripsaga/table"
	"tripsaga/table/memory"
	"tripsaga/table/tabletest"
)

func TestTable(t *testing.T) {
	tabletest.Run(t, func(*testing.T) table.Table { return memory.New() })
}
