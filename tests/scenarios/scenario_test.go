// Package scenarios runs the scenario files of this folder, see package play, over the embedded store.
package scenarios

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/verify/play"
)

var update = flag.Bool("update", false, "write the part want of each scenario anew, for a person to read the difference")

func TestScenarios(t *testing.T) {
	if *update {
		play.Each(t, ".", rewrite)
		return
	}
	play.Run(t, ".", openEmbedded)
}

// TestScenariosOverShortPages has the same bookings over a table that gives an item at a time.
func TestScenariosOverShortPages(t *testing.T) {
	play.Run(t, ".", func(t *testing.T, env play.Env) play.System {
		sys := openLocal(t, env, faulty.Pages)
		return play.System{App: sys.App, Engine: sys.Engine, Table: faulty.Pages(sys.Store)}
	})
}

func rewrite(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	setPart(archive, "want", play.Report(t, archive, openEmbedded))
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func setPart(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

func openEmbedded(t *testing.T, env play.Env) play.System {
	sys := openLocal(t, env, nil)
	return play.System{
		App: sys.App, Engine: sys.Engine, Table: sys.Store,
		Events: func(ctx context.Context) ([]table.Key, error) {
			changes, err := sys.Store.Stream(ctx, 0, 1000)
			keys := make([]table.Key, len(changes))
			for i, c := range changes {
				keys[i] = c.Item.Key
			}
			return keys, err
		},
	}
}

// openLocal opens everything in this process; wrap may put another table in place of the embedded one.
func openLocal(t *testing.T, env play.Env, wrap func(table.Table) table.Table) *local.System {
	sys, err := local.Open(t.Context(), local.Options{
		Scheduler: env.Scheduler, Seed: env.Seed, Random: env.Random, WrapTasks: env.WrapTasks, WrapTable: wrap,
	})
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
