package bench

import (
	"bytes"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"

	"tripsaga/local"
)

// Profiles are files for go tool pprof, which the process that runs the sagas writes about the measured bookings; "" writes no
// file.
type Profiles struct {
	CPU    string
	Allocs string // since the process began
}

// Usage is the resources that a process and its store have used so far.
type Usage struct {
	CPU          time.Duration
	Allocs       uint64
	Heap         uint64 // bytes in use, garbage collected
	RSS          uint64 // bytes resident before that
	Transactions uint64
	Waits        uint64
	Bytes        uint64
	LogBytes     uint64

	client time.Duration // CPU of the client, if that is another process
}

// meter reads the usage before and after the measured bookings.
type meter struct{ cpu *os.File }

// read starts the profiles at its first call and ends them at its second.
func (m *meter) read(sys *local.System, p Profiles) (u Usage, err error) {
	if m.cpu != nil {
		pprof.StopCPUProfile()
		err = m.cpu.Close()
	}
	u.RSS = resident()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s := sys.Store.Metrics()
	u.CPU, u.Allocs, u.Heap = cpuTime(), mem.Mallocs, mem.HeapAlloc
	u.Transactions, u.Waits, u.Bytes, u.LogBytes = s.Transactions, s.DurableWaits, s.BytesWritten, s.LogBytes
	switch {
	case err != nil:
	case m.cpu == nil && p.CPU != "":
		if m.cpu, err = os.Create(p.CPU); err == nil {
			err = pprof.StartCPUProfile(m.cpu)
		}
	case p.Allocs != "":
		var profile bytes.Buffer
		if err = pprof.Lookup("allocs").WriteTo(&profile, 0); err == nil {
			err = os.WriteFile(p.Allocs, profile.Bytes(), 0o644)
		}
	}
	return u, err
}

// resident returns the resident memory of the process in bytes, 0 on systems without /proc.
func resident() uint64 {
	statm, _ := os.ReadFile("/proc/self/statm")
	if fields := bytes.Fields(statm); len(fields) > 1 {
		pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
		return pages * uint64(os.Getpagesize())
	}
	return 0
}
