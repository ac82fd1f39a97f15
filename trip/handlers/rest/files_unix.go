//go:build unix

package rest

import "syscall"

// openFiles returns how many files the process may have open concurrently. ok is false if the limit is unknown.
func openFiles() (int, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return int(min(uint64(limit.Cur), 1<<30)), true
}
