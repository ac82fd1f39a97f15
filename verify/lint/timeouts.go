package lint

import (
	"fmt"
	"math"
	"time"

	"tripsaga/asl"
)

// checkTimeouts requires that every task's time-outs are in the definition and longer than the function's.
func (s *survey) checkTimeouts() {
	for i := range s.places {
		if p := &s.places[i]; p.Type == "Task" {
			s.checkTimeout(p)
			s.checkHeartbeat(p, s.opt.Timeouts[p.Function])
		}
	}
}

func (s *survey) checkTimeout(p *place) {
	function := s.opt.Timeouts[p.Function]
	switch {
	case p.TimeoutSecondsPath != nil:
		s.find(noTimeout, p.Path+".TimeoutSecondsPath", p.Name, "give it TimeoutSeconds",
			"how long it may take is known only when it runs")
	case p.Timeout == 0:
		s.find(noTimeout, p.Path, p.Name, "give it TimeoutSeconds, longer than the function's own time-out",
			"it waits for a lost reply for ever")
	case function >= p.Timeout:
		s.find(functionTimeout, p.Path+".TimeoutSeconds", p.Name, "make it longer than "+function.String(),
			"the task times out after %s while the function, whose own time-out is %s, still works", p.Timeout, function)
	}
}

// checkHeartbeat need not compare with TimeoutSeconds: asl.Parse refuses a heartbeat that is not shorter.
func (s *survey) checkHeartbeat(p *place, function time.Duration) {
	switch {
	case p.HeartbeatSecondsPath != nil:
		s.find(notFollowed, p.Path+".HeartbeatSecondsPath", p.Name, "give it HeartbeatSeconds, or none",
			"a heartbeat that is found to be longer than the time-out fails the execution for good")
	case p.Heartbeat > 0 && !p.Callback && function >= p.Heartbeat:
		s.find(heartbeat, p.Path+".HeartbeatSeconds", p.Name, "leave it out, or make it longer than "+function.String(),
			"a function sends no heartbeat: a call that takes more than %s is abandoned while it works", p.Heartbeat)
	}
}

// longest is the maximum duration of an execution in seconds, retries included. If it is infinite, why is the reason.
type longest struct {
	seconds float64
	why     string
}

func without(format string, args ...any) longest {
	return longest{math.Inf(1), fmt.Sprintf(format, args...)}
}

// checkMachineTimeout requires that a time-out of the machine is longer than any execution.
func (s *survey) checkMachineTimeout() {
	limit := s.machine.Timeout().Seconds()
	if limit == 0 {
		return
	}
	w := &measuring{survey: s, known: map[int]longest{}}
	path := w.from(s.index[s.machine.StartAt()])
	if path.seconds < limit {
		return
	}
	took := path.why
	if took == "" {
		took = fmt.Sprintf("its longest path takes up to %.0f s", path.seconds)
	}
	s.find(machineTimeout, "$.TimeoutSeconds", "", "leave it out: each task has its own time-out",
		"an execution that times out, here after %.0f s, is never compensated, and %s", limit, took)
}

// measuring is a depth-first search for the longest path. While a place is being measured its entry says that it is in a
// loop: a path that returns to it finds that entry.
type measuring struct {
	survey *survey
	known  map[int]longest
}

func (w *measuring) from(at int) longest {
	if known, ok := w.known[at]; ok {
		return known
	}
	p := &w.survey.places[at]
	w.known[at] = without("a loop leads back to %s", p.Name)
	rest := longest{}
	for _, e := range p.Edges {
		rest = longer(rest, w.from(w.survey.index[e.To]))
	}
	own := w.visit(p)
	total := longest{own.seconds + rest.seconds, own.why}
	if total.why == "" {
		total.why = rest.why
	}
	w.known[at] = total
	return total
}

func longer(a, b longest) longest {
	if b.seconds > a.seconds {
		return b
	}
	return a
}

// visit returns the maximum duration of one state with all its retries.
func (w *measuring) visit(p *place) longest {
	once := w.attempt(p)
	times, delay := 1.0, 0.0
	for _, r := range p.Retry {
		times += float64(r.MaxAttempts)
		delay += delays(r)
	}
	return longest{times*once.seconds + delay, once.why}
}

func (w *measuring) attempt(p *place) longest {
	switch p.Type {
	case "Task":
		if p.Timeout == 0 {
			return without("%s has no TimeoutSeconds", p.Name)
		}
		return longest{seconds: p.Timeout.Seconds()}
	case "Wait":
		if p.SecondsPath != nil || p.TimestampPath != nil || p.Timestamp != nil {
			return without("how long %s waits is known only when it runs", p.Name)
		}
		return longest{seconds: p.Seconds}
	case "Map":
		return without("how many items %s has is known only when it runs", p.Name)
	}
	slowest := longest{}
	for i := 0; p.Type == "Parallel" && w.survey.starts(p.Name, i) != nil; i++ {
		slowest = longer(slowest, w.from(w.survey.starts(p.Name, i)[0]))
	}
	return slowest
}

// delays returns the sum of a retrier's waits in seconds, without jitter: a geometric series up to MaxDelay, then MaxDelay for
// each of the remaining retries.
func delays(r asl.RetryInfo) float64 {
	n, interval, rate, most := float64(r.MaxAttempts), r.Interval.Seconds(), r.BackoffRate, r.MaxDelay.Seconds()
	if rate == 1 || n == 0 {
		return n * interval
	}
	growing := n
	if most > 0 {
		growing = math.Min(n, math.Ceil(math.Log(most/interval)/math.Log(rate)))
	}
	capped := 0.0
	if n > growing {
		capped = (n - growing) * most
	}
	return interval*math.Expm1(growing*math.Log(rate))/(rate-1) + capped
}
