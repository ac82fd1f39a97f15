// Package verify explores what can go wrong with a saga: it plays every schedule of faults up to a given depth against the real
// program (package world), judges each run, and reports for every violation the shortest schedule that shows it.
//
// For your own saga, call [Run] in a test; docs/use-as-library.md leads there from an empty folder. [Mutants] tests whether
// bugs in the saga would be found. The rest of the package is for the command tripsaga verify, which explores the trip (package
// verify/trip).
//
//	func TestSaga(t *testing.T) {
//		verify.Run(t, verify.Saga{
//			Definition: definition,
//			Open:       func(p *verify.Program) map[string]engine.Task { return tasks(p.Table) }, // as in production
//			Scenarios:  []verify.Scenario{{Name: "sold", Inputs: []any{order}}},
//		})
//	}
//
// The exploration is a search. A run without faults has some thirty points, at each of which several faults can happen: these
// are the schedules of one fault. Nearly every fault changes what follows. So the points for a second fault are those that
// follow the first fault in the run that has it, retries and compensations included.
//
// An exhaustive search would take too long: a late call alone could resume before each of hundreds of later points. So a
// schedule is left out if another schedule has the same future. The rules, in the order in which they are applied:
//   - moot choices: a fault at one point that is equivalent to another fault at another point (world.Choice);
//   - landings: places at which resuming a paused call makes no difference (landing);
//   - signatures: first faults after which everything continues as after another one, or as without a fault (signature);
//   - rules that also leave out schedules that are not equivalent, some of them the subject's (leaveout.go, world.LeaveOut).
//
// Options.Whole explores without them; TestNothingIsLostByLeavingOut compares the two.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// Options select what is explored.
type Options struct {
	World     world.Config
	Depth     int      // faults of one schedule: 1, or 2 for pairs as well; 0 runs without faults
	Triples   int      // schedules of three faults, drawn by Seed
	Seed      uint64   // of everything that is drawn
	Scenarios []string // empty: all
	Only      string   // text that the id of a schedule with the most faults must contain; empty: any
	OneIn     int      // run one in OneIn schedules, drawn by Seed; 0 and 1: all
	Whole     bool     // no schedule is left out because another one has the same future
	Enough    bool     // stop after the batch of schedules that found a violation
	Workers   int      // worlds that run concurrently; 0: two per processor

	Progress func(Progress)

	allSingles bool // OneIn leaves out no single faults except late or repeated calls, and faults in another order
}

// Progress is the progress of an exploration.
type Progress struct {
	Stage      string // singles, pairs, ...
	Done, All  int    // parts of it
	Schedules  int
	Violations int
}

// Report is the result of an exploration.
type Report struct {
	Schedules   int         `json:"schedules"`
	Singles     int         `json:"singles"`
	Pairs       int         `json:"pairs"`
	Triples     int         `json:"triples"`
	Interleaved int         `json:"interleaved"`       // singles in which another actor's work is split
	Reordered   int         `json:"reordered"`         // singles with another order of equal events
	Same        int         `json:"same_future"`       // singles with the same future as another one, so that their pairs are equivalent
	Ends        int         `json:"ends"`              // number of different final states of the records
	Violations  []Violation `json:"violations"`        // the first of them, see maxViolations
	Found       int         `json:"violations_found"`  // all of them
	Partial     bool        `json:"partial,omitempty"` // it was interrupted: what was not run is not verified
	Seconds     float64     `json:"seconds"`
	PerSecond   float64     `json:"schedules_per_s"`

	Explored  []Explored     `json:"explored"`
	Scenarios []Played       `json:"scenarios"`
	Broken    map[string]int `json:"broken_invariants"` // number of schedules that violated it, by name
	Coverage  *Coverage      `json:"-"`                 // nil if the exploration ended before everything was run

	ends   map[uint64]bool // hashes of the final records of all runs
	counts counts
}

func newReport() Report {
	return Report{Violations: []Violation{}, Broken: map[string]int{}, ends: map[uint64]bool{}, counts: newCounts()}
}

// sum fills the lists of the report from the counts.
func (r *Report) sum(subject *world.Subject) {
	r.Ends, r.Explored, r.Scenarios = len(r.ends), r.counts.explored(subject), r.counts.played(subject)
}

// Violation is an invariant that a schedule violated.
type Violation struct {
	ID        string   `json:"id"` // id of the schedule
	Invariant string   `json:"invariant"`
	Detail    string   `json:"detail"`
	Schedule  []string `json:"schedule"` // its faults

	hung bool // the run did not return
}

// Explore runs the schedules. With an error (a schedule could not be played, or ctx has ended), the report contains what was
// found until then. While it runs, the whole process collects garbage less often, unless GOGC is set in the environment: it may
// use 256 MB more, or eight times what it holds itself.
func Explore(ctx context.Context, opt Options) (*Report, error) {
	if opt.Whole {
		opt.World.Retries = world.AllInAll
	}
	defer collectSeldom()()
	x := &exploration{opt: opt, report: newReport()}
	began := time.Now()
	err := x.explore(ctx)
	r := &x.report
	r.sum(x.subject())
	if r.Partial = err != nil; !r.Partial && !x.enough() {
		r.Coverage = x.coverage()
	}
	if errors.Is(err, errStuck) { // reported as a violation
		err = nil
	}
	if r.Seconds = time.Since(began).Seconds(); r.Seconds > 0 {
		r.PerSecond = float64(r.Schedules) / r.Seconds
	}
	slices.SortFunc(r.Violations, func(a, b Violation) int {
		return cmp.Or(hungFirst(a, b), cmp.Compare(len(a.Schedule), len(b.Schedule)), cmp.Compare(x.place(a), x.place(b)), cmp.Compare(len(a.ID), len(b.ID)),
			cmp.Compare(a.ID, b.ID), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Invariant, b.Invariant))
	})
	return r, err
}

// hungFirst orders a run that hung, which has ended the exploration, first.
func hungFirst(a, b Violation) int {
	switch {
	case a.hung == b.hung:
		return 0
	case a.hung:
		return -1
	}
	return 1
}

// rank orders violations that are mere consequences last: a saga that goes wrong may also take long.
func rank(v Violation) int {
	if v.Invariant == world.InTime {
		return 1
	}
	return 0
}

// place orders the violations of the simplest scenario first.
func (x *exploration) place(v Violation) int {
	name, _, _ := strings.Cut(v.ID, ":")
	name, _, _ = strings.Cut(name, "~")
	return slices.Index(x.subject().ScenarioNames(), name)
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

// enough reports whether the exploration stops at the first violation and has found one.
func (x *exploration) enough() bool { return x.opt.Enough && len(x.report.Violations) > 0 }

// maxViolations is the maximum number of violations in a report: a saga with a bug may violate invariants in nearly every
// schedule.
const maxViolations = 1000

// take counts a run and records its violations.
func (x *exploration) take(s world.Schedule, r *world.Result, count *int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Schedules++
	if count != nil {
		*count++
	}
	x.report.ends[r.End] = true
	x.report.counts.add(s, len(r.Violations) > 0)
	told := map[string]bool{}
	for _, v := range r.Violations {
		if told[v.Invariant] {
			continue
		}
		if x.report.Found++; len(x.report.Violations) < maxViolations {
			one := violationOf(s, v)
			one.hung = r.Hung
			x.report.Violations = append(x.report.Violations, one)
		}
		x.report.Broken[v.Invariant]++
		told[v.Invariant] = true
	}
}

func violationOf(s world.Schedule, v judge.Violation) Violation {
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

// Shrink removes faults from a schedule as long as it still violates the invariant.
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
	return slices.ContainsFunc(r.Violations, func(v judge.Violation) bool { return v.Invariant == invariant })
}

// Missed returns an error if faults of the schedule did not happen: then the run is not the requested schedule.
func Missed(s world.Schedule, r *world.Result) error {
	n := len(s.Faults) - r.Happened
	if n <= 0 {
		return nil
	}
	err := fmt.Errorf("%d of the %d faults did not come to pass: there is no such point, or no such fault at it", n, len(s.Faults))
	for _, f := range s.Faults {
		at := slices.IndexFunc(r.Points, func(p world.Point) bool { return p.Label == f.At })
		switch {
		case at < 0:
			return fmt.Errorf("%w; there is no %s, but %s", err, f.At, nearest(f.At, r.Points))
		case r.Points[at].Hit == "":
			return fmt.Errorf("%w; %s does not happen at %s, but %s", err, f.Kind, f.At, strings.Join(kindsAt(&r.Points[at]), ", "))
		}
	}
	return err
}

// nearest lists the points of the same delivery or, if there are no such points, all deliveries and calls.
func nearest(l sim.Label, points []world.Point) string {
	const most = 12
	var same, all []string
	for i := range points {
		p := points[i].Label
		if p.Saga == l.Saga && p.Actor == l.Actor && p.N == l.N {
			same = append(same, p.String())
		}
		p.Op, p.I, p.Try = "", 0, 0
		if who := p.String(); !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	if len(same) > 0 {
		all = same
	}
	if left := len(all) - most; left > 0 {
		all = append(all[:most:most], fmt.Sprintf("%d more", left))
	}
	return strings.Join(all, ", ")
}

// kindsAt lists the faults that can happen at a point.
func kindsAt(p *world.Point) (all []string) {
	for c := range p.Choices() {
		if kind := string(c.Kind); !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	late, again := p.Delays()
	if late {
		all = append(all, string(sim.Late))
	}
	if again {
		all = append(all, string(sim.Again))
	}
	return all
}

// Replay plays one schedule. Both a report and an error are returned if a fault of the schedule did not happen.
func Replay(ctx context.Context, w *world.World, s world.Schedule) (*Report, error) {
	r, err := w.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &exploration{report: newReport()}
	x.take(s, r, nil)
	x.report.sum(w.Subject())
	return &x.report, Missed(s, r)
}
