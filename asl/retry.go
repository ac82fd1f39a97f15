package asl

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// retrier is one element of Retry.
type retrier struct {
	errors   []string
	interval float64 // seconds
	max      int
	rate     float64
	maxDelay float64 // seconds
	jitter   bool
}

// maxRetryDelay is the exclusive bound of MaxDelaySeconds, a leap year: nothing that an execution lives to see.
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
		o.problem(field, "%s stands alone, and in the last element of its list", ErrAll)
	}
	return names
}

func (p *parser) checkErrorName(path, name string) {
	if len(name) > len("States.") && name[:len("States.")] == "States." && !slices.Contains(reservedErrors, name) {
		p.problem(path, "%q begins with \"States.\" and is none of the reserved names", name)
	}
	if name == ErrRuntime {
		p.note(path, "%s never matches: such an error always fails the execution", ErrRuntime)
	}
}

// matches tells whether one of names stands for f.
func matches(names []string, f *failure) bool {
	return slices.ContainsFunc(names, f.is)
}

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

// retry sets the timer for another attempt, when a retrier matches f and has attempts left. The first that matches
// decides: when it has none left, no other is asked.
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

// delay is the wait before the retry that follows n earlier ones of this retrier.
func (r *retrier) delay(n int, random *random) time.Duration {
	seconds := math.Min(r.interval*math.Pow(r.rate, float64(n)), r.maxDelay)
	if r.jitter {
		seconds *= random.fraction()
	}
	return time.Duration(seconds * float64(time.Second))
}
