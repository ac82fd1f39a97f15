package rehearsal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"tripsaga/aws/rehearsal/template"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
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

// BadVersion is what is wrong with the new version.
type BadVersion string

// The bad versions, and a good one.
const (
	Faults   BadVersion = "faults"   // some of its deliveries fail, part of them after their effect
	Declines BadVersion = "declines" // under it banks decline more cards, which is no fault of the software
	Latency  BadVersion = "latency"  // it needs more than half of the functions' time-out
	None     BadVersion = "none"
)

// BadVersions lists them.
func BadVersions() []BadVersion { return []BadVersion{Faults, Declines, Latency, None} }

// wantsRollback tells what the release must come to.
func (b BadVersion) wantsRollback() bool { return b == Faults || b == Latency }

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

// planted lets deliveries of a bad version fail, within what telemetry observes, as a mistake in the program would.
func (p *play) planted(_ string, next handlers.Handler) handlers.Handler {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		d := deliveryOf(ctx)
		if p.opt.Bad != Faults || !d.bad() || p.random.faults.Float64() >= faultShare {
			return next(ctx, input)
		}
		if p.random.faults.Float64() < lostShare {
			_, _ = next(ctx, input) // whatever it says is lost
		}
		return nil, fault.New(fault.Internal, fault.NameInternal, "planted by the rehearsal")
	}
}

// latency draws how long a delivery takes.
func (p *play) latency(d *delivery) time.Duration {
	if p.opt.Bad == Latency && d.bad() {
		share := slowFrom + (slowTo-slowFrom)*p.random.latency.Float64()
		return time.Duration(share * float64(d.function.Timeout)).Truncate(time.Millisecond)
	}
	ms := min(usualMin+float64(p.random.latency.ExpFloat64()*usualMean), usualMax) // float64: rounded alike by every processor
	return time.Duration(ms * float64(time.Millisecond)).Truncate(time.Microsecond)
}

// The usual latency in milliseconds: a floor, and above it an exponential distribution with a mean, cut off.
const (
	usualMin  = 15
	usualMean = 40
	usualMax  = 1500
)

// issuer stands before the bank and declines cards that a bad version presents, by the bank's own test card. One payment
// has one answer, however often it is asked for.
type issuer struct {
	store.Bank
	seed uint64
}

func (i issuer) Charge(ctx context.Context, key string, amount money.Amount, card string) (string, error) {
	if d := deliveryOf(ctx); d != nil && d.bad() && drawOf(i.seed, key) < declineShare {
		card = bank.Declined
	}
	return i.Bank.Charge(ctx, key, amount, card)
}

// drawOf is a number from 0 to 1 that follows from the key.
func drawOf(seed uint64, key string) float64 {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	h.Write([]byte(key))
	return rand.New(rand.NewPCG(seed, h.Sum64())).Float64()
}
