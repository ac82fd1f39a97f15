package rehearsal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"tripsaga/aws/rehearsal/template"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// function is a deployed function with its two versions.
type function struct {
	template.Function
	tested   bool // its new version is under test: the bad one, if there is a bad one
	rollout  *rollout
	versions [2]*version // indexed by [older] and [newer]
}

// The indices of the versions.
const (
	older = iota
	newer
)

// version is one version of a function with the metrics that it writes.
type version struct {
	name    string
	metrics telemetry.Metrics
	warm    []time.Time // until when each of its processes is at work
}

// delivery is one call of a function by its alias.
type delivery struct {
	function *function
	version  int
	at       time.Time
	took     time.Duration
	outcome  telemetry.Outcome
}

// bad reports whether the version under test served it.
func (d *delivery) bad() bool { return d.version == newer && d.function.tested }

type deliveryKey struct{}

func deliveryOf(ctx context.Context) *delivery {
	d, _ := ctx.Value(deliveryKey{}).(*delivery)
	return d
}

// route picks the version by the weights of the alias.
func (p *play) route(f *function) *delivery {
	d := &delivery{function: f, at: p.clock.Now()}
	if p.random.routes.IntN(100) < f.rollout.weight {
		d.version = newer
	}
	d.took = p.latency(d)
	if p.opt.Bad == Cold && d.bad() {
		v := f.versions[d.version]
		v.warm = append(v.warm, d.at.Add(d.took))
	}
	return d
}

// idle is how long an idle process is kept. Assumption, and a hard one: Lambda promises nothing and keeps it for minutes.
const idle = 30 * time.Second

// first reports whether no process of the version is free for the delivery. One that is free is taken.
func (d *delivery) first() bool {
	v := d.function.versions[d.version]
	for i, until := range v.warm {
		if since := d.at.Sub(until); since >= 0 && since < idle {
			v.warm = slices.Delete(v.warm, i, i+1)
			return false
		}
	}
	return true
}

// deliver returns the task that the engine calls. The effect happens at the end of the time that the delivery takes.
func (p *play) deliver(name string) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		d := p.route(p.functions[name])
		if !p.clock.Sleep(d.took) {
			return nil, engine.ErrNoReply
		}
		if info, ok := engine.InfoOf(ctx); ok && d.bad() {
			p.met[info.Execution] = true
		}
		// On Lambda a function continues when its caller has timed out.
		ctx = table.Deferred(context.WithValue(context.WithoutCancel(ctx), deliveryKey{}, d))
		if p.opt.Bad == Crash && d.bad() {
			d.outcome = telemetry.Fault
			err := fault.New(fault.Internal, fault.NameInternal, "it has crashed")
			p.ended(d, err)
			return nil, err
		}
		out, err := p.tasks[name](ctx, input)
		p.ended(d, err)
		return out, err
	}
}

// ended counts a call that has ended: in Lambda's metrics and in the timeline.
func (p *play) ended(d *delivery, err error) {
	p.lambda(d, err != nil)
	if d.function.tested {
		p.timeline.delivered(d, err != nil)
	}
}

// watch is the telemetry.Metrics of all functions. It passes each delivery on to the metrics of the version that served it,
// with its duration in virtual time in place of that by the wall clock.
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

// BadVersion is what is wrong with the new version.
type BadVersion string

// The bad versions, and a good one.
const (
	Faults   BadVersion = "faults"   // some of its deliveries fail, some of these after their effect
	Crash    BadVersion = "crash"    // it ends before it writes anything; the hook has not seen that
	Declines BadVersion = "declines" // with it banks decline more cards, which is not a fault of the software
	Latency  BadVersion = "latency"  // it needs more than half of the functions' time-out
	Cold     BadVersion = "cold"     // it is good, and each first call of a process as slow as that
	None     BadVersion = "none"

	Refused   BadVersion = "definition-refused" // by Step Functions
	RingsOn   BadVersion = "alarm-rings-on"     // it begins to fail when all have changed, and an alarm rings when the stack goes back
	HookFails BadVersion = "hook-fails"         // the same, and the stack goes back before an alarm rings: a trial with it fails
)

// BadVersions lists them.
func BadVersions() []BadVersion {
	return []BadVersion{Faults, Crash, Declines, Latency, Cold, None, Refused, RingsOn, HookFails}
}

// wantsRollback reports whether the release must be rolled back.
func (b BadVersion) wantsRollback() bool {
	return slices.Contains([]BadVersion{Faults, Crash, Latency, Refused, RingsOn, HookFails}, b)
}

// The figures of the bad versions.
const (
	faultShare   = 0.10 // of the deliveries
	lostShare    = 0.30 // of the faults: the effect is committed, the reply is lost
	declineShare = 0.30 // of the cards
	slowFrom     = 0.50 // of the function's time-out
	slowTo       = 0.80
)

// charges is the task at which cards are declined.
const charges = "ProcessPayment"

// planted makes deliveries of a bad version fail as a mistake in the program would: inside of what telemetry observes.
func (p *play) planted(_ string, next handlers.Handler) handlers.Handler {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		d := deliveryOf(ctx)
		if !p.faulty() || !d.bad() || p.random.faults.Float64() >= faultShare {
			return next(ctx, input)
		}
		if p.random.faults.Float64() < lostShare {
			_, _ = next(ctx, input) // its reply is lost
		}
		return nil, fault.New(fault.Internal, fault.NameInternal, "planted by the rehearsal")
	}
}

// faulty reports whether the bad version has begun to fail.
func (p *play) faulty() bool {
	return p.opt.Bad == Faults || p.release.shifted && (p.opt.Bad == RingsOn || p.opt.Bad == HookFails)
}

// latency draws how long a delivery takes.
func (p *play) latency(d *delivery) time.Duration {
	if d.bad() && (p.opt.Bad == Latency || p.opt.Bad == Cold && d.first()) {
		share := slowFrom + (slowTo-slowFrom)*p.random.latency.Float64()
		return time.Duration(share * float64(d.function.Timeout)).Truncate(time.Millisecond)
	}
	ms := min(usualMin+float64(p.random.latency.ExpFloat64()*usualMean), usualMax) // float64 forces the same rounding on every processor
	return time.Duration(ms * float64(time.Millisecond)).Truncate(time.Microsecond)
}

// The usual latency in milliseconds: a minimum plus an exponential distribution with this mean, up to a maximum.
const (
	usualMin  = 15
	usualMean = 40
	usualMax  = 1500
)

// issuer wraps the provider. It declines cards that a bad version presents, by passing the bank's own test card on. A
// payment always gets the same answer, however often it is delivered.
type issuer struct {
	domain.PaymentProvider
	seed uint64
}

func (i issuer) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	if d := deliveryOf(ctx); d != nil && d.bad() && drawOf(i.seed, id) < declineShare {
		card = bank.Declined
	}
	return i.PaymentProvider.Confirm(ctx, id, card)
}

// drawOf returns a number in [0, 1) that depends on the seed and the key alone.
func drawOf(seed uint64, key string) float64 {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	h.Write([]byte(key))
	return rand.New(rand.NewPCG(seed, h.Sum64())).Float64()
}
