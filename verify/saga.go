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
	// Open is called for each process of each schedule, as a program starts. It returns the tasks by the names in the
	// definition, as they are in production: they write to the table of p, and call their providers by [Program.Call].
	Open      func(p *Program) map[string]engine.Task
	Scenarios []Scenario
	// Load fills the empty table before anything runs: what is on offer. nil loads nothing.
	Load func(ctx context.Context, t table.Table) error

	// Participants is called in the beginning of each schedule, for several at the same time: it starts or resets the programs
	// behind [Program.Remote]. Its result is Program.Participants and Rest.Participants; end, unless nil, is called when the schedule has ended. A crash
	// of the saga's program leaves them running.
	Participants func() (participants any, end func())
	// Patience is how long an answer of Program.Remote may take, by the clock; default 10 s. A task that does not return in that time
	// (or 10 s, if that is longer) and does nothing meanwhile ends the test.
	Patience time.Duration

	// Check judges every transaction that is committed, Rest the records at the end of a schedule. Both may be nil: every run
	// is judged by what the barrier has recorded as well, see [Run].
	Check func(c Commit) error
	Rest  func(r Rest) error

	// Compensations are the tasks that compensate, by the task that each compensates. With them an answer of a compensation
	// is judged as well.
	Compensations map[string]string
	// Amounts are numbers in the inputs by their names, such as "pieces". A delivery with another amount is another request: once
	// a step is done, it must refuse that.
	Amounts []string
	// Refusals are the errors with which a provider may refuse a call, by the call's name: "charge" and a declined card.
	Refusals map[string]error
	// Forget deletes from Program.Outside by which keys providers know a call again, as they do after a day: a saga that relies on
	// the key alone then acts twice. It is a fault before each call, once. nil: they are never forgotten.
	Forget func(ctx context.Context, outside table.Table) error
	// Statistics are counters (numbers of items) that are no effects: a failed execution keeps what it has added to them, and a
	// delivery that is repeated may add again.
	Statistics []string
	// Optional are tasks without whose effects an execution may succeed, since another one takes their place when they fail.
	Optional []string
	// Ends are errors with which a task ends a saga that has failed. Any other error that nothing catches stops the saga, so
	// that an operator must redrive it. A Fail state is always an end.
	Ends []string
	// Words are for the story of a violation: what has happened when a task succeeds, by its name, such as "the card was
	// charged"; and who it is that acts, by the act's name. Without them the names are used.
	Words map[string]string

	// Survives are variants of [Mutants] that no schedule can show to be wrong, each with the reason: "Send has no Catch": "it never
	// fails". Such a one does not fail the test, unless it is found after all.
	Survives map[string]string

	Depth   int           // faults of one schedule: 1, or 2 for pairs as well; default 2, and 1 with go test -short
	Triples int           // schedules of three faults, drawn
	Seed    uint64        // of what is drawn
	OneIn   int           // play one of so many late calls, other orders and pairs, drawn; 0 and 1: all. Other single faults are all played
	Workers int           // schedules that run concurrently; default two a processor
	Budget  time.Duration // after which the exploration ends; what was left out is logged. Default: none

	// Coverage is a file with what is explored, such as "testdata/coverage.txt": which faults at which operations, and what was
	// left out by which rule. A run must equal it, unless it is one of go test -short or has no time left. VERIFY_UPDATE=1
	// writes it.
	Coverage string
}

// Scenario is one execution of the saga, or several that run together.
type Scenario struct {
	Name   string
	Means  string
	Inputs []any    // of the executions A, B, ...; each is marshalled to JSON
	IDs    []string // the executions' names; default saga-A, saga-B, ...
	Acts   []Act    // what people and other programs do meanwhile
	// Fails is the error with which each execution fails, whatever else goes wrong: "CardDeclined". "": each succeeds, unless a
	// fault outlasts its retries.
	Fails string
	// Either says that an execution may succeed or fail whatever goes wrong, such as two that want the last seat.
	Either bool
}

// Act is what somebody does while the executions run: a person who approves, a webhook.
type Act struct {
	Name  string // in labels, such as "Approve"
	After time.Duration
	// Do is repeated, after a minute and then ever more, until it returns nil or all executions have ended; also in a new
	// process after a crash. Without a fault it must not fail for three days.
	Do func(ctx context.Context, p *Program) error
}

// Program is the saga's program in one process of a schedule.
type Program struct {
	// Table has the program's records. Faults happen at its operations.
	Table table.Table
	// Outside has the books of providers: a crash of the program loses nothing of them. A double of a provider, such as a
	// [sim.Provider], keeps all its state here, since schedules start from the beginning and are compared by what is written.
	Outside table.Table
	Engine  *engine.Engine // nil while Open runs
	// App is what Open stores here, such as the program that it has made, so that acts reach it. Nothing else looks at it.
	App any
	// Participants is what Saga.Participants has returned.
	Participants any
	process      *world.Process
	cast         *sagaCast
}

// Now is the virtual time.
func (p *Program) Now() time.Time { return p.process.Scheduler().Now() }

// Call makes a call of a provider: one point, at which it happens as a whole or not at all. op is its name in labels, in lower
// case and without a digit at its end, such as "charge"; id is what it is about, the idempotency key. The error is that of call,
// or one that says that there was no answer. It is the Call of a [sim.Provider]; a double of your own calls it in each of its
// methods.
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

// Kinds of fault beside those of package world.
const (
	Refuse sim.Kind = "refuse" // the provider refuses the call, see Saga.Refusals
	Forget sim.Kind = "forget" // providers forget the keys of all calls before it, see Saga.Forget
	Outage sim.Kind = "outage" // the task fails for a minute: a saga that has begun may fail for it, and never stops
)

// Commit is a transaction that was applied.
type Commit struct {
	Ops           []table.Op
	Before, After func(key table.Key) (item table.Item, ok bool) // for the keys of Ops
	Call          sim.Label                                      // the delivery that wrote it; zero: the engine, or somebody else
}

// Rest is what there is when everything has come to its end.
type Rest struct {
	Items      judge.Items // the program's
	Outside    judge.Items // the providers'
	Executions []Execution

	Participants any // what Saga.Participants has returned
}

// Acts reports whether a provider has acted for an id and did not cancel it, by the books of its double, a [sim.Provider] of
// that name in Program.Outside.
func (r Rest) Acts(provider, id string) bool { return r.Did(provider, id) != nil }

// Did returns what that provider was asked when it acted for the id, as JSON; nil if it does not act for it.
func (r Rest) Did(provider, id string) json.RawMessage {
	entry, _ := r.Outside.Get(sim.Entry(provider, id))
	return sim.Did(entry)
}

// Execution is one of the scenario.
type Execution struct {
	Name, ID string
	Input    json.RawMessage
	Status   asl.Status // "" if it was never started
	Error    string
}

// outside is what the partitions of the providers' books begin with.
const outside = "OUTSIDE#"

// Who acts for a saga, as labels name them.
const (
	starter    = "Start"
	sagaEngine = "Engine"
)

// everyWord is what stories call them.
var everyWord = map[string]string{
	starter: "the client", sagaEngine: "the engine", world.Redriver: "an operator who redrives", world.Listener: "the listener",
}

// prepared is a saga whose fields were checked.
type prepared struct {
	Saga
	machine *asl.Machine
	inputs  map[string][]json.RawMessage // by scenario
	*learned

	called sync.Map          // the names of calls of providers
	mutant *mutant           // nil: as it is
	final  func(c *sagaCast) // learns from a run at its end; nil: it is judged

	learning bool     // it is played without a fault
	idle     []string // tasks that the definition does not call
}

// calls makes a call of a provider, unless the mutant does something else.
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
		return nil, fmt.Errorf("field Definition is empty: it takes the saga in the Amazon States Language")
	case s.Open == nil:
		return nil, fmt.Errorf("field Open is nil: it takes a function that returns the saga's tasks")
	case len(s.Scenarios) == 0:
		return nil, fmt.Errorf("field Scenarios is empty: it takes at least one, with an input")
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
		return fmt.Errorf("field Scenarios: %q is not a name, or that of two scenarios", one.Name)
	}
	if i := strings.IndexFunc(one.Name, func(r rune) bool { return strings.ContainsRune(":~'", r) || !unicode.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("field Scenarios: the name %q has %q in it, which a schedule's id cannot have", one.Name, one.Name[i:i+1])
	}
	if n := len(one.Inputs); n < 1 || n > 26 {
		return fmt.Errorf("field Scenarios: %s has %d inputs; allowed are 1 to 26", one.Name, n)
	}
	if len(one.IDs) > 0 && len(one.IDs) != len(one.Inputs) {
		return fmt.Errorf("field Scenarios: %s has %d IDs for %d inputs", one.Name, len(one.IDs), len(one.Inputs))
	}
	if one.Either && one.Fails != "" {
		return fmt.Errorf("field Scenarios: %s has Fails (%q) and Either; only one of them can hold", one.Name, one.Fails)
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
			return fmt.Errorf("field Scenarios: %s has the act %q; the name takes letters, digits, - and _", one.Name, a.Name)
		}
	}
	return nil
}

// machineName is that of the state machine, and begins the ids of its executions.
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

// sagaRules say when time passes, before what the clock may decide, and which calls a provider may refuse.
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
