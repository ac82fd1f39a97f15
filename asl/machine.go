package asl

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/asl/expr"
)

// Machine is a validated definition. It is immutable, and safe for concurrent use by any number of executions.
type Machine struct {
	comment   string
	root      *graph
	timeout   time.Duration // 0: no limit
	states    []StateInfo
	functions []string
	callbacks bool
	notes     []Problem
	fields    map[string]map[string]any // of each state's definition
}

// Comment returns the definition's Comment, or "".
func (m *Machine) Comment() string { return m.comment }

// StartAt returns the name of the first state.
func (m *Machine) StartAt() string { return m.root.start.name }

// Timeout returns the machine's TimeoutSeconds; 0 means no limit.
func (m *Machine) Timeout() time.Duration { return m.timeout }

// States returns every state, including those inside of Parallel and Map states. They are in the order in which they are
// reached from StartAt, following Next first, then the rules of a Choice, then Catch. A nested state follows its parent.
func (m *Machine) States() []StateInfo { return slices.Clone(m.states) }

// Functions returns the names of the functions that the tasks call, sorted. It does not include names that an execution
// computes (FunctionName.$).
func (m *Machine) Functions() []string { return slices.Clone(m.functions) }

// Callbacks reports whether a task waits for a callback (.waitForTaskToken).
func (m *Machine) Callbacks() bool { return m.callbacks }

// Notes returns the places of the definition that Step Functions accepts but that may not do what the author expects.
func (m *Machine) Notes() []Problem { return slices.Clone(m.notes) }

// Field returns a field of a state's definition as JSON, nil if the state does not have it.
func (m *Machine) Field(state, field string) json.RawMessage {
	v, ok := m.fields[state][field]
	if !ok {
		return nil
	}
	return expr.AppendEncode(nil, v)
}

// graph is one set of states: the machine's own, a branch of a Parallel state or the processor of a Map state.
type graph struct {
	path   string // JSON path of the object that holds StartAt and States
	parent *graph
	owner  *state // the Parallel or Map state; nil for the machine's own
	index  int    // of the branch
	start  *state
	states map[string]*state
}

// state is one state of a machine. What its type adds is in body.
type state struct {
	name      string
	kind      string // the Type field
	comment   string
	path      string // JSON path
	fields    map[string]any
	graph     *graph
	input     selection
	output    selection
	params    *expr.Template
	selector  *expr.Template
	placement placement
	assign    *assignment
	next      *state // nil ends the graph
	end       bool
	retry     []retrier
	catch     []catcher
	body      body
	entered   string // history event types
	exited    string
	canRetry  bool // Task, Parallel, Map: the context object shows RetryCount
}

// body is the behaviour of a state's type. visit starts an attempt; input is the state's input after InputPath.
type body interface {
	visit(s *stepper, t *thread, input any)
}

// StateInfo describes one state, for diagrams and checks.
type StateInfo struct {
	Name string
	Type string
	// Path is the JSON path in the definition.
	Path string
	// Parent is the name of the Parallel or Map state around it, "" at the top; Branch is the branch's index in it.
	Parent string
	Branch int
	// StartsAt is true if the machine, or the branch, starts here.
	StartsAt bool
	Comment  string
	Edges    []Edge
	// End is true if the machine, or the branch, can end here.
	End bool

	Function  string // of a Task; "" when the execution computes it
	Resource  string // of a Task, as in the definition
	Callback  bool   // of a Task: it waits for a callback (.waitForTaskToken)
	Timeout   time.Duration
	Heartbeat time.Duration
	Retry     []RetryInfo
	Catch     []CatchInfo
	Error     string // of a Fail state, if it is a constant
}

// EdgeKind is the reason why an execution follows an edge.
type EdgeKind string

// The kinds of edge.
const (
	EdgeNext    EdgeKind = "next"
	EdgeChoice  EdgeKind = "choice"
	EdgeDefault EdgeKind = "default"
	EdgeCatch   EdgeKind = "catch"
)

// Edge is a transition to another state. Label is "" for Next, "default" for Default, the rule in words for a rule of a
// Choice, and the names of the errors, joined by ", ", for a catcher.
type Edge struct {
	To     string
	Label  string
	Kind   EdgeKind
	target *state
}

// RetryInfo is a retrier with its defaults filled in.
type RetryInfo struct {
	Errors      []string
	Interval    time.Duration
	MaxAttempts int
	BackoffRate float64
	MaxDelay    time.Duration // 0: no cap
	FullJitter  bool
}

// CatchInfo is a catcher.
type CatchInfo struct {
	Errors []string
	Next   string
}

// edges returns the transitions out of st, Next first.
func (st *state) edges() []Edge {
	var edges []Edge
	add := func(kind EdgeKind, label string, target *state) {
		if target != nil {
			edges = append(edges, Edge{To: target.name, Label: label, Kind: kind, target: target})
		}
	}
	add(EdgeNext, "", st.next)
	if b, ok := st.body.(*choosing); ok {
		for _, r := range b.rules {
			add(EdgeChoice, r.text, r.next)
		}
		add(EdgeDefault, "default", b.fallback)
	}
	for _, c := range st.catch {
		add(EdgeCatch, strings.Join(c.errors, ", "), c.next)
	}
	return edges
}

// describe fills in what States and Functions return.
func (m *Machine) describe() {
	functions := map[string]bool{}
	m.fields = map[string]map[string]any{}
	m.describeGraph(m.root, functions)
	m.functions = slices.Sorted(maps.Keys(functions))
}

func (m *Machine) describeGraph(g *graph, functions map[string]bool) {
	g.walk(func(st *state) {
		m.states = append(m.states, st.info())
		m.fields[st.name] = st.fields
		if b, ok := st.body.(*task); ok && b.resource.function != "" {
			functions[b.resource.function] = true
		}
		m.callbacks = m.callbacks || st.isCallback()
		for _, inner := range st.graphs() {
			m.describeGraph(inner, functions)
		}
	})
}

func (st *state) info() StateInfo {
	info := StateInfo{
		Name: st.name, Type: st.kind, Path: st.path, Comment: st.comment, Branch: st.graph.index,
		StartsAt: st.graph.start == st, Edges: st.edges(), End: st.isTerminal(),
	}
	if st.graph.owner != nil {
		info.Parent = st.graph.owner.name
	}
	switch b := st.body.(type) {
	case *task:
		info.Function, info.Resource, info.Callback = b.resource.function, b.resource.text, b.resource.callback
		info.Timeout, info.Heartbeat = b.timeout.value, b.heartbeat.value
	case *failing:
		info.Error = b.name.text
	}
	for i := range st.retry {
		info.Retry = append(info.Retry, st.retry[i].info())
	}
	for _, c := range st.catch {
		info.Catch = append(info.Catch, CatchInfo{Errors: c.errors, Next: c.next.name})
	}
	return info
}

func (r *retrier) info() RetryInfo {
	info := RetryInfo{
		Errors: r.errors, Interval: time.Duration(r.interval) * time.Second, MaxAttempts: r.max,
		BackoffRate: r.rate, FullJitter: r.jitter,
	}
	if r.maxDelay < maxRetryDelay {
		info.MaxDelay = time.Duration(r.maxDelay) * time.Second
	}
	return info
}
