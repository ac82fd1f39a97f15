package expr

// Get evaluates the path. A definite path yields the value it selects; the error wraps [ErrNoMatch] when there is none,
// or when the variable is not set. Another path yields a list ([]any), which is empty also when its definite beginning
// selects nothing ("$.missing[*]"); its error wraps ErrNoMatch only when a segment for arrays meets something else
// ("$[1:5]" on an object). An evaluation that visits too much fails with States.DataLimitExceeded. The value must not be
// changed.
func (p *Path) Get(env *Env) (any, error) {
	if p.prefix != len(p.segments) {
		env.begin()
	}
	return p.get(env)
}

// get is Get within an evaluation that has begun.
func (p *Path) get(env *Env) (any, error) {
	start, ok := p.start(env)
	if !ok {
		return nil, &p.miss
	}
	node := start
	for i := range p.segments[:p.prefix] {
		within := node
		if node, ok = p.segments[i].child(within); ok {
			continue
		}
		if p.Definite() || !p.segments[i].applies(within) {
			return nil, &p.miss
		}
		return []any{}, nil
	}
	if p.prefix == len(p.segments) {
		return node, nil
	}
	return p.collect(env, node, start)
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

func (p *Path) collect(env *Env, node, start any) (any, error) {
	rest := p.segments[p.prefix:]
	if !rest[0].applies(node) {
		return nil, &p.miss
	}
	nodes := []any{node}
	for i := range rest {
		next := selection{env: env, root: start, nodes: []any{}}
		for _, n := range nodes {
			rest[i].selectFrom(&next, n)
			if next.err != nil {
				return nil, next.err
			}
		}
		nodes = next.nodes
	}
	switch {
	case !p.single:
		return nodes, nil
	case len(nodes) == 0: // ['a','b'] of what is no object
		return nil, &p.miss
	}
	return nodes[0], nil
}
