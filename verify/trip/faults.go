package trip

import (
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// Kinds of fault in addition to those of package world. docs/verify.md lists all of them in one table.
const (
	Decline sim.Kind = "decline" // the bank declines the card
	Forget  sim.Kind = "forget"  // the provider forgets all idempotency keys just before it
	Stored  sim.Kind = "stored"  // the provider fails, and repeats that error for as long as it remembers the key
	Busy    sim.Kind = "busy"    // the provider is busy with another call of the same payment
	Hint    sim.Kind = "hint"    // its webhook reports the payment just before it, twice, whatever the moment

	// Another actor works between two operations.
	Overdue sim.Kind = "overdue" // the reconciler runs just before it and treats every open trip as overdue
	Load    sim.Kind = "load"    // just before it, more of what it touches is offered at a higher price
	Lower   sim.Kind = "lower"   // just before it, less of what it touches is offered at a higher price
	Cancel  sim.Kind = "cancel"  // a client requests the cancellation of the trip just before it
	Rebook  sim.Kind = "rebook"  // the client's call is repeated just before it
	Look    sim.Kind = "look"    // just before it, a client reads everything and sends requests that must be refused
	Stray   sim.Kind = "stray"   // a payment and a confirmation of the trip that no saga requested are delivered just before it
)

var faults = []world.FaultKind{
	{Kind: Decline, Diverts: true, Means: "the bank declines the card"},
	{Kind: Forget, Means: "the provider forgets all idempotency keys"},
	{Kind: Stored, Means: "the provider fails, and repeats that error for as long as it remembers the key"},
	// The port has one error for a provider that is busy and one that fails.
	{Kind: Busy, Alone: true, Equal: true, Means: "the provider is busy with another call of the same payment"},
	{Kind: Hint, Alone: true, Means: "the provider's webhook reports the payment, twice, whatever the moment"},
	{Kind: Overdue, Takes: sim.Split, Means: "the reconciler comes in between"},
	{Kind: Load, Takes: sim.Split, Means: "a load comes in between that offers more, at another price"},
	{Kind: Lower, Takes: sim.Split, Alone: true, Means: "a load comes in between that offers less, at another price"},
	{Kind: Cancel, Takes: sim.Split, Means: "a client asks to cancel the trip in between"},
	{Kind: Rebook, Takes: sim.Split, Alone: true, Means: "the client's call comes again in between"},
	{Kind: Look, Alone: true, Means: "a client reads everything, and sends what must be refused"},
	{Kind: Stray, Alone: true, Means: "a payment and a confirmation that nobody asked for are delivered"},
}

var actors = []world.Actor{
	{Name: Client, Waits: true, Leaves: true}, {Name: Canceller, Waits: true}, {Name: Reconciler, OneList: true},
	{Name: Loader}, {Name: Looker}, {Name: Webhook},
}

// rules determine where the trip's own faults can happen.
type rules struct{}

// Between implements world.Rules. What another actor does has the same effect anywhere between two operations that touch what
// it touches; elsewhere it is moot.
func (rules) Between(p *world.Point, add world.Add) {
	switch p.Where {
	case world.AtDelivery:
		add(false, Overdue)
		if p.Actor == "BookingFailed" || p.Actor == "FlightBookingFailed" {
			add(false, Stray)
		}
	case world.AtRead:
		add(!touches(p, skInventory), Load, Lower)
		add(!touches(p, skTrip), Cancel)
	case world.AtWrite:
		add(false, Look)
		add(!touches(p, skTrip), Overdue, Rebook, Cancel)
		if touches(p, skPayment) || touches(p, skTrip) {
			add(false, Hint)
		}
		add(!touches(p, skAvailable), Load, Lower)
	case world.AtProvider:
		add(true, Busy)
		switch p.Op {
		case opCreate:
			add(false, Forget, Stored)
		case opCharge:
			add(false, Decline, Hint)
		default:
			add(false, Hint)
		}
	case world.AtEngineWrite:
		add(false, Look)
		if touches(p, skExecution) {
			add(false, Overdue, Rebook, Cancel)
		}
	case world.AtOtherRead, world.AtOtherWrite:
		meddle(p, add)
	}
}

// meddle adds the actors that can work between the operations of an actor that is not a function.
func meddle(p *world.Point, add world.Add) {
	switch p.Actor {
	case Client:
		if touches(p, skTrip) {
			add(false, Overdue, Rebook, Look, Cancel)
		}
	case world.Listener, Canceller:
		if touches(p, skTrip) {
			add(false, Overdue, Look, Cancel)
		}
	case Loader:
		add(false, Load, Lower, Look)
	case Reconciler:
		add(false, Overdue, Rebook)
	case Client + "+", world.Redriver, Canceller + "+":
		add(false, Overdue, Rebook, Cancel)
	}
}

// Elapse implements world.Rules. The clock determines what the provider remembers (keys for a day, intents for seven), whether
// a trip is overdue, and what its cancellation costs. So time passes before the calls of the provider, at deliveries, where a
// timer was just set, and where clients, the listener and an operator work; also before writes, since a process that is off
// loses the writes that follow. An hour only fires timers.
func (rules) Elapse(p *world.Point, add world.Add) {
	switch p.Where {
	case world.AtDelivery:
		add(false, world.Hour)
		add(true, world.Day, world.Fortnight)
	case world.AtProvider:
		add(false, world.Day, world.Fortnight, world.Weekend, world.Holidays)
		add(true, world.Hour, world.Break)
	case world.AtWrite:
		paid := touches(p, skPayment)
		add(!paid, world.Weekend, world.Holidays)
		if paid {
			add(true, world.Day, world.Fortnight)
		}
	case world.AtOtherWrite:
		if p.Actor == Client || p.Actor == Canceller || p.Actor == world.Listener {
			add(false, world.Weekend)
			add(true, world.Day, world.Fortnight)
		}
	case world.AtOtherRead:
		if p.Actor == world.Redriver || p.Actor == Canceller {
			add(false, world.Day, world.Fortnight)
		}
	}
}

// touches reports whether the point touches an item with this sort key, or a whole trip.
func touches(p *world.Point, sk string) bool {
	for _, key := range p.Keys {
		if key.SK == sk || key.SK == "" && strings.HasPrefix(key.PK, pkTrip) {
			return true
		}
	}
	return false
}

const authorised = 7 * 24 * time.Hour // how long an authorised amount can be captured

// expires reports whether the fault takes so long that an authorisation expires, so that a booking may fail.
func expires(k sim.Kind) bool {
	d, _ := world.Elapses(k)
	return d >= authorised
}
