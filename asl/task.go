package asl

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"tripsaga/asl/expr"
)

// task is a Task state.
type task struct {
	resource  resource
	qualifier string // of lambda:invoke
	timeout   seconds
	heartbeat seconds
}

// seconds is a duration, either a constant or selected by a path. The zero value means no limit.
type seconds struct {
	field string
	value time.Duration
	path  *expr.Path
}

func parseTask(o *object, st *state) body {
	o.flow(st)
	o.result(st)
	o.transition(st)
	o.refuse("Credentials", "is not supported: tasks run with the engine's own rights")
	st.params = o.template("Parameters")
	b := &task{timeout: o.seconds("TimeoutSeconds"), heartbeat: o.seconds("HeartbeatSeconds")}
	if h, t := b.heartbeat.value, b.timeout.value; h > 0 && t > 0 && h >= t {
		o.problem("HeartbeatSeconds", "must be smaller than TimeoutSeconds (%d), is %d", int(t.Seconds()), int(h.Seconds()))
	}
	text := o.requiredText("Resource")
	if text == "" {
		return b
	}
	r, why := parseResource(text)
	if why != "" {
		o.problem("Resource", "%q %s", text, why)
	}
	b.resource = r
	if r.invoke {
		b.parseInvoke(o)
	}
	if r.callback {
		o.p.callbacks = append(o.p.callbacks, o.at("Parameters"))
		if !o.has("TimeoutSeconds") && !o.has("TimeoutSecondsPath") && !o.has("HeartbeatSeconds") && !o.has("HeartbeatSecondsPath") {
			o.p.note(o.path, "without TimeoutSeconds the state waits for ever for a callback that is lost")
		}
	}
	return b
}

// seconds reads a field of seconds or its Path form.
func (o *object) seconds(field string) seconds {
	o.either(field, field+"Path")
	return seconds{
		field: field + "Path",
		value: time.Duration(o.integer(field, 1, maxSeconds, 0)) * time.Second,
		path:  o.referencePath(field + "Path"),
	}
}

// parseInvoke reads the Parameters of lambda:invoke.
func (b *task) parseInvoke(o *object) {
	v, ok := o.fields["Parameters"].(map[string]any)
	if !ok {
		o.p.problem(o.path, "lambda:invoke needs Parameters with FunctionName")
		return
	}
	params, _ := o.child(v, o.at("Parameters"), "lambda:invoke")
	params.get("Payload")
	params.get("Payload.$")
	params.either("Payload", "Payload.$")
	params.either("FunctionName", "FunctionName.$")
	if _, dynamic := params.get("FunctionName.$"); !dynamic {
		b.resource.function = functionName(params.requiredText("FunctionName"))
	}
	if kind, ok := params.text("LogType"); ok && kind != "None" && kind != "Tail" {
		params.problem("LogType", "must be \"None\" or \"Tail\", is %q", kind)
	}
	if kind, ok := params.text("InvocationType"); ok && kind != "RequestResponse" {
		params.problem("InvocationType", "must be \"RequestResponse\", is %q", kind)
	}
	b.qualifier = "$LATEST"
	if q, ok := params.text("Qualifier"); ok {
		b.qualifier = q
	}
	params.close()
}

// visit delivers the task.
func (b *task) visit(s *stepper, t *thread, input any) {
	timeout, f := b.timeout.eval(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	heartbeat, f := b.heartbeat.eval(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	if timeout > 0 && heartbeat >= timeout {
		s.fail(t, runtimeFailure("HeartbeatSecondsPath: %s is not smaller than the time-out of %s", heartbeat, timeout))
		return
	}
	if b.resource.callback {
		t.token = s.x.started.token(s.x.lastTask + 1)
		s.x.context.forget()
	}
	t.heartbeatEvery = heartbeat
	if t.state.params != nil && !b.resource.invoke && s.rec == nil && s.watch == nil {
		s.deliverText(t, b, input, timeout)
		return
	}
	params, f := s.template(t, t.state.params, input, "Parameters")
	if f != nil {
		s.fail(t, f)
		return
	}
	function, payload, f := b.call(params)
	if f != nil {
		s.fail(t, f)
		return
	}
	if _, f := t.checkSize(payload); f != nil {
		s.fail(t, f)
		return
	}
	s.deliver(t, b, function, b.request(s, payload), params, timeout)
}

// deliverText delivers the value of Parameters as JSON text, without building the value.
func (s *stepper) deliverText(t *thread, b *task, input any, timeout time.Duration) {
	text, err := t.state.params.Append(s.x.scratch[:0], s.env(t, input))
	s.x.scratch = text
	switch {
	case err != nil:
		s.fail(t, t.evaluation("Parameters", err))
	case len(text) > MaxData:
		s.fail(t, dataLimit(t.state.name))
	default:
		s.deliver(t, b, b.resource.function, bytes.Clone(text), nil, timeout)
	}
}

// call returns the function to call and its payload.
func (b *task) call(params any) (function string, payload any, f *failure) {
	if !b.resource.invoke {
		return b.resource.function, params, nil
	}
	fields, _ := params.(map[string]any)
	name, ok := fields["FunctionName"].(string)
	if !ok || name == "" {
		return "", nil, runtimeFailure("Parameters: FunctionName must be a name or an ARN, is %s", shown(fields["FunctionName"]))
	}
	return functionName(name), fields["Payload"], nil
}

// request returns the function's input for a payload. As observed on AWS, lambda:invoke sends {} for a missing payload and
// for null, and it sends a string that holds JSON without its quotes.
func (b *task) request(s *stepper, payload any) []byte {
	text, isText := payload.(string)
	switch {
	case !b.resource.invoke:
	case payload == nil:
		payload = nothing
	case isText && json.Valid([]byte(text)):
		return []byte(text)
	}
	return s.encode(payload)
}

func (s *stepper) deliver(t *thread, b *task, function string, input []byte, params any, timeout time.Duration) {
	s.taskScheduled(t, b, input, params, timeout)
	s.taskStarted(t, b)
	s.x.lastTask++
	t.task, t.submitted = s.x.lastTask, false
	s.x.tasks.Set(t.task, t)
	s.x.starts = append(s.x.starts, StartTask{
		Task: t.task, State: t.state.name, Function: function, Resource: b.resource.text,
		Attempt: t.attempt, Input: input, Timeout: timeout, Callback: b.resource.callback,
	})
	s.effect(Effect{StartTask: &s.x.starts[len(s.x.starts)-1]})
	if timeout > 0 {
		t.timeoutTimer = s.setTimer(t, s.now.Add(timeout))
	}
	if t.heartbeatEvery > 0 {
		t.heartbeatTimer = s.setTimer(t, s.now.Add(t.heartbeatEvery))
	}
}

func (d *seconds) eval(s *stepper, t *thread, input any) (time.Duration, *failure) {
	if d.path == nil {
		return d.value, nil
	}
	n, f := s.wholeSeconds(t, d.path, input, d.field)
	return time.Duration(n) * time.Second, f
}

// wholeSeconds returns the number of seconds that path selects from data.
func (s *stepper) wholeSeconds(t *thread, path *expr.Path, data any, field string) (int, *failure) {
	v, err := path.Get(s.env(t, data))
	if err != nil {
		return 0, t.evaluation(field, err)
	}
	number, _ := v.(json.Number)
	n, err := strconv.Atoi(strings.TrimSuffix(string(number), ".0"))
	if err != nil || n < 1 || n > maxSeconds {
		return 0, runtimeFailure("%s: %s must give a whole number from 1 to %d, gives %s", field, path, maxSeconds, shown(v))
	}
	return n, nil
}

// taskSucceeded handles a task's output: the function's, or what the holder of a token has sent.
func (s *stepper) taskSucceeded(t *thread, output json.RawMessage) {
	b := t.state.body.(*task)
	s.releaseTask(t)
	if len(bytes.TrimSpace(output)) == 0 {
		output = json.RawMessage("null")
	}
	v, f := b.decode(output)
	if f != nil {
		s.taskFailed(t, b, f)
		return
	}
	if b.resource.invoke && !b.resource.callback {
		v = b.reply(v)
	}
	s.taskEndedWell(t, b, output, v)
	s.complete(t, v)
}

// taskSubmitted handles the output of a callback task's function. The task continues to wait, unless the output is invalid.
func (s *stepper) taskSubmitted(t *thread, output json.RawMessage) {
	b := t.state.body.(*task)
	v, f := b.decode(output)
	if f != nil {
		s.releaseTask(t)
		s.taskFailed(t, b, f)
		return
	}
	t.submitted = true
	s.taskReplied(t, b, b.reply(v))
}

func (b *task) decode(output json.RawMessage) (any, *failure) {
	if len(output) > MaxData {
		f := dataLimit(taskName(b.resource.text))
		f.terminal = false // observed: States.ALL catches this one
		return nil, f
	}
	v, err := expr.Decode(output)
	if err != nil {
		return nil, runtimeFailure("the task's output is not JSON: %s", err)
	}
	return v, nil
}

// reply returns the result of lambda:invoke for a function's output.
func (b *task) reply(output any) any {
	return map[string]any{"ExecutedVersion": b.qualifier, "Payload": output, "StatusCode": json.Number("200")}
}

// taskFailed records the end of a delivery and fails the attempt.
func (s *stepper) taskFailed(t *thread, b *task, f *failure) {
	t.own(f)
	s.taskEndedBadly(t, b, f)
	s.fail(t, f)
}

// heartbeat restarts the heartbeat timer under its id.
func (s *stepper) heartbeat(t *thread) {
	if t.heartbeatTimer != 0 {
		s.requestTimer(t.heartbeatTimer, s.now.Add(t.heartbeatEvery))
	}
}

// releaseTask forgets the delivery, so that [Execution.Wants] is false for a later reply.
func (s *stepper) releaseTask(t *thread) {
	s.x.tasks.Delete(t.task)
	t.task = 0
	s.cancelTimer(&t.timeoutTimer)
	s.cancelTimer(&t.heartbeatTimer)
}

// resource is a parsed Resource field.
type resource struct {
	text     string
	function string // "" when Parameters name it
	invoke   bool   // arn:aws:states:::lambda:invoke
	callback bool   // the same with .waitForTaskToken
}

const waitForTaskToken = ".waitForTaskToken"

func (st *state) isCallback() bool {
	b, ok := st.body.(*task)
	return ok && b.resource.callback
}

// parseResource parses a Resource. why says what is wrong with it; "" if it is valid.
func parseResource(text string) (r resource, why string) {
	r.text = text
	parts := strings.Split(text, ":")
	if parts[0] != "arn" {
		r.function = substituted(text)
		return r, ""
	}
	if len(parts) < 7 {
		return r, "is not a complete ARN: a Lambda function's is arn:aws:lambda:REGION:ACCOUNT:function:NAME"
	}
	switch service := parts[2]; {
	case service == "lambda":
		return lambdaResource(r, parts)
	case service == "states" && parts[3] == "" && parts[4] == "":
		return integration(r, parts)
	case service == "states" && parts[5] == "activity":
		return r, "activities are not supported; allowed are Lambda functions"
	}
	return r, "is not supported; allowed are Lambda functions, by name or ARN, and arn:aws:states:::lambda:invoke, also with .waitForTaskToken"
}

func lambdaResource(r resource, parts []string) (resource, string) {
	if parts[5] != "function" || parts[6] == "" || len(parts) > 8 {
		return r, "is not a function: a Lambda function's ARN is arn:aws:lambda:REGION:ACCOUNT:function:NAME"
	}
	r.function = substituted(parts[6])
	return r, ""
}

func integration(r resource, parts []string) (resource, string) {
	name := strings.Join(parts[5:], ":")
	for _, pattern := range []string{".sync:2", ".sync"} {
		if strings.HasSuffix(name, pattern) {
			return r, "the pattern " + pattern + " is not supported; allowed are arn:aws:states:::lambda:invoke and the same with .waitForTaskToken"
		}
	}
	name, r.callback = strings.CutSuffix(name, waitForTaskToken)
	if name != "lambda:invoke" {
		return r, "the integration \"" + name + "\" is not supported; allowed is lambda:invoke"
	}
	r.invoke = true
	return r, ""
}

// substituted returns the name in a placeholder. A deployment substitutes "${ReserveFlight}" by the ARN of the function
// ReserveFlight.
func substituted(name string) string {
	if inner, ok := strings.CutPrefix(name, "${"); ok && strings.HasSuffix(inner, "}") {
		return strings.TrimSuffix(inner, "}")
	}
	return name
}

// functionName returns the function's name in a FunctionName: a name, "name:qualifier", an ARN or a part of one.
func functionName(text string) string {
	if strings.HasPrefix(text, "${") {
		return substituted(text)
	}
	parts := strings.Split(text, ":")
	for i, part := range parts {
		if part == "function" && i+1 < len(parts) {
			return substituted(parts[i+1])
		}
	}
	return parts[0]
}
