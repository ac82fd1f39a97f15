package bench

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"

	"tripsaga/local"
	"tripsaga/report"
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

	Profile string // why the profiles could not be written, if they could not

	client time.Duration // CPU of the client, if that is another process
}

// meter reads the usage before and after the measured bookings.
type meter struct {
	begun bool
	cpu   *bytes.Buffer // the profile, if one is wanted
}

// read starts the profiles at its first call and ends them at its second.
func (m *meter) read(sys *local.System, p Profiles) (u Usage, err error) {
	if m.cpu != nil {
		pprof.StopCPUProfile()
	}
	u.RSS = resident()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s := sys.Store.Metrics()
	u.CPU, u.Allocs, u.Heap = cpuTime(), mem.Mallocs, mem.HeapAlloc
	u.Transactions, u.Waits, u.Bytes, u.LogBytes = s.Transactions, s.DurableWaits, s.BytesWritten, s.LogBytes
	if !m.begun {
		m.begun = true
		if p.CPU == "" {
			return u, nil
		}
		m.cpu = new(bytes.Buffer)
		return u, pprof.StartCPUProfile(m.cpu)
	}
	if err := m.write(p); err != nil {
		u.Profile = err.Error()
	}
	return u, nil
}

// write writes the profiles. The CPU profile is in memory until then, because the runtime does not report errors of a file.
func (m *meter) write(p Profiles) error {
	var errs []error
	if m.cpu != nil {
		errs = append(errs, report.WriteFile(p.CPU, m.cpu.Bytes()))
	}
	if p.Allocs != "" {
		var allocs bytes.Buffer
		err := pprof.Lookup("allocs").WriteTo(&allocs, 0)
		if err == nil {
			err = report.WriteFile(p.Allocs, allocs.Bytes())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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
