//go:build unix

package rie_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
)

const doomedEnv = "TRIPSAGA_RIE_DOOMED"

func init() {
	if fifo := os.Getenv(doomedEnv); fifo != "" && os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		doomed(fifo)
	}
}

// doomed runs a server with a warm process, says so, and waits to be killed. hold is the FIFO that the process holds.
func doomed(hold string) {
	s, err := rie.New(rie.Options{
		Bootstrap: os.Args[0], Functions: []rie.Function{{Name: "Pay", Timeout: time.Minute}}, Env: []string{"HOLD=" + hold},
	})
	if err == nil {
		_, err = s.Invoke(context.Background(), do("tell"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("warm")
	select {}
}

// TestProcessesDieWithTheServer kills a server that has no chance to close, and waits until its process has let go.
func TestProcessesDieWithTheServer(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "hold")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip("no FIFOs here:", err)
	}
	server := exec.CommandContext(t.Context(), os.Args[0])
	server.Env = append(os.Environ(), doomedEnv+"="+fifo)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(fifo) // opens when the process has
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if said, err := io.ReadFull(out, make([]byte, len("warm\n"))); err != nil {
		t.Fatalf("the server said %d bytes: %v", said, err)
	}
	server.Process.Kill()
	server.Wait()
	if _, err := io.ReadAll(held); err != nil { // its end is the process's
		t.Error(err)
	}
}
