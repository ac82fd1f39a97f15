package expr

// Env is what an expression reads.
type Env struct {
	Data any // $
	// Context is $$: the context object, or a func() any that builds it. The function is called each time that a path
	// reads the context object, so it should keep what it built.
	Context any
	Vars    map[string]any // $name; nil when there are none
	// Random feeds States.UUID and States.MathRandom without a seed; without it they fail.
	Random func() uint64
}

func (e *Env) context() any {
	if build, ok := e.Context.(func() any); ok {
		return build()
	}
	return e.Context
}
