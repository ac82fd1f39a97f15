package expr

// Get evaluates the path. A definite path yields the value it selects; the error wraps [ErrNoMatch] when there is none,
// or when the variable is not set. Another path yields a list ([]any), maybe empty; its error wraps ErrNoMatch when
// already its definite beginning selects nothing ("$.missing[*]"). The value must not be changed.
func (p *Path) Get(env *Env) (any, error) {
	start, ok := p.start(env)
	if !ok {
		return nil, &p.miss
	}
	node := start
	for i := range p.segments[:p.prefix] {
		if node, ok = p.segments[i].child(node); !ok {
			return nil, &p.miss
		}
	}
	if p.prefix == len(p.segments) {
		return node, nil
	}
	return p.collect(node, start)
}

// start is the value that the path is applied to.
func (p *Path) start(env *Env) (any, bool) {
	switch p.root {
	case rootContext:
		return env.context(), true
	case rootVariable:
		v, ok := env.Vars[p.variable]
		return v, ok
	default:
		return env.Data, true
	}
}

func (p *Path) collect(node, start any) (any, error) {
	rest := p.segments[p.prefix:]
	if !rest[0].applies(node) {
		return nil, &p.miss
	}
	nodes := []any{node}
	for i := range rest {
		next := []any{}
		for _, n := range nodes {
			next = rest[i].appendNodes(next, n, start)
		}
		nodes = next
	}
	if p.single {
		return nodes[0], nil
	}
	return nodes, nil
}
