package asl

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// StateInfo describes one state, for diagrams and checks.
type StateInfo struct {
	Name string
	Type string
	// Path is the JSON path in the definition.
	Path string
	// Parent is the name of the Parallel or Map state around it, "" at the top; Branch is the branch's index in it.
	Parent string
	Branch int
	// StartsAt tells that the machine, or its branch, starts here.
	StartsAt bool
	Comment  string
	Edges    []Edge
	// End tells that the machine, or its branch, can end here.
	End bool

	Function  string // of a Task; "" when the execution computes it
	Resource  string // of a Task, as in the definition
	Timeout   time.Duration
	Heartbeat time.Duration
	Retry     []RetryInfo
	Catch     []CatchInfo
	Error     string // of a Fail state, when it stands in the definition
}

// EdgeKind tells why an execution follows an edge.
type EdgeKind string

// The kinds of edge.
const (
	EdgeNext    EdgeKind = "next"
	EdgeChoice  EdgeKind = "choice"
	EdgeDefault EdgeKind = "default"
	EdgeCatch   EdgeKind = "catch"
)

// Edge is a transition to another state. Label is "" for Next, "default" for Default, a rule in words for a rule of a
// Choice, and the names of the errors, joined by ", ", for a catcher.
type Edge struct {
	To     string
	Label  string
	Kind   EdgeKind
	target *state
}

// RetryInfo is a retrier, its defaults filled in.
type RetryInfo struct {
	Errors      []string
	Interval    time.Duration
	MaxAttempts int
	BackoffRate float64
	MaxDelay    time.Duration // 0 is no cap
	FullJitter  bool
}

// CatchInfo is a catcher.
type CatchInfo struct {
	Errors []string
	Next   string
}

// edges are the transitions out of st, the normal way first.
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

// describe fills in what the machine tells of itself.
func (m *Machine) describe() {
	functions := map[string]bool{}
	m.describeGraph(m.root, functions)
	m.functions = slices.Sorted(maps.Keys(functions))
}

func (m *Machine) describeGraph(g *graph, functions map[string]bool) {
	g.walk(func(st *state) {
		m.states = append(m.states, st.info())
		if b, ok := st.body.(*task); ok && b.resource.function != "" {
			functions[b.resource.function] = true
		}
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
		info.Function, info.Resource = b.resource.function, b.resource.text
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
