package embedded_test

import (
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/linear"
)

func TestLinear(t *testing.T) {
	for name, dir := range map[string]func(*testing.T) string{
		"memory": func(*testing.T) string { return "" },
		"folder": func(t *testing.T) string { return t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(t *testing.T) table.Table { return open(t, dir(t), embedded.Options{}) }, linear.Options{})
		})
	}
}
