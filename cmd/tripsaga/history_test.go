package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/shared/history"
	"tripsaga/trip/saga"
)

func TestTimeline(t *testing.T) {
	files, err := filepath.Glob("testdata/timeline/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			parts := sections(t, file)
			events, err := history.Decode(rawEvents(parts["history"]))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			p := &program{stdout: &out}
			read := history.Read(events)
			p.printTimeline(saga.Booking().Name(), read)
			p.printEnd(read)
			if out.String() != parts["want"] {
				t.Errorf("got\n%swant\n%s", &out, parts["want"])
			}
			drawn, err := picture(saga.Booking(), read, 80, false)
			if want := parts["picture"]; err != nil || want != "" && drawn != want {
				t.Errorf("%v, drawn\n%swant\n%s", err, drawn, want)
			}
		})
	}
}

func sections(t *testing.T, file string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range archive.Files {
		parts[f.Name] = string(f.Data)
	}
	return parts
}

// rawEvents takes one event a line.
func rawEvents(text string) (events []json.RawMessage) {
	for text := range strings.Lines(text) {
		events = append(events, json.RawMessage(text))
	}
	return events
}
