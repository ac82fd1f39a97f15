// Package playtest plays scripts in tests, on any system that can book.
package playtest

import (
	"context"
	"io/fs"
	"os"
	"path"
	"testing"

	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/verify/play"
)

// Open opens a system on the stage, and closes it when t ends.
type Open func(t *testing.T, s *play.Stage) play.System

// Run plays the scripts of a folder of scenarios, of the demo and of the checks in parallel, each on a system that open
// returns. It compares each report with the script's part want.
func Run(t *testing.T, folder string, open Open) {
	Each(t, folder, func(t *testing.T, s play.Script) {
		if s.Want == "" {
			t.Fatal("the script has no part want: write it with go test ./tests/scenarios -update")
		}
		got, ordered := Report(t, s, open)
		want := s.Want
		if !ordered {
			want = play.EventsByName(want)
		}
		if want != got {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// Update plays the same scripts as Run and writes their part want. embedded is the folder of play.Scripts in the repository.
func Update(t *testing.T, folder, embedded string, open Open) {
	Each(t, folder, func(t *testing.T, s play.Script) {
		file := path.Join(folder, s.File)
		if _, err := fs.Stat(play.Scripts, s.File); err == nil {
			file = path.Join(embedded, s.File)
		}
		report, _ := Report(t, s, open)
		if err := os.WriteFile(file, s.WithWant(report), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// Each calls f for every script that Run plays.
func Each(t *testing.T, folder string, f func(t *testing.T, s play.Script)) {
	scripts, err := play.Folder(os.DirFS(folder), ".", play.Today)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(scripts, append(play.Embedded("demo", play.Today), play.Embedded("check", play.Today)...)...) {
		t.Run(path.Join(path.Base(path.Dir(s.File)), s.Name), func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

// Report plays one script. ordered is true if its events are in commit order.
func Report(t *testing.T, s play.Script, open Open) (report string, ordered bool) {
	stage := play.NewStage(play.Begin, 1)
	sys := open(t, stage)
	if len(s.Cancels) > 0 && sys.Cancellations == nil {
		t.Fatal("the script cancels a trip, and this system runs no cancellations")
	}
	report, err := stage.Play(t.Context(), sys, &s)
	if err != nil {
		t.Fatal(err)
	}
	return report, sys.Events != nil
}

// Local opens a system in memory, closed when t ends. wrap may replace its table.
func Local(t testing.TB, s *play.Stage, wrap func(table.Table) table.Table) *local.System {
	sys, err := s.Local(context.Background(), wrap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return sys
}
