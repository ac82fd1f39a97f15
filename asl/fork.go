package asl

import (
	"encoding/json"
	"strconv"

	"tripsaga/asl/expr"
)

// parallel is a Parallel state.
type parallel struct {
	branches []*graph
}

// fork is a Parallel or Map state that runs.
type fork struct {
	children []*thread // by branch or iteration; nil until it starts
	ended    int       // number that succeeded
	next     int       // the first that has not started
	limit    int       // most that run concurrently
	begin    func(i int) (*thread, *failure)
}

func parseParallel(o *object, st *state) body {
	o.flow(st)
	o.result(st)
	o.transition(st)
	st.params = o.template("Parameters")
	b := &parallel{}
	elements, ok := o.array("Branches")
	if !o.has("Branches") || ok && len(elements) == 0 {
		o.p.problem(o.path, "a Parallel state needs Branches with at least one branch")
	}
	for i, v := range elements {
		branch, ok := o.p.object(v, at(o.at("Branches"), i), "a branch")
		if !ok {
			continue
		}
		b.branches = append(b.branches, o.p.graph(branch, o.graph, st, i))
		branch.close()
	}
	return b
}

func (b *parallel) visit(s *stepper, t *thread, input any) {
	input, f := s.template(t, t.state.params, input, "Parameters")
	size := 0
	if f == nil {
		size, f = t.checkSize(input)
	}
	if f != nil {
		s.fail(t, f)
		return
	}
	s.forkStarted(t, len(b.branches))
	n := len(b.branches)
	t.fork = &fork{children: make([]*thread, n), limit: n}
	t.fork.begin = func(i int) (*thread, *failure) {
		child := t.child(i)
		child.begin(b.branches[i].start, input, size)
		return child, nil
	}
	s.startChildren(t)
}

// child returns a thread below t. It reads t's variables as they are now; t cannot change them before the child ends. Its
// first history event refers to t's last one: the state's start, or the end of the iteration that made room.
func (t *thread) child(i int) *thread {
	return &thread{parent: t, index: i, item: t.item, vars: t.vars, last: t.last}
}

// startChildren starts as many branches or iterations as may run concurrently.
func (s *stepper) startChildren(t *thread) {
	f := t.fork
	for ; f.next < len(f.children) && f.next-f.ended < f.limit; f.next++ {
		child, failed := f.begin(f.next)
		if failed != nil {
			s.forkFailed(t, failed, t.last)
			return
		}
		f.children[f.next] = child
		s.iterationEvent(child, "MapIterationStarted")
		s.enqueue(child)
	}
}

func (s *stepper) childSucceeded(child *thread) {
	t := child.parent
	f := t.fork
	f.ended++
	s.iterationEvent(child, "MapIterationSucceeded")
	t.last = child.last
	if f.ended < len(f.children) {
		s.startChildren(t)
		return
	}
	s.joinFork(t)
}

// joinFork collects the outputs in the order of the branches or items.
func (s *stepper) joinFork(t *thread) {
	outputs := make([]any, len(t.fork.children))
	for i, child := range t.fork.children {
		outputs[i] = child.output
	}
	t.fork = nil
	s.forkEvent(t, "StateSucceeded")
	s.complete(t, outputs)
}

// childFailed fails the whole state: the first failure decides, and the other branches are aborted. The state's own failure
// is recorded once, when no retry is left.
func (s *stepper) childFailed(child *thread, f *failure) {
	cause := child.last
	s.iterationEvent(child, "MapIterationFailed")
	s.forkFailed(child.parent, f, cause)
}

func (s *stepper) forkFailed(t *thread, f *failure, cause int64) {
	s.abortFork(t.fork, cause)
	t.last = cause
	above := *f
	above.branch = true
	s.fail(t, &above)
}

// maxInlineConcurrency is how many iterations of an inline Map run concurrently at most:
// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
const maxInlineConcurrency = 40

// mapping is an inline Map state.
type mapping struct {
	processor       *graph
	items           *expr.Path
	selector        *expr.Template // ItemSelector
	selectorField   string
	concurrency     int // 0: the definition sets no limit
	concurrencyPath *expr.Path
}

// mapItem is $$.Map.Item.
type mapItem struct {
	index int
	value any
}

func parseMap(o *object, st *state) body {
	o.flow(st)
	o.result(st)
	o.transition(st)
	o.refuseDistributed()
	b := &mapping{items: o.referencePath("ItemsPath"), selectorField: "ItemSelector"}
	o.either("ItemSelector", "Parameters")
	b.selector = o.template("ItemSelector")
	if legacy := o.template("Parameters"); legacy != nil {
		b.selector, b.selectorField = legacy, "Parameters"
	}
	o.either("MaxConcurrency", "MaxConcurrencyPath")
	b.concurrency = o.integer("MaxConcurrency", 0, maxSeconds, 0)
	b.concurrencyPath = o.referencePath("MaxConcurrencyPath")
	b.processor = o.processor(st)
	return b
}

func (o *object) refuseDistributed() {
	for _, name := range []string{
		"ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailurePercentage",
		"ToleratedFailurePercentagePath", "ToleratedFailureCount", "ToleratedFailureCountPath",
	} {
		o.refuse(name, "belongs to the distributed Map, which is not supported; the inline Map is")
	}
}

// processor reads ItemProcessor or Iterator, its former name.
func (o *object) processor(st *state) *graph {
	name := "ItemProcessor"
	o.either(name, "Iterator")
	v, ok := o.get(name)
	if legacy, has := o.get("Iterator"); has {
		name, v, ok = "Iterator", legacy, true
	}
	if !ok {
		o.p.problem(o.path, "a Map state needs ItemProcessor")
		return &graph{}
	}
	inner, ok := o.p.object(v, o.at(name), "an item processor")
	if !ok {
		return &graph{}
	}
	if config, has := inner.get("ProcessorConfig"); has {
		inner.processorConfig(config)
	}
	g := o.p.graph(inner, o.graph, st, 0)
	inner.close()
	return g
}

func (o *object) processorConfig(v any) {
	config, ok := o.p.object(v, o.at("ProcessorConfig"), "a processor configuration")
	if !ok {
		return
	}
	if mode, has := config.text("Mode"); has && mode != "INLINE" {
		config.problem("Mode", "%q is not supported, only \"INLINE\"", mode)
	}
	config.refuse("ExecutionType", "belongs to the distributed Map, which is not supported; the inline Map is")
	config.close()
}

func (b *mapping) visit(s *stepper, t *thread, input any) {
	items, f := b.itemsOf(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	limit, f := b.limit(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	s.forkStarted(t, len(items))
	t.fork = &fork{children: make([]*thread, len(items)), limit: limit}
	t.fork.begin = func(i int) (*thread, *failure) { return b.iteration(s, t, input, items, i) }
	if len(items) == 0 {
		s.joinFork(t)
		return
	}
	s.startChildren(t)
}

func (b *mapping) itemsOf(s *stepper, t *thread, input any) ([]any, *failure) {
	if b.items != nil {
		v, err := b.items.Get(s.env(t, input))
		if err != nil {
			return nil, t.evaluation("ItemsPath", err)
		}
		s.flow(t, "ItemsPath", v)
		input = v
	}
	items, ok := input.([]any)
	if !ok {
		return nil, runtimeFailure("ItemsPath: must give an array, gives %s", kindOf(input))
	}
	return items, nil
}

func (b *mapping) limit(s *stepper, t *thread, input any) (int, *failure) {
	limit := b.concurrency
	if b.concurrencyPath != nil {
		v, err := b.concurrencyPath.Get(s.env(t, input))
		if err != nil {
			return 0, t.evaluation("MaxConcurrencyPath", err)
		}
		if limit, err = strconv.Atoi(numeral(v)); err != nil || limit < 0 {
			return 0, runtimeFailure("MaxConcurrencyPath: must give a whole number from 0, gives %s", shown(v))
		}
	}
	if limit == 0 || limit > maxInlineConcurrency {
		limit = maxInlineConcurrency
	}
	return limit, nil
}

// numeral returns the text of a number, which may be in a string.
func numeral(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	number, _ := v.(json.Number)
	return string(number)
}

// iteration returns the thread of item i. ItemSelector is evaluated on the state's input and sees $$.Map.Item.
func (b *mapping) iteration(s *stepper, t *thread, input any, items []any, i int) (*thread, *failure) {
	child := t.child(i)
	child.item = &mapItem{index: i, value: items[i]}
	own := items[i]
	if b.selector != nil {
		outer := t.item
		t.item = child.item
		s.x.context.forget()
		v, f := s.template(t, b.selector, input, b.selectorField)
		t.item = outer
		s.x.context.forget()
		if f != nil {
			return nil, f
		}
		own = v
	}
	size, f := t.checkSize(own)
	if f != nil {
		return nil, f
	}
	child.begin(b.processor.start, own, size)
	return child, nil
}
