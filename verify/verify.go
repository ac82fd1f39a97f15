// Package verify explores what can go wrong with a booking: it plays every schedule of faults up to a depth against the
// real saga (package world), has each judged by an independent model (package model), and tells of every violation the
// shortest schedule that shows it. The command tripsaga verify calls it.
//
// The exploration is a search. The points of a run without faults, at each of which several faults can happen, give the
// schedules of one fault; the points that come after the fault in the run of such a schedule give those of two. A fault
// that changes what follows, as nearly all do, so meets every point of what follows, retries and compensations included.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/verify/model"
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

// maxViolations are kept: a broken saga breaks in nearly every schedule.
const maxViolations = 1000

// take counts a run and keeps what it violates.
func (x *exploration) take(s world.Schedule, r *world.Result, count *int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Schedules++
	if count != nil {
		*count++
	}
	x.report.ends[r.End] = true
	told := map[string]bool{}
	for _, v := range r.Violations {
		if told[v.Invariant] {
			continue
		}
		if x.report.Found++; len(x.report.Violations) < maxViolations {
			x.report.Violations = append(x.report.Violations, violationOf(s, v))
		}
		told[v.Invariant] = true
	}
}

func violationOf(s world.Schedule, v model.Violation) Violation {
	all := Violation{ID: s.String(), Invariant: v.Invariant, Detail: v.Detail, Schedule: []string{}}
	for _, f := range s.Faults {
		all.Schedule = append(all.Schedule, f.String())
	}
	return all
}

func (x *exploration) begin(stage string, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stage = Progress{Stage: stage, All: n}
	x.tell()
}

func (x *exploration) advance() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stage.Done++
	x.tell()
}

func (x *exploration) tell() {
	if x.opt.Progress == nil {
		return
	}
	x.stage.Schedules, x.stage.Violations = x.report.Schedules, len(x.report.Violations)
	x.opt.Progress(x.stage)
}

// Shrink takes faults out of a schedule as long as it still breaks the invariant.
func Shrink(ctx context.Context, w *world.World, s world.Schedule, invariant string) (world.Schedule, error) {
	for i := 0; i < len(s.Faults); {
		less := s.Without(i)
		r, err := w.Run(ctx, less)
		if err != nil {
			return s, err
		}
		if breaks(r, invariant) {
			s, i = less, 0
			continue
		}
		i++
	}
	return s, nil
}

func breaks(r *world.Result, invariant string) bool {
	return slices.ContainsFunc(r.Violations, func(v model.Violation) bool { return v.Invariant == invariant })
}

// Missed is an error when faults of the schedule did not come to pass: another schedule was played than was asked for.
func Missed(s world.Schedule, r *world.Result) error {
	if n := len(s.Faults) - r.Happened; n > 0 {
		return fmt.Errorf("%d of the %d faults did not come to pass: there is no such point, or no such fault at it", n, len(s.Faults))
	}
	return nil
}

// Replay plays one schedule. The error may come with the report: a fault did not come to pass.
func Replay(ctx context.Context, w *world.World, s world.Schedule) (*Report, error) {
	r, err := w.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &exploration{}
	x.report.Violations, x.report.ends = []Violation{}, map[uint64]bool{}
	x.take(s, r, nil)
	return &x.report, Missed(s, r)
}
