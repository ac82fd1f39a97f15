package rehearsal

import (
	"context"
	"encoding/json"
	"time"

	"tripsaga/aws/rehearsal/template"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/telemetry"
	"tripsaga/trip/domain"
)

// function is a deployed function with its two versions.
type function struct {
	template.Function
	tested   bool // its new version is the one that is bad, if any is
	rollout  *rollout
	versions [2]*version // by [older] and [newer]
}

// The places of the versions.
const (
	older = iota
	newer
)

// version is one version of a function with what it tells of itself.
type version struct {
	name    string
	metrics telemetry.Metrics
}

// delivery is one call of a function by its alias.
type delivery struct {
	function *function
	version  int
	at       time.Time
	took     time.Duration
	outcome  telemetry.Outcome
}

// bad tells whether it met the version under test.
func (d *delivery) bad() bool { return d.version == newer && d.function.tested }

type deliveryKey struct{}

func deliveryOf(ctx context.Context) *delivery {
	d, _ := ctx.Value(deliveryKey{}).(*delivery)
	return d
}

// route picks the version by the alias' weights.
func (p *play) route(f *function) *delivery {
	d := &delivery{function: f, at: p.clock.Now()}
	if p.random.routes.IntN(100) < f.rollout.weight {
		d.version = newer
	}
	d.took = p.latency(d)
	return d
}

// deliver is a task as the engine calls it. The effect comes at the end of the time that the delivery takes.
func (p *play) deliver(name string) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		d := p.route(p.functions[name])
		if !p.clock.Sleep(d.took) {
			return nil, engine.ErrNoReply
		}
		if info, ok := engine.InfoOf(ctx); ok && d.bad() {
			p.met[info.Execution] = true
		}
		// A function goes on when nobody waits for it any more.
		ctx = table.Deferred(context.WithValue(context.WithoutCancel(ctx), deliveryKey{}, d))
		out, err := p.tasks[name](ctx, input)
		p.ended(d, err)
		return out, err
	}
}

// ended counts a call that has ended, as Lambda does and for the timeline.
func (p *play) ended(d *delivery, err error) {
	p.lambda(d, err != nil)
	if d.function.tested {
		p.timeline.delivered(d, err != nil)
	}
}

// watch is the telemetry.Metrics of all functions: each delivery tells the version that serves it. What the wall clock
// measured is replaced by what the delivery took in virtual time.
type watch struct{}

var _ telemetry.Metrics = watch{}

func (watch) Happened(ctx context.Context, what domain.EventType, reason string) {
	if d := deliveryOf(ctx); d != nil {
		d.metrics().Happened(ctx, what, reason)
	}
}

func (watch) Delivered(ctx context.Context, t telemetry.Delivery) {
	d := deliveryOf(ctx)
	d.outcome = t.Outcome
	t.Took = d.took
	d.metrics().Delivered(ctx, t)
}

func (d *delivery) metrics() telemetry.Metrics { return d.function.versions[d.version].metrics }
