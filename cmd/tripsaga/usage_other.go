//go:build !unix

package main

import "time"

// cpuTime is not to be had here; the benchmark reports 0.
func cpuTime() (time.Duration, bool) { return 0, false }
