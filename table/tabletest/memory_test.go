package tabletest_test

import (
	"testing"

	"tripsaga/table"
	"tripsaga/table/tabletest"
)

func TestMemory(t *testing.T) {
	tabletest.Run(t, func(*testing.T) table.Table { return tabletest.NewMemory() })
}
