package asl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"tripsaga/asl/expr"
	"tripsaga/shared/strictjson"
)

// maxSeconds bounds every duration of a definition, as Step Functions does.
const maxSeconds = 99999999

// parser collects all problems instead of stopping at the first.
type parser struct {
	problems []Problem
	notes    []Problem
	names    map[string]string // path of each state in the whole machine, by name
	links    []link

	tokens    []string // paths of the expressions that read $$.Task
	callbacks []string // paths of the Parameters in which they may
}

func (p *parser) problem(path, format string, args ...any) {
	p.problems = append(p.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *parser) note(path, format string, args ...any) {
	p.notes = append(p.notes, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Parse validates a definition, JSON of at most [MaxDefinition] bytes. The error is a [*DefinitionError] with all problems.
// Features of Step Functions that this package does not support are problems, too, so a definition that parses runs as
// on Step Functions.
//
// A Resource may be a placeholder such as "${ReserveFlight}", which a deployment substitutes. Here it names the function
// ReserveFlight, so the file that is deployed runs unchanged.
func Parse(definition []byte) (*Machine, error) {
	p := &parser{names: map[string]string{}}
	if v, ok := p.decodeDefinition(definition); ok {
		p.scan(v, "$", "", 0)
		m := p.machine(v)
		p.checkTokens()
		if len(p.problems) == 0 {
			m.describe()
			sortProblems(p.notes)
			m.notes = p.notes
			return m, nil
		}
	}
	sortProblems(p.problems)
	return nil, &DefinitionError{Problems: p.problems}
}

func (p *parser) machine(v any) *Machine {
	o, ok := p.object(v, "$", "the definition")
	if !ok {
		return nil
	}
	m := &Machine{}
	m.comment, _ = o.fields["Comment"].(string)
	m.timeout = time.Duration(o.integer("TimeoutSeconds", 1, maxSeconds, 0)) * time.Second
	if version, ok := o.text("Version"); ok && version != "1.0" {
		o.problem("Version", "must be \"1.0\", is %q", version)
	}
	o.queryLanguage()
	m.root = p.graph(o, nil, nil, 0)
	o.close()
	p.connect()
	if len(p.problems) == 0 {
		p.checkReachable(m.root)
		p.checkScopes(m.root, nil)
	}
	return m
}

func (o *object) queryLanguage() {
	if language, ok := o.text("QueryLanguage"); ok && language != "JSONPath" {
		o.problem("QueryLanguage", "%q is not supported, only \"JSONPath\"", language)
	}
}

// graph reads StartAt and States of o.
func (p *parser) graph(o *object, parent *graph, owner *state, index int) *graph {
	g := &graph{path: o.path, parent: parent, owner: owner, index: index, states: map[string]*state{}}
	start := o.requiredText("StartAt")
	v, ok := o.get("States")
	if !ok {
		p.problem(o.path, "%s needs the field \"States\"", o.what)
		return g
	}
	fields, ok := v.(map[string]any)
	if !ok {
		o.problem("States", "must be an object, is %s", kindOf(v))
		return g
	}
	if len(fields) == 0 {
		o.problem("States", "must have at least one state")
		return g
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		p.state(g, name, fields[name], join(o.at("States"), name))
	}
	if g.start = g.states[start]; g.start == nil && start != "" {
		o.problem("StartAt", "there is no state %q; there are %s", start, g.stateNames())
	}
	return g
}

func (g *graph) stateNames() string {
	return strings.Join(slices.Sorted(maps.Keys(g.states)), ", ")
}

func (p *parser) state(g *graph, name string, v any, path string) {
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxName {
		p.problem(path, "a state's name has 1 to %d characters, this one has %d", MaxName, n)
	}
	if other, taken := p.names[name]; taken {
		p.problem(path, "the name is taken by %s; names are unique in the whole machine", other)
	}
	p.names[name] = path
	st := &state{name: name, path: path, graph: g}
	g.states[name] = st
	o, ok := p.object(v, path, "a state")
	if !ok {
		return
	}
	st.fields = o.fields
	st.kind = o.requiredText("Type")
	st.comment, _ = o.fields["Comment"].(string)
	read, ok := kinds[st.kind]
	if !ok {
		if st.kind != "" {
			o.problem("Type", "there is no %q; there are %s", st.kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		return
	}
	o.graph = g
	o.what = "a " + st.kind + " state"
	o.queryLanguage()
	o.refuseJSONata()
	st.entered, st.exited = st.kind+"StateEntered", st.kind+"StateExited"
	st.body = read(o, st)
	o.close()
}

// kinds parses the fields that only one type of state has.
var kinds map[string]func(*object, *state) body

func init() {
	kinds = map[string]func(*object, *state) body{
		"Task": parseTask, "Pass": parsePass, "Choice": parseChoice, "Wait": parseWait,
		"Succeed": parseSucceed, "Fail": parseFail, "Parallel": parseParallel, "Map": parseMap,
	}
}

func (o *object) refuseJSONata() {
	for _, name := range []string{"Arguments", "Output", "Items"} {
		o.refuse(name, "belongs to JSONata, which is not supported")
	}
}

// transition reads Next and End, of which exactly one is required.
func (o *object) transition(st *state) {
	st.end = o.flag("End")
	next, hasNext := o.text("Next")
	switch {
	case hasNext && st.end:
		o.problem("End", "Next and \"End\": true exclude each other")
	case hasNext:
		o.link("Next", next, &st.next)
	case !st.end && !o.has("Next"):
		o.p.problem(o.path, "%s needs Next or \"End\": true", o.what)
	}
}

// result reads the fields of the states that produce a result: Task, Parallel, Map.
func (o *object) result(st *state) {
	st.selector = o.template("ResultSelector")
	st.placement = o.placement()
	st.retry = o.retriers()
	st.catch = o.catchers()
	st.canRetry = true
}

// flow reads the fields that most states share.
func (o *object) flow(st *state) {
	st.input = o.selection("InputPath")
	st.output = o.selection("OutputPath")
	st.assign = o.assignment()
}

// scan finds the expressions that read the task token, anywhere in the definition.
func (p *parser) scan(v any, path, key string, depth int) {
	if depth > maxDepth {
		p.problem(path, "nested more than %d deep", maxDepth)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			p.scan(field, join(path, name), name, depth+1)
		}
	case []any:
		for i, element := range v {
			p.scan(element, at(path, i), key, depth+1)
		}
	case string:
		expression := strings.HasSuffix(key, ".$") || strings.HasSuffix(key, "Path") || key == "Variable"
		if expression && (strings.Contains(v, "$$.Task") || strings.Contains(v, "$$['Task']")) {
			p.tokens = append(p.tokens, path)
		}
	}
}

// checkTokens requires that the task token is read only where it exists, and adds a note where no function receives it.
func (p *parser) checkTokens() {
	used := map[string]bool{}
	for _, path := range p.tokens {
		i := slices.IndexFunc(p.callbacks, func(params string) bool {
			return strings.HasPrefix(path, params+".") || strings.HasPrefix(path, params+"[")
		})
		if i < 0 {
			p.problem(path, "$$.Task.Token exists only in Parameters of a Task whose Resource is arn:aws:states:::lambda:invoke.waitForTaskToken")
			continue
		}
		used[p.callbacks[i]] = true
	}
	for _, params := range p.callbacks {
		if !used[params] {
			p.note(params, "no Payload has $$.Task.Token: no caller can answer, and only a time-out ends the state")
		}
	}
}

// maxDepth is the maximum nesting of a definition, far more than real ones have.
const maxDepth = 200

// decodeDefinition reads a definition into map[string]any, []any, string, bool, nil and json.Number.
func (p *parser) decodeDefinition(data []byte) (any, bool) {
	if len(data) > MaxDefinition {
		p.problem("$", "the definition has %d bytes, allowed are %d", len(data), MaxDefinition)
		return nil, false
	}
	err := strictjson.Check(data)
	var e *strictjson.Error
	if errors.As(err, &e) {
		p.problem("$"+e.Path, "line %d, column %d: %s", e.Line, e.Column, e.Message)
		return nil, false
	}
	v, err := expr.Decode(data)
	if err != nil {
		p.problem("$", "%s", err)
	}
	return v, err == nil
}

// join returns the JSON path of a field.
func join(path, field string) string {
	if isPlainName(field) {
		return path + "." + field
	}
	return path + "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(field) + "']"
}

// at returns the JSON path of an array's element.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func isPlainName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Problem is one error, or one doubtful place, in a definition.
type Problem struct {
	Path    string // JSON path of the place, such as "$.States.Pay.Retry[1].IntervalSeconds"
	Message string // what is wrong there and what is allowed
}

func (p Problem) String() string { return p.Path + ": " + p.Message }

// DefinitionError lists everything that is wrong with a definition, ordered by path.
type DefinitionError struct {
	Problems []Problem
}

func (e *DefinitionError) Error() string {
	if len(e.Problems) == 1 {
		return "asl: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "asl: the definition has %d problems:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

func sortProblems(problems []Problem) {
	sort.SliceStable(problems, func(i, j int) bool { return problems[i].Path < problems[j].Path })
}
