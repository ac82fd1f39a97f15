package browser

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// A server in a separate process, to be killed: this test's executable, which main starts otherwise.

const serveVariable = "TRIPSAGA_BROWSER_SERVE" // address and data folder

// serveProcess serves until it is killed.
func serveProcess(args string) error {
	var address, dir string
	if _, err := fmt.Sscan(args, &address, &dir); err != nil {
		return err
	}
	sys, err := local.Open(context.Background(), local.Options{Dir: dir})
	if err != nil {
		return err
	}
	if _, err := sys.KeepDemoInventory(context.Background()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return rest.Server(handler(sys)).Serve(listener)
}

// spawn starts a server and waits until it serves.
func spawn(t *testing.T, address, dir string) (served string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+address+" "+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(kill)
	if _, err := fmt.Fscan(bufio.NewReader(out), &served); err != nil {
		t.Fatal("the server does not serve: ", err)
	}
	return served, kill
}

// TestServerKilled kills the server while a live page is open, and starts it again: the page says that it is not live, and
// is right again by itself.
func TestServerKilled(t *testing.T) {
	dir := t.TempDir()
	address, kill := spawn(t, "127.0.0.1:0", dir)
	s := &server{T: t, base: "http://" + address, now: time.Now}
	p := openTab(t, s.base, look{})
	p.allow("ERR_CONNECTION_REFUSED")
	p.allow("ERR_INCOMPLETE_CHUNKED_ENCODING")
	p.visit("/console/")
	p.sees(`#live[data-state="on"]`)
	first := s.book(booking{})
	p.sees(row(first), "Confirmed")
	p.until(`window.same = true`)
	kill()
	p.sees(`#live[data-state="off"]`, "no connection")
	spawn(t, address, dir)
	p.sees(`#live[data-state="on"]`)
	second := s.book(booking{name: "Grace Hopper"})
	p.sees(row(second), "Grace Hopper", "Confirmed")
	p.sees(row(first), "Ada Lovelace", "Confirmed")
	if !value[bool](p, `window.same === true`) {
		t.Error("the page was loaded again")
	}
}
