package expr

// Env is what an expression reads. One evaluation at a time may use it.
type Env struct {
	Data any // $
	// Context is $$: the context object, or a func() any that builds it. The function is called each time that a path
	// reads the context object, so it should keep what it built.
	Context any
	Vars    map[string]any // $name; nil when there are none
	// Random feeds States.UUID and States.MathRandom without a seed; without it they fail.
	Random func() uint64

	// What the evaluation under way may still do, and what its result may still weigh.
	work, room int
}

func (e *Env) context() any {
	if build, ok := e.Context.(func() any); ok {
		return build()
	}
	return e.Context
}
