package main

import "testing"

func TestConnectionsLeaveFilesToTheStore(t *testing.T) {
	for files, want := range map[int]int{1: 1, 256: 64, 1024: 448, 20_000: mostConnections, 1 << 30: mostConnections} {
		if got := connectionsOf(files); got != want {
			t.Errorf("of %d files %d are for connections, want %d", files, got, want)
		}
	}
}
