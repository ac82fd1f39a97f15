package embedded_test

import (
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/tabletest"
)

func open(t testing.TB, dir string, opts embedded.Options) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	for name, dir := range map[string]func(*testing.T) string{
		"memory": func(*testing.T) string { return "" },
		"folder": func(t *testing.T) string { return t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			tabletest.Run(t, func(t *testing.T) table.Table { return open(t, dir(t), embedded.Options{}) })
		})
	}
}
