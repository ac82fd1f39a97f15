package asl

import (
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"tripsaga/asl/choice"
	"tripsaga/asl/expr"
)

// pass is a Pass state.
type pass struct {
	result    any
	hasResult bool
}

func parsePass(o *object, st *state) body {
	o.flow(st)
	o.transition(st)
	st.params = o.template("Parameters")
	st.placement = o.placement()
	result, ok := o.get("Result")
	return &pass{result: result, hasResult: ok}
}

func (b *pass) visit(s *stepper, t *thread, input any) {
	result, f := s.template(t, t.state.params, input, "Parameters")
	if f != nil {
		s.fail(t, f)
		return
	}
	if b.hasResult {
		result = b.result
	}
	s.complete(t, result)
}

// choosing is a Choice state.
type choosing struct {
	rules    []choiceRule
	fallback *state // Default
}

type choiceRule struct {
	rule   *choice.Rule
	text   string
	assign *assignment
	next   *state
}

func parseChoice(o *object, st *state) body {
	o.flow(st)
	b := &choosing{}
	elements, ok := o.array("Choices")
	if !o.has("Choices") || ok && len(elements) == 0 {
		o.p.problem(o.path, "a Choice state needs Choices with at least one rule")
	}
	b.rules = make([]choiceRule, len(elements))
	for i, v := range elements {
		if e, ok := o.child(v, at(o.at("Choices"), i), "a choice rule"); ok {
			e.choiceRule(&b.rules[i])
		}
	}
	if name, ok := o.text("Default"); ok {
		o.link("Default", name, &b.fallback)
	}
	for _, name := range []string{"Next", "End"} {
		o.refuse(name, "a Choice state goes where its rules say; use Default")
	}
	return b
}

// choiceRule reads a rule: its comparison, Assign and Next.
func (o *object) choiceRule(r *choiceRule) {
	r.assign = o.assignment()
	if next := o.requiredText("Next"); next != "" {
		o.link("Next", next, &r.next)
	}
	comparison := maps.Clone(o.fields)
	delete(comparison, "Assign")
	r.text = describeRule(comparison)
	rule, err := choice.Parse(comparison)
	if err != nil {
		o.p.syntax(o.path, err)
	}
	r.rule = rule
}

func (b *choosing) visit(s *stepper, t *thread, input any) {
	for i := range b.rules {
		r := &b.rules[i]
		ok, err := r.rule.Match(s.env(t, input))
		if err != nil {
			s.fail(t, t.evaluation("Choices", err))
			return
		}
		if ok {
			s.choose(t, r.assign, input, r.next)
			return
		}
	}
	if b.fallback == nil {
		s.fail(t, &failure{name: ErrNoChoiceMatched, cause: "no rule matched and there is no Default"})
		return
	}
	s.choose(t, t.state.assign, input, b.fallback)
}

// choose leaves the state for next. A rule has its own Assign; the state's Assign is for Default.
func (s *stepper) choose(t *thread, a *assignment, input any, next *state) {
	assigned, f := s.assign(t, a, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	s.leave(t, input, t.inputSize(input), assigned, next)
}

// maxWait is the longest wait of a Wait state in seconds, as observed on AWS.
const maxWait = math.MaxInt32

// waiting is a Wait state. One of the fields is set.
type waiting struct {
	seconds       int // if all others are zero
	timestamp     time.Time
	secondsPath   *expr.Path
	timestampPath *expr.Path
}

func parseWait(o *object, st *state) body {
	o.flow(st)
	o.transition(st)
	b := &waiting{
		seconds:       o.integer("Seconds", 0, maxSeconds, 0),
		secondsPath:   o.referencePath("SecondsPath"),
		timestampPath: o.referencePath("TimestampPath"),
	}
	if text, ok := o.text("Timestamp"); ok {
		if b.timestamp, ok = parseTimestamp(text); !ok {
			o.problem("Timestamp", "must be like 2030-01-31T09:00:00Z, is %q", text)
		}
	}
	count := 0
	for _, name := range []string{"Seconds", "Timestamp", "SecondsPath", "TimestampPath"} {
		if o.has(name) {
			count++
		}
	}
	if count != 1 {
		o.p.problem(o.path, "a Wait state needs one of Seconds, Timestamp, SecondsPath, TimestampPath; here are %d", count)
	}
	return b
}

// parseTimestamp parses RFC 3339 with the capital T and Z that the language requires.
func parseTimestamp(text string) (time.Time, bool) {
	for _, c := range text {
		if c == 't' || c == 'z' || c == ' ' {
			return time.Time{}, false
		}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

func (b *waiting) visit(s *stepper, t *thread, input any) {
	until, f := b.until(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	if until.Sub(s.now) > maxWait*time.Second {
		s.fail(t, runtimeFailure("Wait state delay is too long."))
		return
	}
	if !until.After(s.now) {
		s.complete(t, input)
		return
	}
	t.waitTimer = s.setTimer(t, until)
}

// over completes the state when the wait's timer has fired.
func (b *waiting) over(s *stepper, t *thread) {
	input, f := t.state.input.apply(s, t, t.input, "InputPath")
	if f != nil {
		s.fail(t, f)
		return
	}
	s.complete(t, input)
}

func (b *waiting) until(s *stepper, t *thread, input any) (time.Time, *failure) {
	switch {
	case b.timestampPath != nil:
		return b.untilPath(s, t, input)
	case b.secondsPath != nil:
		return b.secondsFrom(s, t, input)
	case !b.timestamp.IsZero():
		return b.timestamp, nil
	}
	return s.now.Add(time.Duration(b.seconds) * time.Second), nil
}

// secondsFrom reads SecondsPath. Its messages for invalid values are those of Step Functions.
func (b *waiting) secondsFrom(s *stepper, t *thread, input any) (time.Time, *failure) {
	v, err := b.secondsPath.Get(s.env(t, input))
	if err != nil {
		return time.Time{}, t.evaluation("SecondsPath", err)
	}
	number, _ := v.(json.Number)
	n, err := strconv.ParseInt(strings.TrimSuffix(string(number), ".0"), 10, 64)
	switch {
	case err != nil:
		return time.Time{}, runtimeFailure("The SecondsPath parameter cannot be parsed as a long value: %s == %s", b.secondsPath, shown(v))
	case n < 0:
		return time.Time{}, runtimeFailure("The SecondsPath parameter references a negative value: %s == %d", b.secondsPath, n)
	}
	return s.now.Add(time.Duration(min(n, maxWait+1)) * time.Second), nil
}

func (b *waiting) untilPath(s *stepper, t *thread, input any) (time.Time, *failure) {
	v, err := b.timestampPath.Get(s.env(t, input))
	if err != nil {
		return time.Time{}, t.evaluation("TimestampPath", err)
	}
	text, _ := v.(string)
	at, ok := parseTimestamp(text)
	if !ok {
		return time.Time{}, runtimeFailure("TimestampPath: %s must give a timestamp like 2030-01-31T09:00:00Z, gives %s",
			b.timestampPath, shown(v))
	}
	return at, nil
}

// succeed is a Succeed state.
type succeed struct{}

func parseSucceed(o *object, st *state) body {
	st.input = o.selection("InputPath")
	st.output = o.selection("OutputPath")
	return succeed{}
}

func (succeed) visit(s *stepper, t *thread, input any) {
	s.leave(t, input, t.inputSize(input), nil, nil)
}

// failing is a Fail state.
type failing struct {
	name, cause dynamicText
}

// dynamicText is a text: a constant, or the value of a path or an intrinsic function.
type dynamicText struct {
	field    string
	text     string
	template *expr.Template
}

func parseFail(o *object, _ *state) body {
	return &failing{name: o.dynamicText("Error"), cause: o.dynamicText("Cause")}
}

func (o *object) dynamicText(field string) dynamicText {
	d := dynamicText{field: field + "Path"}
	o.either(field, d.field)
	d.text, _ = o.text(field)
	path, ok := o.text(d.field)
	if !ok {
		return d
	}
	tpl, err := expr.ParseField(d.field, path)
	if err != nil {
		o.problem(d.field, "%s", syntaxMessage(err))
	}
	d.template = tpl
	return d
}

func (b *failing) visit(s *stepper, t *thread, input any) {
	name, f := b.name.eval(s, t, input)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	cause, f := b.cause.eval(s, t, input)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	f = &failure{name: name, cause: cause}
	s.flowError(t, f)
	s.giveUp(t, f)
}

func (d *dynamicText) eval(s *stepper, t *thread, input any) (string, *failure) {
	if d.template == nil {
		return d.text, nil
	}
	v, f := s.template(t, d.template, input, d.field)
	if f != nil {
		return "", f
	}
	text, ok := v.(string)
	if !ok {
		return "", runtimeFailure("%s: must give a string, gives %s", d.field, shown(v))
	}
	return text, nil
}
