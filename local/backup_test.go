package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tripsaga/local"
)

// stopped is the data folder of a system that has been closed.
func stopped(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	sys, err := local.Open(t.Context(), local.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// TestBackupFollowsLinks: a copy is never made in the data folder, by whatever way that is named, and a link to an empty
// folder stays one.
func TestBackupFollowsLinks(t *testing.T) {
	data, other := stopped(t), t.TempDir()
	link(t, data, filepath.Join(other, "to-data"))
	link(t, filepath.Join(other, "nowhere"), filepath.Join(other, "dangling"))
	for _, to := range []string{filepath.Join(other, "to-data", "copy"), filepath.Join(other, "to-data", "a", "b"), filepath.Join(other, "dangling"),
		filepath.Join(other, "to-data")} {
		if _, err := local.Backup(t.Context(), data, to, false); !errors.Is(err, local.ErrBackupPlace) {
			t.Errorf("a backup to %s: %v", to, err)
		}
	}
	if _, err := local.Backup(t.Context(), filepath.Join(other, "to-data"), filepath.Join(data, "copy"), false); !errors.Is(err, local.ErrBackupPlace) {
		t.Errorf("a backup into the data folder, which is named by a link: %v", err)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, disk, filepath.Join(other, "to-disk"))
	if _, err := local.Backup(t.Context(), data, filepath.Join(other, "to-disk"), false); err != nil {
		t.Error(err)
	}
	if at, err := filepath.EvalSymlinks(filepath.Join(other, "to-disk")); err != nil || at != disk {
		t.Errorf("the link leads to %s, %v", at, err)
	}
	sys, err := local.Open(t.Context(), local.Options{Dir: disk})
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestBackupThatEndsEarly leaves no folder, and nothing beside it.
func TestBackupThatEndsEarly(t *testing.T) {
	data, other := stopped(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := local.Backup(ctx, data, filepath.Join(other, "copy"), false); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted backup: %v", err)
	}
	if left, err := os.ReadDir(other); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestBackupBesideAServerThatStarts finds the address of a server that is gone, in a folder that is in use.
func TestBackupBesideAServerThatStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	sys, err := local.Open(t.Context(), local.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close(context.WithoutCancel(t.Context()))
	if err := os.WriteFile(filepath.Join(dir, "SERVER"), []byte(`{"address":"127.0.0.1:1","token":"t"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Backup(t.Context(), dir, filepath.Join(t.TempDir(), "copy"), false); !errors.Is(err, local.ErrBackupNoServer) {
		t.Errorf("%v", err)
	}
}
