package lint

import (
	"fmt"
	"math"

	"tripsaga/asl"
)

// longest is how long an execution takes at most, in seconds, retries included; infinite with the reason why.
type longest struct {
	seconds float64
	why     string
}

func without(format string, args ...any) longest {
	return longest{math.Inf(1), fmt.Sprintf(format, args...)}
}

// checkMachineTimeout asks that a time-out of the machine can never cut an execution short.
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

// measuring keeps what has been measured; a place that is still being measured is part of a loop.
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

// visit is how long one state takes, with all of its retries.
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

// delays is the sum of a retrier's waits without jitter: a geometric series until MaxDelay, then as many of those.
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
