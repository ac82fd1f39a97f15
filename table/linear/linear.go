package linear

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"tripsaga/table"
)

// Check runs histories on one table, which open gives empty, and fails the test at the first that is not linearizable.
// The failure names the seed and a file that shows the history in a browser.
func Check(t *testing.T, open func(t *testing.T) table.Table, opt Options) {
	t.Helper()
	opt, err := opt.settled()
	if err != nil {
		t.Fatal(err)
	}
	met, err := explore(t.Context(), open(t), opt)
	t.Logf("seed %d: %v", opt.Seed, met)
	if err != nil {
		t.Fatal(err)
	}
}

// tally counts what calls came to.
type tally map[string]int

func explore(ctx context.Context, tab table.Table, opt Options) (tally, error) {
	met := tally{}
	for n := range opt.Histories {
		h := newHistory(ctx, tab, opt, n)
		h.run()
		h.count(met)
		if err := h.judge(); err != nil {
			return met, fmt.Errorf("table/linear: history %d of %d with %s=%d: %w", n+1, opt.Histories, SeedVariable, opt.Seed, err)
		}
	}
	if met["read"] == 0 || met["done"] == 0 {
		return met, fmt.Errorf("table/linear: nothing was checked, the calls came to %v", met)
	}
	return met, nil
}

// undecided is where the search for an order is given up. Histories are of a size that takes milliseconds.
const undecided = 5 * time.Minute

// judge tells why the history is not linearizable.
func (h *history) judge() error {
	if len(h.strange) > 0 {
		return fmt.Errorf("%d answers that the port does not know; the first: %w", len(h.strange), h.strange[0])
	}
	verdict := porcupine.CheckOperationsTimeout(model, h.operations, undecided)
	switch verdict {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("no verdict within %v: make the histories smaller", undecided)
	}
	path, err := h.draw()
	if err != nil {
		return fmt.Errorf("it is not linearizable, and could not be drawn: %w", err)
	}
	return fmt.Errorf("it is not linearizable, see %s", path)
}

// draw writes the history into a file for a browser.
func (h *history) draw() (path string, err error) {
	_, info := porcupine.CheckOperationsVerbose(model, h.operations, undecided)
	info.AddAnnotations(h.notes)
	f, err := os.CreateTemp("", "tripsaga-linear-*.html")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(porcupine.Visualize(model, info, f), f.Close())
}
