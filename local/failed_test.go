package local_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// TestAFailedStore fills the disk: the server's health reports it from then on, and Close reports it once.
func TestAFailedStore(t *testing.T) {
	full := fullDisk(t)
	sys, err := local.Open(t.Context(), local.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	reasons := &reasons{}
	api := rest.Metered(sys.API(slog.New(slog.DiscardHandler)), reasons)
	if status, answer, _ := call(t, api, "GET", "/healthz", "", ""); status != http.StatusOK {
		t.Errorf("while there is room: %d %v", status, answer)
	}
	full.Store(true)
	const reason = "the store takes no more writes until the server is restarted"
	if status, _, _ := call(t, api, "POST", "/trips", "", strings.Replace(happy, "CARD", "tok_ok", 1)); status != http.StatusServiceUnavailable {
		t.Errorf("the booking that fills the disk: %d", status)
	}
	for method, path := range map[string]string{"GET": "/healthz", "POST": "/trips"} {
		status, answer, _ := call(t, api, method, path, "", strings.Replace(happy, "CARD", "tok_ok", 1))
		if status != http.StatusServiceUnavailable || answer["detail"] != reason {
			t.Errorf("%s %s: %d %v", method, path, status, answer)
		}
	}
	if n := reasons.of("store"); n != 3 {
		t.Errorf("%d requests are counted as refused by the store, want 3", n)
	}
	err = sys.Close(context.WithoutCancel(t.Context()))
	if err == nil || strings.Count(err.Error(), syscall.ENOSPC.Error()) != 1 {
		t.Errorf("Close: %v", err)
	}
}

// fullDisk is a disk that can be made full. Stores that are opened in this test are on it.
func fullDisk(t *testing.T) *atomic.Bool {
	t.Helper()
	var full atomic.Bool
	disk := vfs.Default
	t.Cleanup(func() { vfs.Default = disk })
	vfs.Default = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate:
			if full.Load() {
				return syscall.ENOSPC
			}
		}
		return nil
	}))
	return &full
}
