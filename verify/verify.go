package verify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tripsaga/verify/world"
)

// Options say what is explored.
type Options struct {
	World     world.Config
	Depth     int      // faults of one schedule: 1, or 2 for pairs as well; 0 runs without faults
	Triples   int      // schedules of three faults, drawn at random
	Seed      uint64   // of what is drawn
	Scenarios []string // to play; none are all
	Only      string   // in the ids of the schedules of most faults; those without it are left out
	OneIn     int      // of so many schedules one is run, drawn by the seed; 0 and 1 are all
	Whole     bool     // no schedule is left out because another one has the same future
	Enough    bool     // stop when something was found, at the end of a stage or of a batch of pairs
	Workers   int      // worlds at once; 0 is two a processor

	Progress func(Progress)
}

// Progress is how far an exploration is.
type Progress struct {
	Stage      string // singles, pairs, ...
	Done, All  int    // parts of it
	Schedules  int
	Violations int
}

// Report is what came of an exploration.
type Report struct {
	Schedules   int         `json:"schedules"`
	Singles     int         `json:"singles"`
	Pairs       int         `json:"pairs"`
	Triples     int         `json:"triples"`
	Interleaved int         `json:"interleaved"`       // singles in which somebody else's work is split
	Reordered   int         `json:"reordered"`         // singles with another order of equal events
	Same        int         `json:"same_future"`       // singles that go on as another one does, so that their pairs are its pairs
	Ends        int         `json:"ends"`              // different records in the end
	Violations  []Violation `json:"violations"`        // the first of them, see maxViolations
	Found       int         `json:"violations_found"`  // all of them
	Partial     bool        `json:"partial,omitempty"` // it was interrupted: what was not run is not verified
	Seconds     float64     `json:"seconds"`
	PerSecond   float64     `json:"schedules_per_s"`

	ends map[uint64]bool // the records in the end, of every run
}

// Violation is an invariant that a schedule broke.
type Violation struct {
	ID        string   `json:"id"` // of the schedule
	Invariant string   `json:"invariant"`
	Detail    string   `json:"detail"`
	Schedule  []string `json:"schedule"` // its faults
}

// Explore runs the schedules. An error tells that it could not be done, or that ctx has ended; what was found until then
// is in the report.
func Explore(ctx context.Context, opt Options) (*Report, error) {
	x := &exploration{opt: opt}
	x.report.Violations = []Violation{}
	x.report.ends = map[uint64]bool{}
	began := time.Now()
	err := x.explore(ctx)
	r := &x.report
	r.Ends, r.Partial = len(r.ends), err != nil
	if errors.Is(err, errStuck) { // which is among the violations
		err = nil
	}
	if r.Seconds = time.Since(began).Seconds(); r.Seconds > 0 {
		r.PerSecond = float64(r.Schedules) / r.Seconds
	}
	slices.SortFunc(r.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(len(a.Schedule), len(b.Schedule)), cmp.Compare(place(a), place(b)), cmp.Compare(len(a.ID), len(b.ID)),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Invariant, b.Invariant))
	})
	return r, err
}

// place puts the violations of the simplest scenario first.
func place(v Violation) int {
	name, _, _ := strings.Cut(v.ID, ":")
	name, _, _ = strings.Cut(name, "~")
	return slices.Index(world.ScenarioNames(), name)
}

const stageSingles = "singles"

func (x *exploration) explore(ctx context.Context) error {
	roots, err := x.roots(ctx, 0)
	if err != nil || x.opt.Depth < 1 || x.enough() {
		return err
	}
	singles, err := x.singles(ctx, stageSingles, roots, &x.report.Singles)
	if err != nil || x.enough() {
		return err
	}
	if err := x.reordered(ctx); err != nil || x.enough() {
		return err
	}
	x.markSame(roots, singles)
	if x.opt.Depth > 1 {
		if err := x.pairs(ctx, singles); err != nil || x.enough() {
			return err
		}
	}
	return x.triples(ctx)
}

// enough tells that something was found, and that this is all that was asked for.
func (x *exploration) enough() bool { return x.opt.Enough && len(x.report.Violations) > 0 }
