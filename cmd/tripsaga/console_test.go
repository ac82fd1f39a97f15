//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// The tests of console.go, which are removed with it; their scripts are below testdata/console.

func TestConsoleScripts(t *testing.T) { runScripts(t, "testdata/console", nil) }

func TestInLabIsForAShell(t *testing.T) {
	if got, want := inLab("my saga.json", "booked"), "tripsaga serve --lab --asl 'my saga.json', then http://127.0.0.1:8080/console/lab/play?schedule=booked"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestServeLab: the lab plays, every page says that the data is thrown away, and there is no data folder.
func TestServeLab(t *testing.T) {
	t.Chdir(t.TempDir())
	s := runServer(t, nil, "serve", "--lab", "--empty", "--addr", "127.0.0.1:0")
	line := s.until("serving")
	if line.URL == "" || line.Data != "" {
		t.Fatalf("it serves at %q from %q", line.URL, line.Data)
	}
	for _, path := range []string{"/console/", "/console/lab", "/console/lab/play?schedule=booked:A.ReserveHotel%231=mute"} {
		answer, err := http.Get(line.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `class="banner"`) {
			t.Errorf("%s: %s, %v", path, answer.Status, err)
		}
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("it has written %v, %v", files, err)
	}
}
