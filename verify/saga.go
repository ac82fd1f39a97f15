package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// Saga is a saga to explore in a test: see [Run]. Definition, Open and Scenarios are required.
type Saga struct {
	Definition []byte // Amazon States Language
	// Open is called for each process of each schedule, as a program starts. It returns the tasks as in production, by the
	// names in the definition: they write to p.Table and call their providers through [Program.Call].
	Open      func(p *Program) map[string]engine.Task
	Scenarios []Scenario
	// Load fills the empty table before anything runs, for example with an inventory. nil loads nothing.
	Load func(ctx context.Context, t table.Table) error

	// Participants is called at the beginning of each schedule, concurrently for several schedules: it starts or resets the
	// programs behind [Program.Remote]. Its result is available as Program.Participants and Rest.Participants; end, unless nil,
	// is called when the schedule has ended. A crash of the saga's program does not stop them.
	Participants func() (participants any, end func())
	// Patience is the maximum real time that an answer of Program.Remote may take; default 10 s. A task that does not return
	// within this time (or 10 s, if that is longer) and makes no operation meanwhile ends the test.
	Patience time.Duration

	// Check judges every committed transaction, Rest the records at the end of a schedule. Both may be nil: every run is also
	// judged by the records of the barrier, see [Run].
	Check func(c Commit) error
	Rest  func(r Rest) error

	// Compensations maps each task to the task that compensates it. With it, the answers of compensations are judged as well.
	Compensations map[string]string
	// Amounts are the names of numbers in the inputs, such as "pieces". A delivery with another amount is a different request:
	// once a step is done, it must refuse such a delivery.
	Amounts []string
	// Refusals are the errors with which a provider may refuse a call, by the call's name, for example a declined card by
	// "charge".
	Refusals map[string]error
	// Forget deletes from Program.Outside the idempotency keys by which providers recognise a repeated call, as real ones do
	// after a day: a saga that relies on the key alone then acts twice. It is played as a fault before each call, once in a
	// schedule. nil: keys are never forgotten.
	Forget func(ctx context.Context, outside table.Table) error
	// Statistics are the names of counters (numbers of items) that do not count as effects: a failed execution keeps what it
	// has added to them, and a repeated delivery may add again.
	Statistics []string
	// Optional are tasks without whose effects an execution may succeed, because another task replaces them when they fail.
	Optional []string
	// Ends are errors with which a task ends a failed saga. Any other uncaught error stops the saga, and an operator must
	// redrive it. A Fail state is always an end.
	Ends []string
	// Words are for the story of a violation: by a task's name what has happened when it succeeds, such as "the card was
	// charged"; by an act's name who acts. Without them, the names are used.
	Words map[string]string

	// Survives maps variants of [Mutants] that no schedule can show to be wrong to the reason: "Send has no Catch": "it never
	// fails". Such a variant does not fail the test, unless a schedule finds it.
	Survives map[string]string

	Depth   int           // faults of one schedule: 1, or 2 for pairs as well; default 2, and 1 with go test -short
	Triples int           // number of schedules of three faults, drawn by Seed
	Seed    uint64        // seed of everything that is drawn
	OneIn   int           // play one in OneIn late calls, other orders and pairs, drawn by Seed; 0 and 1: all. Other single faults are all played
	Workers int           // number of concurrent schedules; default two per processor
	Budget  time.Duration // time after which the exploration ends; what was left out is logged. Default: no limit

	// Coverage is a file that lists what is explored, such as "testdata/coverage.txt": which faults at which operations, and
	// what was left out by which rule. A run must match it, unless it is run with go test -short or exceeds Budget.
	// VERIFY_UPDATE=1 writes the file.
	Coverage string
}

// Scenario is one execution of the saga, or several that run concurrently.
type Scenario struct {
	Name   string
	Means  string
	Inputs []any    // of the executions A, B, ...; each is marshalled to JSON
	IDs    []string // the executions' names; default saga-A, saga-B, ...
	Acts   []Act    // what people and other programs do meanwhile
	// Fails is the error with which each execution fails, whatever else goes wrong, such as "CardDeclined". "": each succeeds,
	// unless a fault outlasts its retries.
	Fails string
	// Either allows each execution to succeed or fail, such as two executions that want the last seat.
	Either bool
}

// Act is something that a person or another program does while the executions run: an approval, a webhook.
type Act struct {
	Name  string // in labels, such as "Approve"
	After time.Duration
	// Do is repeated, first after a minute and then with growing intervals, until it returns nil or all executions have ended;
	// also in a new process after a crash. Without a fault it must return nil within three days.
	Do func(ctx context.Context, p *Program) error
}

// Program is the saga's program in one process of a schedule.
type Program struct {
	// Table has the program's records. Faults happen at its operations.
	Table table.Table
	// Outside contains the books of providers, which a crash of the program does not affect. A double of a provider, such as a
	// [sim.Provider], must keep all its state here: each schedule starts with empty tables, and schedules are compared by what
	// is written.
	Outside table.Table
	Engine  *engine.Engine // nil while Open runs
	// App is for Open to store a value that acts need, such as the program's own struct. It is not used otherwise.
	App any
	// Participants is what Saga.Participants has returned.
	Participants any
	process      *world.Process
	cast         *sagaCast
}

// Now is the virtual time.
func (p *Program) Now() time.Time { return p.process.Scheduler().Now() }

// Call makes a call of a provider. It is one point, at which the call happens as a whole or not at all. op is the call's name
// in labels, in lower case and without a digit at its end, such as "charge"; id is the idempotency key. The error is that of
// call, or one that says that there was no answer. Use it as the Call of a [sim.Provider]; a double of your own calls it in
// each of its methods.
func (p *Program) Call(op, id string, call func() error) error {
	if err := checkCall(op); err != nil {
		p.cast.GiveUp(usedRight, "Program.Call: %v", err)
		return err
	}
	return p.process.Provider(op, []table.Key{{PK: outside + id}}, func(f sim.Fault) error {
		p.cast.effects.asks(p.cast, op, id)
		switch f.Kind {
		case Refuse:
			return p.cast.of.Refusals[op]
		case Forget:
			p.cast.forget(p.Outside)
		}
		writes := p.cast.Writes()
		err := p.cast.of.calls(op, call)
		if err == nil {
			p.cast.effects.acted(p.cast, act{op: op, id: id, wrote: p.cast.Writes() > writes})
		}
		return err
	})
}

// Kinds of fault in addition to those of package world.
const (
	Refuse sim.Kind = "refuse" // the provider refuses the call, see Saga.Refusals
	Forget sim.Kind = "forget" // providers forget the keys of all calls before it, see Saga.Forget
	Outage sim.Kind = "outage" // the task fails for a minute: the saga may fail because of it, but must not stop
)

// Commit is an applied transaction.
type Commit struct {
	Ops           []table.Op
	Before, After func(key table.Key) (item table.Item, ok bool) // for the keys of Ops
	Call          sim.Label                                      // the delivery that wrote it; zero: the engine or another actor
}

// Rest is the state at the end of a schedule.
type Rest struct {
	Items      judge.Items // the program's
	Outside    judge.Items // the providers'
	Executions []Execution

	Participants any // what Saga.Participants has returned
}

// Acts reports whether a provider has acted for an id and did not cancel it, by the books of the [sim.Provider] of that name in
// Program.Outside.
func (r Rest) Acts(provider, id string) bool { return r.Did(provider, id) != nil }

// Did returns, as JSON, the request with which the provider acted for the id; nil if Acts is false.
func (r Rest) Did(provider, id string) json.RawMessage {
	entry, _ := r.Outside.Get(sim.Entry(provider, id))
	return sim.Did(entry)
}

// Execution is one execution of the scenario.
type Execution struct {
	Name, ID string
	Input    json.RawMessage
	Status   asl.Status // "" if it was never started
	Error    string
}

// outside is the prefix of the partitions of the providers' books.
const outside = "OUTSIDE#"

// The names of actors in labels.
const (
	starter    = "Start"
	sagaEngine = "Engine"
)

// everyWord are their names in stories.
var everyWord = map[string]string{
	starter: "the client", sagaEngine: "the engine", world.Redriver: "an operator who redrives", world.Listener: "the listener",
}

// prepared is a saga whose fields are checked.
type prepared struct {
	Saga
	machine *asl.Machine
	inputs  map[string][]json.RawMessage // by scenario
	*learned

	called sync.Map          // the names of provider calls
	mutant *mutant           // nil: the unchanged saga
	final  func(c *sagaCast) // learns from a run at its end; nil: it is judged

	learning bool     // it is played without a fault
	idle     []string // tasks that the definition does not call
}

// calls makes a provider call, unless the mutant replaces it.
func (p *prepared) calls(op string, call func() error) error {
	if _, ok := p.called.Load(op); !ok {
		p.called.Store(op, true)
	}
	if p.mutant != nil && p.mutant.call != nil {
		return p.mutant.call(op, call)
	}
	return call()
}

func (s Saga) prepare() (*prepared, error) {
	p := &prepared{Saga: s, inputs: map[string][]json.RawMessage{}, learned: newLearned()}
	switch {
	case len(s.Definition) == 0:
		return nil, fmt.Errorf("field Definition is empty; it must be the saga in the Amazon States Language")
	case s.Open == nil:
		return nil, fmt.Errorf("field Open is nil; it must be a function that returns the saga's tasks")
	case len(s.Scenarios) == 0:
		return nil, fmt.Errorf("field Scenarios is empty; it must have at least one scenario with an input")
	}
	err := s.checkNumbers()
	if err != nil {
		return nil, err
	}
	if p.machine, err = asl.Parse(s.Definition); err != nil {
		return nil, fmt.Errorf("field Definition: %w", err)
	}
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	for _, one := range s.Scenarios {
		if err := p.scenario(one); err != nil {
			return nil, err
		}
	}
	functions := p.machine.Functions()
	for task, by := range s.Compensations {
		for _, name := range []string{task, by} {
			if !slices.Contains(functions, name) {
				return nil, fmt.Errorf("field Compensations: the definition calls no task %q, only %q", name, functions)
			}
		}
	}
	for name := range s.Words {
		if !slices.Contains(functions, name) && !slices.ContainsFunc(s.Scenarios, func(one Scenario) bool { return one.acts(name) }) {
			return nil, fmt.Errorf("field Words: %q is neither a task of the definition, %q, nor an act of a scenario", name, functions)
		}
	}
	return p, nil
}

func (s *Scenario) acts(name string) bool {
	return slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Name == name })
}

func (p *prepared) scenario(one Scenario) error {
	if one.Name == "" || p.inputs[one.Name] != nil {
		return fmt.Errorf("field Scenarios: the name %q is empty or used by two scenarios", one.Name)
	}
	if i := strings.IndexFunc(one.Name, func(r rune) bool { return strings.ContainsRune(":~'", r) || !unicode.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("field Scenarios: the name %q contains %q, which a schedule's id cannot contain", one.Name, one.Name[i:i+1])
	}
	if n := len(one.Inputs); n < 1 || n > 26 {
		return fmt.Errorf("field Scenarios: %s has %d inputs; allowed are 1 to 26", one.Name, n)
	}
	if len(one.IDs) > 0 && len(one.IDs) != len(one.Inputs) {
		return fmt.Errorf("field Scenarios: %s has %d IDs for %d inputs", one.Name, len(one.IDs), len(one.Inputs))
	}
	if one.Either && one.Fails != "" {
		return fmt.Errorf("field Scenarios: %s has Fails (%q) and Either; only one of them is allowed", one.Name, one.Fails)
	}
	for _, in := range one.Inputs {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("field Scenarios: an input of %s: %w", one.Name, err)
		}
		p.inputs[one.Name] = append(p.inputs[one.Name], data)
	}
	for _, a := range one.Acts {
		if a.Name == "" || a.Do == nil {
			return fmt.Errorf("field Scenarios: %s has an act without a name, or one that does nothing", one.Name)
		}
		if l, err := sim.ParseLabel(a.Name + "#1"); err != nil || l.Actor != a.Name {
			return fmt.Errorf("field Scenarios: %s has the act %q; allowed in its name are letters, digits, - and _", one.Name, a.Name)
		}
	}
	return nil
}

// machineName is the name of the state machine and the prefix of its executions' ids.
const machineName = "saga"

func (p *prepared) subject() *world.Subject {
	s := &world.Subject{
		Machines: []world.Machine{{Name: machineName, Actor: sagaEngine, Source: p.Definition}},
		Actors:   []world.Actor{{Name: starter, Waits: true, Leaves: true}},
		Faults: []world.FaultKind{
			{Kind: Refuse, Diverts: true, Means: "the provider refuses the call"},
			{Kind: Forget, Means: "the providers forget all idempotency keys"},
			{Kind: Outage, Alone: true, Diverts: true, Means: "the task fails for a minute"},
		},
		Amounts: world.NewAmounts(p.Amounts...), Words: maps.Clone(everyWord),
		Frozen: func(task string) bool { return p.does[task] },
		Rules:  sagaRules{p.Refusals, p.Forget != nil}, Invariants: sagaInvariants(), Outside: outside, Load: p.load,
		NewCast: func(r *world.Run, scenario string) world.Cast { return newSagaCast(p, r, scenario) },
	}
	maps.Copy(s.Words, p.Words)
	for _, state := range p.machine.States() {
		if state.Function != "" && !slices.Contains(s.Steps, state.Function) {
			s.Steps = append(s.Steps, state.Function)
		}
	}
	for _, one := range p.Scenarios {
		scenario := world.Scenario{Name: one.Name, Means: one.Means}
		for i := range one.Inputs {
			name := string(rune('A' + i))
			id := machineName + "-" + name
			if len(one.IDs) > 0 {
				id = one.IDs[i]
			}
			scenario.Sagas = append(scenario.Sagas, world.Saga{Name: name, ID: id})
		}
		for _, a := range one.Acts {
			if !s.IsActor(a.Name) {
				s.Actors = append(s.Actors, world.Actor{Name: a.Name, Waits: true})
			}
		}
		s.Scenarios = append(s.Scenarios, scenario)
	}
	return s
}

func (p *prepared) load(ctx context.Context, t table.Table) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("field Load panics: %v\n%s", v, debug.Stack())
		}
	}()
	if p.Load == nil {
		return nil
	}
	if err := p.Load(ctx, t); err != nil {
		return fmt.Errorf("field Load: %w", err)
	}
	return nil
}

// sagaRules determine where time can pass (before what may depend on the clock) and which calls a provider may refuse.
type sagaRules struct {
	refusals map[string]error
	forgets  bool
}

// Between implements world.Rules.
func (r sagaRules) Between(p *world.Point, add world.Add) {
	if p.Where == world.AtDelivery {
		add(false, Outage)
	}
	if p.Where == world.AtProvider && r.refusals[p.Op] != nil {
		add(false, Refuse)
	}
	if p.Where == world.AtProvider && r.forgets && p.Op != opRemote {
		add(false, Forget)
	}
}

// Elapse implements world.Rules.
func (sagaRules) Elapse(p *world.Point, add world.Add) {
	switch p.Where {
	case world.AtDelivery:
		add(false, world.Hour)
		add(true, world.Day)
	case world.AtProvider:
		add(false, world.Day, world.Weekend)
		add(true, world.Hour, world.Break)
	case world.AtWrite, world.AtOtherWrite:
		add(false, world.Weekend)
	}
}
