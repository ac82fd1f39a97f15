package asl

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tripsaga/asl/expr"
)

// contextObject is $$. It is built when an expression first reads it, since most states do not.
type contextObject struct {
	thread    *thread
	value     map[string]any
	execution map[string]any
	machine   map[string]any
}

// forget drops the cached values of one visit.
func (c *contextObject) forget() { c.value = nil }

// restart drops the cached values that a redrive changes.
func (c *contextObject) restart() { c.value, c.execution = nil, nil }

// env returns the environment of t's expressions, with data as $. It is valid until the next call.
func (s *stepper) env(t *thread, data any) *expr.Env {
	x := s.x
	if x.context.thread != t {
		x.context.thread = t
		x.context.forget()
	}
	x.env.Data, x.env.Vars = data, t.vars
	return &x.env
}

// lazyContext implements [expr.ContextObject] for the expressions of an execution.
type lazyContext Execution

// Object returns the context object.
func (l *lazyContext) Object() any {
	x := (*Execution)(l)
	c := &x.context
	if c.value != nil {
		return c.value
	}
	if c.execution == nil {
		c.execution = x.executionContext()
		c.machine = map[string]any{"Id": x.started.StateMachineID, "Name": x.started.StateMachineName}
	}
	c.value = map[string]any{"Execution": c.execution, "StateMachine": c.machine, "State": c.thread.stateContext()}
	if st := c.thread.state; st != nil && st.isCallback() {
		c.value["Task"] = map[string]any{"Token": c.thread.token}
	}
	if item := c.thread.item; item != nil {
		c.value["Map"] = map[string]any{"Item": map[string]any{"Index": number(item.index), "Value": item.value}}
	}
	return c.value
}

// Member returns the parts of the context object that most definitions read, without building all of it.
func (x *lazyContext) Member(object, name string) (any, bool) {
	if object == "State" && name == "RetryCount" {
		t := x.context.thread
		if t.state == nil || !t.state.canRetry {
			return nil, false
		}
		if t.attempt == 0 {
			return zero, true
		}
		return number(t.attempt), true
	}
	if object != "Execution" {
		return nil, false
	}
	switch name {
	case "Id":
		return x.id, true
	case "Name":
		return x.name, true
	}
	return nil, false
}

var zero any = number(0)

func (x *Execution) executionContext() map[string]any {
	return map[string]any{
		"Id":           x.started.ExecutionID,
		"Input":        x.input,
		"Name":         x.started.Name,
		"RoleArn":      x.started.RoleARN,
		"StartTime":    timestamp(x.start),
		"RedriveCount": number(x.redrives),
	}
}

// stateContext returns $$.State. Only states that can retry have RetryCount.
func (t *thread) stateContext() map[string]any {
	if t.state == nil {
		return map[string]any{}
	}
	v := map[string]any{"Name": t.state.name, "EnteredTime": timestamp(t.entered)}
	if t.state.canRetry {
		v["RetryCount"] = number(t.attempt)
	}
	return v
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// maxVariables limits all variables that a state can see, in bytes. MaxData limits each of them.
const maxVariables = 10 << 20

// assignment is an Assign field.
type assignment struct {
	path     string
	names    []string
	template *expr.Template
}

func (o *object) assignment() *assignment {
	tpl := o.template("Assign")
	if tpl == nil {
		return nil
	}
	a := &assignment{path: o.at("Assign"), template: tpl}
	fields, _ := o.fields["Assign"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		name := strings.TrimSuffix(key, ".$")
		if why := checkVariableName(name); why != "" {
			o.p.problem(join(a.path, key), "%s", why)
		}
		a.names = append(a.names, name)
	}
	return a
}

// checkVariableName returns what is wrong with a variable's name; "" if it is valid.
func checkVariableName(name string) string {
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxName {
		return fmt.Sprintf("a variable's name has 1 to %d characters, this one has %d", MaxName, n)
	}
	if name == "states" {
		return "the name \"states\" is reserved"
	}
	for i, c := range name {
		begins := unicode.IsLetter(c) || c == '_'
		if !begins && (i == 0 || !unicode.In(c, unicode.Digit, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return "a variable's name begins with a letter or _, followed by letters, digits and _"
		}
	}
	return ""
}

// assign evaluates a with the variables as they were when the state was entered. The result takes effect when the state is
// left. It is nil without an Assign.
func (s *stepper) assign(t *thread, a *assignment, data any) (map[string]any, *failure) {
	if a == nil {
		return nil, nil
	}
	v, f := s.template(t, a.template, data, "Assign")
	if f != nil {
		return nil, f
	}
	assigned, _ := v.(map[string]any)
	if expr.Size(v, MaxData) > MaxData {
		return nil, dataLimit(t.state.name)
	}
	return assigned, t.checkVariables(assigned)
}

func (t *thread) checkVariables(assigned map[string]any) *failure {
	size := expr.Size(assigned, maxVariables)
	for name, v := range t.vars {
		if _, again := assigned[name]; !again {
			size += len(name) + expr.Size(v, maxVariables)
		}
	}
	if size > maxVariables {
		return &failure{
			name:     ErrDataLimitExceeded,
			cause:    fmt.Sprintf("the variables have more than %d bytes", maxVariables),
			terminal: true,
		}
	}
	return nil
}

// set makes assigned visible. It copies the map, because branches that still run may share the old one.
func (t *thread) set(assigned map[string]any) {
	if len(assigned) == 0 {
		return
	}
	vars := make(map[string]any, len(t.vars)+len(assigned))
	maps.Copy(vars, t.vars)
	maps.Copy(vars, assigned)
	t.vars = vars
}

// random is SplitMix64: small, fast, and with the same numbers for the same seed on every machine and in every release, as a
// replay requires. https://prng.di.unimi.it/splitmix64.c
type random struct{ state uint64 }

// Uint64 returns the next number.
func (r *random) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fraction returns a number that is uniformly distributed in [0, 1].
func (r *random) fraction() float64 {
	return float64(r.Uint64()>>11) / (1<<53 - 1)
}
