package crash

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// The disks of a child, as its environment names them.
const (
	fullDisk     = "full"
	readOnlyDisk = "read-only"
)

// serveOnDisk serves dir until it is killed. When it is told to on the standard input, the disk fails, for ever.
func serveOnDisk(dir, disk string) error {
	var fails atomic.Bool
	go func() {
		io.ReadFull(os.Stdin, make([]byte, 1))
		fails.Store(true)
	}()
	vfs.Default = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fails.Load() {
			return failure(disk, op.Kind)
		}
		return nil
	}))
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sys, err := local.Open(context.Background(), local.Options{Dir: dir, Log: log})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	log.Warn("serving", "url", "http://"+listener.Addr().String())
	return rest.Server(rest.Guard(sys.API(log), nil)).Serve(listener)
}

// failure is what a full disk says to whatever takes space, and one that cannot be written to whatever changes anything.
func failure(disk string, op errorfs.OpKind) error {
	readOnly := disk == readOnlyDisk
	switch op {
	case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpMkdirAll, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate:
		if !readOnly {
			return syscall.ENOSPC
		}
		return syscall.EROFS
	case errorfs.OpRemove, errorfs.OpRename, errorfs.OpLink, errorfs.OpLock:
		if readOnly {
			return syscall.EROFS
		}
	}
	return nil
}

func TestFullDisk(t *testing.T)     { diskFails(t, fullDisk, syscall.ENOSPC) }
func TestReadOnlyDisk(t *testing.T) { diskFails(t, readOnlyDisk, syscall.EROFS) }

// diskFails lets the disk fail under load. The server must go on to answer, every call that writes and its health with 503; with
// the disk in order again a new server has everything that was acknowledged.
func diskFails(t *testing.T, disk string, failure error) {
	t.Parallel()
	rng := seeded(t)
	dir, d, f := t.TempDir(), newTold(), newFeed()
	first := start(t, serve(t, dir))
	offer(t, first)
	first.stop(t)

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childDisk+"="+disk)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, child)
	l := &load{t: t, server: s, told: d, refusals: 20}
	l.start(rng)
	await(t, s, l.accepted.ch)
	time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
	if _, err := stdin.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	refused := make(chan struct{})
	go func() {
		l.clients.Wait()
		close(refused)
	}()
	await(t, s, refused) // each client has been refused more than 20 times
	before := d.bookings
	refusesToBook(t, s, rng)
	isUnwell(t, s)
	if s.dies(t); !strings.Contains(s.text(), failure.Error()) || strings.Contains(s.text(), "panic") || strings.Contains(s.text(), noJSON) {
		t.Errorf("the log does not tell why:\n%.2000s", s.text())
	}
	got := verify(t, dir, d, f)
	t.Logf("%d bookings acknowledged, %d without an answer or refused; trips %v", before, d.cut, got)
}

// isUnwell wants the server to tell that nothing but a restart helps.
func isUnwell(t *testing.T, s *server) {
	t.Helper()
	answer, err := s.http.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 503 || !strings.Contains(string(body), "until the server is restarted") {
		t.Errorf("GET /healthz without a disk: %d %.300s, %v", answer.StatusCode, body, err)
	}
}

// refusesToBook wants no booking to get through any more.
func refusesToBook(t *testing.T, s *server, rng *rand.Rand) {
	t.Helper()
	l := &load{t: t, server: s, told: newTold(), accepted: newSignal()}
	for range 5 {
		if status, _ := l.book(newBooking(rng)); status != 503 {
			t.Errorf("a booking without a disk was answered with %d", status)
		}
	}
}
