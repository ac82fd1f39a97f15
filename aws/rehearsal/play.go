// Package rehearsal plays a roll-out in virtual time. The saga's real definition and handlers run over the local engine, in
// two versions behind weighted aliases. CodeDeploy's traffic shift and CloudWatch's alarms are models that follow the
// CloudFormation template. The command tripsaga rehearse calls it.
//
// docs/rehearsal.md says what is real, what is modelled, and with which numbers.
package rehearsal

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/aws/rehearsal/cloudwatch"
	"tripsaga/aws/rehearsal/template"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/handlers"
)

// play is one rehearsal.
type play struct {
	ctx    context.Context
	opt    Options
	clock  *sim.Clock
	random random
	failed error // the first error of the rehearsal itself, not of a booking

	sys       *local.System
	tasks     handlers.Registry
	functions map[string]*function // by handler
	met       map[string]bool      // trips of which the version under test served a delivery

	store    cloudwatch.Store
	arrivals arrivals
	alarms   alarms
	release  release
	traffic  traffic
	timeline timeline

	began     time.Time
	releaseAt time.Time
}

// The minutes that are played before and after the release.
const (
	before = 3
	after  = 3
)

// start is the first moment, to the minute. Each rehearsal begins at some second of it, since releases do not begin with
// CloudWatch's minutes.
var start = time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)

// Run plays a release. It returns an error if the release could not be played or ctx has ended; the outcome of the release,
// good or bad, is in the report. With an error the report has what was played, and is nil if nothing was. Errors: *OptionError.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	p := newPlay(ctx, opt)
	if err := p.open(); err != nil {
		return nil, err
	}
	defer p.sys.Close(context.WithoutCancel(ctx))
	defer p.clock.Close()
	p.begin()
	for p.failed == nil && ctx.Err() == nil && p.clock.Step() {
	}
	if err := cmp.Or(context.Cause(ctx), p.failed); err != nil {
		r := p.played()
		r.Partial = "The rehearsal has ended early: " + err.Error() + "."
		return r, err
	}
	return p.report()
}

func newPlay(ctx context.Context, opt Options) *play {
	p := &play{ctx: ctx, opt: opt, random: newRandom(opt.Seed), met: map[string]bool{}, functions: map[string]*function{}}
	p.began = start.Add(time.Duration(p.random.beginning.IntN(60)) * time.Second)
	p.releaseAt = p.began.Add(before * time.Minute)
	p.clock = sim.NewClock(p.began)
	p.arrivals = newArrivals(opt.Delays, p.random)
	p.alarms = alarms{p: p}
	p.release, p.traffic, p.timeline = release{p: p, began: p.releaseAt}, traffic{p: p}, timeline{p: p}
	for _, f := range opt.Release.Functions {
		p.addFunction(f)
	}
	return p
}

func (p *play) addFunction(spec template.Function) {
	f := &function{Function: spec, tested: p.tests(spec.Handler)}
	f.rollout = &rollout{function: f, group: spec.Group, phase: waiting}
	for _, before := range p.opt.Release.Before.Functions {
		if before.Handler == spec.Handler {
			f.rollout.before = before.Group
		}
	}
	for i, name := range []string{template.OldVersion, template.NewVersion} {
		log := logLines{play: p, function: spec.Name}
		f.versions[i] = &version{name: name, metrics: telemetry.NewEMF(log, spec.Namespace, name)}
	}
	p.functions[spec.Handler] = f
	p.release.rollouts = append(p.release.rollouts, f.rollout)
}

// tests reports whether the function's new version is under test.
func (p *play) tests(handler string) bool {
	switch {
	case p.opt.Bad == Declines:
		return handler == charges
	case p.opt.Function != "":
		return handler == p.opt.Function
	}
	return isTask(handler)
}

func isTask(handler string) bool {
	for _, f := range functions.All() {
		if f.Name == handler {
			return f.Task
		}
	}
	return false
}

// open wires the system. The handlers need the system, so they are made after it, before anything is delivered.
func (p *play) open() (err error) {
	p.sys, err = local.Open(p.ctx, local.Options{
		Scheduler: p.clock, Seed: p.random.saga.Uint64, Random: p.random.ids, MaxOpen: 1 << 30,
		Telemetry: telemetry.Observer{Metrics: watch{}},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			for name := range tasks {
				tasks[name] = p.deliver(name)
			}
			return tasks
		},
	})
	if err != nil {
		return err
	}
	issued := issuer{bank.New(p.sys.Store, p.clock.Now), p.opt.Seed}
	if p.opt.Bad == Declines {
		p.sys.App.Payments = store.NewPayments(p.sys.Store, issued, p.clock.Now)
	}
	p.tasks = handlers.New(p.sys.App, telemetry.Task(telemetry.Observer{Metrics: watch{}}), p.planted)
	return p.loadOffers()
}

func (p *play) begin() {
	p.timeline.tick()
	p.alarms.begin()
	p.traffic.begin()
	p.clock.AfterFunc(before*time.Minute, p.release.begin)
}

// over reports whether the last booking has been made: some minutes after the release.
func (p *play) over() bool {
	ended := p.release.ended
	return !ended.IsZero() && p.clock.Now().Sub(ended) >= after*time.Minute
}

// random has a source for each kind of chance, so that one more draw of one kind does not change all others.
type random struct {
	ids                                        *rand.ChaCha8
	saga                                       *rand.Rand
	orders, routes, latency, faults            *rand.Rand
	lambdaDelays, logDelays, phases, beginning *rand.Rand
	cancels                                    *rand.Rand
}

func newRandom(seed uint64) random {
	n := uint64(0)
	source := func() *rand.Rand {
		n++
		return rand.New(rand.NewPCG(seed, n))
	}
	var key [32]byte
	for i := range key {
		key[i] = byte(seed >> (8 * (i % 8)))
	}
	return random{
		ids: rand.NewChaCha8(key), saga: source(), orders: source(), routes: source(), latency: source(), faults: source(),
		lambdaDelays: source(), logDelays: source(), phases: source(), beginning: source(), cancels: source(),
	}
}
