package crash

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tripsaga/trip/domain"
)

// TestBackupUnderLoad copies a server's store while clients book, and serves the copy: it has all that was acknowledged
// before the backup began, its sagas end, its ledger balances. The server is killed in the end and goes on as well.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	dir, d := t.TempDir(), newTold()
	s := start(t, serve(t, dir))
	offer(t, s)
	l := &load{t: t, server: s, told: d}
	l.start(rng)
	await(t, s, l.accepted.ch)
	type backup struct {
		dir  string
		told *told
	}
	var backups []backup
	for range fromEnv(t, roundsEnv, 3) {
		time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
		b := backup{filepath.Join(t.TempDir(), "copy"), d.copy()}
		if out, err := backupOf(t, dir, b.dir).CombinedOutput(); err != nil {
			t.Fatalf("backup: %v\n%s", err, out)
		}
		backups = append(backups, b)
	}
	s.kill(t)
	l.clients.Wait()
	for _, b := range backups {
		t.Logf("trips %v, acknowledged before the backup: %d", verify(t, b.dir, b.told, newFeed()), b.told.bookings)
	}
	verify(t, dir, d, newFeed())
}

func backupOf(t *testing.T, dir, to string, flags ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, append([]string{"backup", "--data", dir, to}, flags...)...)
}

// copy is what has been told so far, without the bookings of which nobody knows.
func (d *told) copy() *told {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newTold()
	for id, trip := range d.trips {
		c.trips[id] = &acknowledgedTrip{booking: trip.booking, end: trip.end}
	}
	c.ids, c.bookings = append(c.ids, d.ids...), d.bookings
	return c
}

// TestSlowCopyUnderLoad copies the folder of a server under load file by file, slowly. The copy opens with all that was
// acknowledged before, or is refused with the advice to use backup.
func TestSlowCopyUnderLoad(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	dir, d := t.TempDir(), newTold()
	s := start(t, serve(t, dir))
	offer(t, s)
	l := &load{t: t, server: s, told: d}
	l.start(rng)
	await(t, s, l.accepted.ch)
	type slow struct {
		dir  string
		told *told
	}
	var copies []slow
	for range fromEnv(t, roundsEnv, 3) {
		c := slow{t.TempDir(), d.copy()}
		copySlowly(t, dir, c.dir)
		copies = append(copies, c)
	}
	s.kill(t)
	l.clients.Wait()
	for i, c := range copies {
		copied := launch(t, serve(t, c.dir))
		if <-copied.ready; copied.url == "" {
			<-copied.gone
			if copied.cmd.Wait(); !strings.Contains(copied.text(), "tripsaga backup") {
				t.Errorf("copy %d is refused with %s", i, copied.text())
			}
			continue
		}
		trips := listed(t, copied)
		for id := range c.told.trips {
			if _, there := trips[id]; !there {
				t.Errorf("copy %d opens without trip %s, acknowledged before", i, id)
			}
		}
		copied.kill(t)
	}
}

// listed walks GET /trips once every saga has ended.
func listed(t *testing.T, s *server) map[string]domain.Status {
	t.Helper()
	everySagaEnds(t, s)
	return list(t, s)
}

func copySlowly(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		in, err := os.Open(filepath.Join(from, e.Name()))
		if err != nil {
			continue // it is gone meanwhile
		}
		out, err := os.OpenFile(filepath.Join(to, e.Name()), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = io.CopyN(out, in, 256<<10)
			time.Sleep(10 * time.Millisecond)
		}
		if in.Close(); out.Close() != nil || err != io.EOF {
			t.Fatal(err)
		}
	}
}
