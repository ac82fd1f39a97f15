//go:build !unix

package rest

// openFiles reports no limit on this system.
func openFiles() (int, bool) { return 0, false }
