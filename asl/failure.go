package asl

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tripsaga/asl/expr"
)

// failure is an error inside an execution. Retry and Catch match it, and an execution may end with it.
type failure struct {
	name  string
	cause string
	// terminal failures are not matched by a wildcard: States.Runtime is never matched, and a data limit that the execution
	// itself exceeded only by its name.
	terminal bool
	// branch: a branch of the state failed. States.BranchFailed matches it as well as the error's own name.
	branch bool
	// timeout: a timer ended the task. Step Functions records that as TimedOut, without a cause.
	timeout bool
	// state is the name of the state that failed first.
	state string
}

func runtimeFailure(format string, args ...any) *failure {
	return &failure{name: ErrRuntime, cause: fmt.Sprintf(format, args...), terminal: true}
}

// dataLimit returns the failure of a state whose data is over the limit.
func dataLimit(state string) *failure {
	return &failure{name: ErrDataLimitExceeded, cause: limitCause(state), terminal: true}
}

func limitCause(name string) string {
	return fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", name)
}

// OutputLimit returns the event for a task whose output is over the limit, so that the driver does not journal the output.
// As observed on AWS, States.ALL matches this error, and the cause names the resource.
func (t *StartTask) OutputLimit() Event {
	return Event{Failed: &TaskFailed{Task: t.Task, Error: ErrDataLimitExceeded, Cause: limitCause(taskName(t.Resource))}}
}

func taskName(resource string) string {
	if _, integration, ok := strings.Cut(resource, ":states:::"); ok {
		service, _, _ := strings.Cut(integration, ":")
		return service
	}
	return resource
}

// own makes f a failure of t's state, unless it comes from a branch.
func (t *thread) own(f *failure) {
	if f.state != "" || t.state == nil {
		return
	}
	f.state = t.state.name
	if f.name == ErrRuntime && f.terminal {
		f.cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s",
			t.state.name, t.enteredEvent, f.cause)
	}
}

// evaluation returns the failure of a path or a template of t's state. On Step Functions, a path that matches nothing is
// States.Runtime in every field, and never States.ParameterPathFailure, which the specification names for some.
func (t *thread) evaluation(field string, err error) *failure {
	var e *expr.Error
	if !errors.As(err, &e) {
		return runtimeFailure("%s: %s", field, err)
	}
	switch e.Name {
	case ErrParameterPathFailure, ErrRuntime:
		return runtimeFailure("%s", e.Message)
	case ErrDataLimitExceeded:
		return dataLimit(t.state.name)
	}
	return &failure{name: e.Name, cause: field + ": " + e.Message}
}

// retrier is one element of Retry.
type retrier struct {
	errors   []string
	interval float64 // seconds
	max      int
	rate     float64
	maxDelay float64 // seconds
	jitter   bool
}

// maxRetryDelay is the exclusive bound of MaxDelaySeconds: a leap year, longer than any execution may run.
const maxRetryDelay = 31622400

func (o *object) retriers() []retrier {
	elements, _ := o.array("Retry")
	list := make([]retrier, 0, len(elements))
	for i, v := range elements {
		e, ok := o.child(v, at(o.at("Retry"), i), "a retrier")
		if !ok {
			continue
		}
		list = append(list, e.retrier(i == len(elements)-1))
		e.close()
	}
	return list
}

func (o *object) retrier(last bool) retrier {
	r := retrier{errors: o.errorEquals(last)}
	interval := o.integer("IntervalSeconds", 1, maxSeconds, 1)
	r.interval = float64(interval)
	r.max = o.integer("MaxAttempts", 0, maxSeconds, 3)
	r.rate = o.backoffRate()
	r.maxDelay = float64(o.integer("MaxDelaySeconds", interval+1, maxRetryDelay-1, maxRetryDelay))
	if jitter, ok := o.text("JitterStrategy"); ok {
		if jitter != "FULL" && jitter != "NONE" {
			o.problem("JitterStrategy", "must be \"FULL\" or \"NONE\", is %q", jitter)
		}
		r.jitter = jitter == "FULL"
	}
	return r
}

func (o *object) backoffRate() float64 {
	v, ok := o.get("BackoffRate")
	if !ok {
		return 2
	}
	number, _ := v.(json.Number)
	rate, err := number.Float64()
	if err != nil || rate < 1 || math.IsInf(rate, 0) {
		o.problem("BackoffRate", "must be a number of at least 1.0, is %s", shown(v))
		return 2
	}
	return rate
}

// reservedErrors are the names that begin with "States." and exist.
var reservedErrors = []string{
	ErrAll, ErrTimeout, ErrHeartbeatTimeout, ErrTaskFailed, ErrPermissions, ErrResultPathMatchFailure,
	ErrParameterPathFailure, ErrBranchFailed, ErrNoChoiceMatched, ErrIntrinsicFailure, ErrExceedToleratedFailure,
	ErrItemReaderFailed, ErrResultWriterFailed, ErrDataLimitExceeded, ErrRuntime,
}

// errorEquals reads the names that a retrier or catcher matches.
func (o *object) errorEquals(last bool) []string {
	const field = "ErrorEquals"
	elements, ok := o.array(field)
	if !o.has(field) || ok && len(elements) == 0 {
		o.p.problem(o.path, "%s needs %s with at least one error name", o.what, field)
	}
	var names []string
	for i, v := range elements {
		name, ok := v.(string)
		path := at(o.at(field), i)
		if !ok || name == "" {
			o.p.problem(path, "must be an error name, is %s", shown(v))
			continue
		}
		o.p.checkErrorName(path, name)
		names = append(names, name)
	}
	if slices.Contains(names, ErrAll) && (len(names) > 1 || !last) {
		o.problem(field, "%s must be the only name, in the last element of the list", ErrAll)
	}
	return names
}

func (p *parser) checkErrorName(path, name string) {
	if len(name) > len("States.") && name[:len("States.")] == "States." && !slices.Contains(reservedErrors, name) {
		p.problem(path, "%q begins with \"States.\" and is not a reserved name", name)
	}
	if name == ErrRuntime {
		p.note(path, "%s never matches: such an error always fails the execution", ErrRuntime)
	}
}

// matches reports whether one of names matches f.
func matches(names []string, f *failure) bool {
	return slices.ContainsFunc(names, f.is)
}

// is reports whether the name of a retrier or catcher matches f. The rules are those of Step Functions:
//   - States.Runtime is matched by nothing: a definition that reads missing data is a bug, which no retry repairs.
//   - States.ALL and States.TaskFailed do not match a limit that the execution itself broke; its name does.
//   - States.TaskFailed matches every error of a task but States.Timeout, after which the task may have succeeded.
//   - States.Timeout also matches a missed heartbeat. States.HeartbeatTimeout matches only that.
//   - States.BranchFailed matches any failure of a branch, in addition to the failure's own name.
func (f *failure) is(name string) bool {
	switch {
	case f.name == ErrRuntime:
		return false
	case name == ErrAll:
		return !f.terminal
	case name == ErrTaskFailed:
		return !f.terminal && f.name != ErrTimeout
	case name == ErrTimeout:
		return f.name == ErrTimeout || f.name == ErrHeartbeatTimeout
	case name == ErrBranchFailed:
		return f.branch || f.name == name
	}
	return f.name == name
}

// retry sets the timer of the next attempt if a retrier matches f and has attempts left. The first retrier that matches
// decides: when it has no attempts left, later ones are not used. Each retrier counts its own attempts, so a task that is
// throttled and then times out has both retriers' attempts; attempt counts all of them, for $$.State.RetryCount. A fork
// starts again from nothing: results of branches that succeeded belong to the failed attempt.
func (s *stepper) retry(t *thread, f *failure) bool {
	st := t.state
	for i := range st.retry {
		r := &st.retry[i]
		if !matches(r.errors, f) {
			continue
		}
		if t.retries == nil {
			t.retries = make([]int, len(st.retry))
		}
		if t.retries[i] >= r.max {
			return false
		}
		delay := r.delay(t.retries[i], &s.x.random)
		t.retries[i]++
		t.attempt++
		t.fork = nil
		t.retryTimer = s.setTimer(t, s.now.Add(delay))
		return true
	}
	return false
}

// delay returns the wait before the retry that follows n earlier ones of this retrier. The cap comes before the jitter, as
// on Step Functions: full jitter draws from 0 to the capped delay. The draw comes from the execution's seed, so a replay
// computes the same timer.
func (r *retrier) delay(n int, random *random) time.Duration {
	seconds := math.Min(r.interval*math.Pow(r.rate, float64(n)), r.maxDelay)
	if r.jitter {
		seconds *= random.fraction()
	}
	return time.Duration(seconds * float64(time.Second))
}

// catcher is one element of Catch.
type catcher struct {
	errors    []string
	placement placement
	assign    *assignment
	next      *state
}

func (o *object) catchers() []catcher {
	elements, _ := o.array("Catch")
	list := make([]catcher, len(elements))
	for i, v := range elements {
		e, ok := o.child(v, at(o.at("Catch"), i), "a catcher")
		if !ok {
			continue
		}
		list[i].errors = e.errorEquals(i == len(elements)-1)
		list[i].placement = e.placement()
		list[i].assign = e.assignment()
		if next := e.requiredText("Next"); next != "" {
			e.link("Next", next, &list[i].next)
		}
		e.close()
	}
	return list
}

// catch leaves the state by the first catcher that matches f. The error output is placed into the state's raw input, without
// ResultSelector and OutputPath.
func (s *stepper) catch(t *thread, f *failure) bool {
	for i := range t.state.catch {
		c := &t.state.catch[i]
		if !matches(c.errors, f) {
			continue
		}
		s.follow(t, c, f.output())
		return true
	}
	return false
}

// output is the error output, the result that a catcher places.
func (f *failure) output() map[string]any {
	return map[string]any{"Error": f.name, "Cause": f.cause}
}

func (s *stepper) follow(t *thread, c *catcher, result map[string]any) {
	assigned, f := s.assign(t, c.assign, result)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	output, f := s.place(t, c.placement, result)
	size := 0
	if f == nil {
		size, f = t.checkSize(output)
	}
	if f != nil {
		s.giveUp(t, f)
		return
	}
	s.exit(t, output, size, assigned, c.next)
}

// fail ends the attempt of t's state. A retrier is tried first, then a catcher; otherwise the thread fails.
func (s *stepper) fail(t *thread, f *failure) {
	t.own(f)
	s.flowError(t, f)
	if s.retry(t, f) {
		return
	}
	if f.branch {
		s.forkEvent(t, "StateFailed")
	}
	if s.catch(t, f) {
		return
	}
	s.giveUp(t, f)
}
