package world

import (
	"iter"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// Where is the kind of a point. It determines which faults can happen there.
type Where uint8

// The kinds of points.
const (
	AtDelivery    Where = iota + 1 // of a task to its function
	AtReply                        // of a function to the engine
	AtRead                         // of a function
	AtWrite                        // of a function
	AtProvider                     // of a function, at a provider
	AtEngineRead                   // of an engine, at a start or a redrive
	AtEngineWrite                  // of the journal and what goes with it
	AtOtherRead                    // of the client's call, the listener, another actor
	AtOtherWrite                   // of the same actors
)

// The names of operations in labels.
const (
	opGet     = "get"
	opQuery   = "query"
	opPut     = "put"
	opJournal = "journal"
	opNotice  = "notice"
)

// The engines' items.
const (
	pkExecution = "EXEC#"
	pkNotice    = "NOTICE#"
	pkMachine   = "MACHINE#"
	skExecution = "EXEC"
	skJournal   = "J#"
)

// Point is one operation of a run. Its small fields are together: an exploration keeps many points.
type Point struct {
	sim.Label
	Attempt int           // of a delivery: number of earlier attempts of its state
	Keys    []table.Key   // that it touches
	At      time.Duration // since the run's beginning
	Pending int           // number of writes that no caller has waited for, which a crash here can lose
	Hit     sim.Kind      // the fault that happened here, for the timeline
	subject *Subject
	Where   Where
	Stopped bool // a saga has stopped, so that it can be redriven
	First   bool // operation of its delivery
	Alters  bool // of a delivery: its input has something that can be changed
	Deaf    bool // no further fault can happen here: a lasting fault has hit it, or a fault here is equivalent to one elsewhere
	Given   bool // the fault that happened belongs to the scenario
}

// keysOf returns the keys that an operation touches. A query touches a whole partition: a key without a sort key.
func keysOf(op *faulty.Op) []table.Key {
	switch op.Kind {
	case faulty.Get:
		return []table.Key{op.Key}
	case faulty.Query:
		return []table.Key{{PK: op.Query.PK}}
	}
	keys := make([]table.Key, len(op.Ops))
	for i := range op.Ops {
		keys[i] = op.Ops[i].Key
	}
	return keys
}

func isEngines(key table.Key) bool {
	return strings.HasPrefix(key.PK, "EXEC") || strings.HasPrefix(key.PK, pkNotice)
}

// Choice is a fault that can happen at a point.
//
// A moot choice has the same future as another choice at another point, if the schedule can have that one. Moot choices
// are the first level of pruning:
//   - A crash that loses writes equals a crash before these writes: nothing but the table outlives a crash. So of the
//     crashes at a point only the one that loses nothing is new, and that only if no write is pending.
//   - A function that dies before it has written anything equals a delivery that never arrives.
//   - What another actor does has the same effect anywhere between two operations that touch what it touches. So it comes
//     only just before the operations that do.
type Choice struct {
	sim.Fault
	Moot bool
}

// Choices yields the faults that can happen at the point, except those that depend on a later point: see [Point.Delays].
func (p *Point) Choices() iter.Seq[Choice] {
	return func(yield func(Choice) bool) {
		if p.Deaf || p.Given {
			return
		}
		more := true
		one := func(moot bool, k sim.Kind, count int) {
			more = more && yield(Choice{sim.Fault{At: p.Label, Kind: k, Count: count}, moot})
		}
		add := func(moot bool, kinds ...sim.Kind) {
			for _, k := range kinds {
				one(moot, k, 0)
			}
		}
		p.choose(add)
		p.subject.Rules.Between(p, add)
		if p.Alters {
			add(false, Altered)
		}
		p.subject.Rules.Elapse(p, add)
		if p.Crashes() {
			for cut := 0; cut <= p.Pending; cut++ {
				one(cut < p.Pending, Crash, cut)
			}
		}
		if p.subject.actor(p.Actor).Leaves {
			add(false, Leave)
		}
		if p.Stopped {
			add(false, Redrive)
		}
	}
}

// choose adds the faults that every program can meet.
func (p *Point) choose(add Add) {
	switch p.Where {
	case AtDelivery:
		add(false, sim.Fail, sim.Die, sim.Twice, Down, Mute, Doze, Nap)
	case AtReply:
		add(false, sim.Fail, sim.Lost)
	case AtWrite:
		add(false, sim.Fail, Throttle, sim.Lost, Gone, Crashed, Rival)
		add(true, sim.Die)
	case AtProvider:
		add(false, sim.Fail, sim.Lost, Down, Mute, Gone, Crashed, Rival)
		add(true, sim.Die)
	case AtEngineWrite:
		add(false, sim.Fail, Throttle, sim.Lost, Crashed, Rival)
	case AtOtherWrite:
		add(false, sim.Fail, Throttle, sim.Lost, Crashed)
	default:
		add(false, sim.Fail)
	}
}

// Delays reports whether a call can be paused at the point and resume later, and whether the delivery can come again later.
func (p *Point) Delays() (late, again bool) {
	switch p.Where {
	case AtDelivery:
		return !p.Deaf && !p.Given, !p.Deaf && !p.Given
	case AtRead, AtWrite, AtProvider, AtEngineWrite:
		return !p.Deaf && !p.Given, false
	case AtOtherRead, AtOtherWrite:
		return !p.Deaf && !p.Given && p.subject.actor(p.Actor).Waits, false
	}
	return false, false
}

// takes reports whether a fault of this kind can happen at the point.
func (p *Point) takes(k sim.Kind) bool {
	switch late, again := p.Delays(); k {
	case sim.Late:
		return late
	case sim.Again:
		return again
	}
	for c := range p.Choices() {
		if c.Kind == k {
			return true
		}
	}
	return false
}

// Crashes reports whether the process can be killed at the point. A crash anywhere else is equivalent to one before the next
// such point, since nothing is written in between.
func (p *Point) Crashes() bool {
	switch p.Where {
	case AtWrite, AtProvider, AtEngineWrite, AtOtherWrite:
		return !p.Deaf
	}
	return false
}

// Call returns the delivery that the point belongs to; ok is false if it belongs to none.
func (p *Point) Call() (delivery sim.Label, ok bool) {
	switch p.Where {
	case AtRead, AtWrite, AtProvider, AtReply:
		return sim.Label{Saga: p.Saga, Actor: p.Actor, N: p.N}, true
	}
	return sim.Label{}, false
}

// Touched is the set of keys that a call reads and the set of keys that it writes.
type Touched struct{ reads, writes map[table.Key]bool }

// TouchedBy returns the keys that a delivery touches in a run with these points.
func TouchedBy(points []Point, delivery sim.Label) Touched {
	return touchedBy(points, func(p *Point) bool {
		return p.Saga == delivery.Saga && p.Actor == delivery.Actor && p.N == delivery.N
	})
}

// TouchedAt returns the keys that the points touch.
func TouchedAt(points []Point) Touched { return touchedBy(points, func(*Point) bool { return true }) }

func touchedBy(points []Point, counts func(*Point) bool) Touched {
	t := Touched{map[table.Key]bool{}, map[table.Key]bool{}}
	for i := range points {
		p := &points[i]
		if !counts(p) {
			continue
		}
		for _, key := range p.Keys {
			if p.writes() {
				t.writes[key] = true
			} else {
				t.reads[key] = true
			}
		}
	}
	return t
}

func (p *Point) writes() bool {
	switch p.Where {
	case AtWrite, AtEngineWrite, AtOtherWrite, AtProvider:
		return true
	}
	return false
}

// Meets reports whether the point and a call that touches t conflict: one of the two writes what the other touches, so
// that their order makes a difference. Two operations that do not conflict can change places without any effect.
func (p *Point) Meets(t Touched) bool {
	for _, key := range p.Keys {
		if touches(t.writes, key) || p.writes() && touches(t.reads, key) {
			return true
		}
	}
	return false
}

// touches reports whether the key is among the keys; a key without a sort key, of a query, is its whole partition.
func touches(keys map[table.Key]bool, key table.Key) bool {
	if keys[key] || keys[table.Key{PK: key.PK}] {
		return true
	}
	if key.SK != "" {
		return false
	}
	for other := range keys {
		if other.PK == key.PK {
			return true
		}
	}
	return false
}
