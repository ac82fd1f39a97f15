// Package scenarios plays the scripts of this folder and of the command, see package play, over the embedded store.
package scenarios

import (
	"context"
	"flag"
	"testing"

	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/verify/play"
	"tripsaga/verify/play/playtest"
)

var update = flag.Bool("update", false, "write the part want of each script, for a person to read the difference")

func TestScenarios(t *testing.T) {
	if *update {
		playtest.Update(t, ".", "../../verify/play", openEmbedded)
		return
	}
	playtest.Run(t, ".", openEmbedded)
}

// TestScenariosOverShortPages plays them over a table that returns one item a page.
func TestScenariosOverShortPages(t *testing.T) {
	playtest.Run(t, ".", func(t *testing.T, s *play.Stage) play.System {
		sys := playtest.Local(t, s, faulty.Pages)
		return play.System{App: sys.App, Engine: sys.Engine, Cancellations: sys.Cancellations, Table: faulty.Pages(sys.Store)}
	})
}

func openEmbedded(t *testing.T, s *play.Stage) play.System {
	sys := playtest.Local(t, s, nil)
	return play.System{
		App: sys.App, Engine: sys.Engine, Cancellations: sys.Cancellations, Table: sys.Store,
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
