package rehearsal

import (
	"math/rand/v2"
	"time"
)

// arrivals draws when metrics arrive: one delay for all that go together.
type arrivals struct {
	delays      Delays
	lambda, log lateness
}

// lateness remembers the delays that were drawn.
type lateness struct {
	random *rand.Rand
	drawn  map[batch]time.Duration
}

type batch struct {
	function string
	begins   time.Time
}

func newArrivals(d Delays, r random) arrivals {
	return arrivals{
		delays: d,
		lambda: lateness{r.lambdaDelays, map[batch]time.Duration{}},
		log:    lateness{r.logDelays, map[batch]time.Duration{}},
	}
}

// ofCall is when Lambda's figures arrive of a call that ended.
func (a *arrivals) ofCall(function string, ended time.Time) time.Time {
	minute := ended.Truncate(time.Minute)
	return minute.Add(time.Minute).Add(a.lambda.of(batch{function, minute}, a.delays.Lambda))
}

// together is how much of a log is equally late.
const together = 10 * time.Second

// ofLine is when the metrics of a line arrive.
func (a *arrivals) ofLine(function string, written time.Time) time.Time {
	return written.Add(a.log.of(batch{function, written.Truncate(together)}, a.delays.Log))
}

func (l *lateness) of(b batch, between Between) time.Duration {
	d, ok := l.drawn[b]
	if !ok {
		d = between.From + time.Duration(l.random.Int64N(int64(between.To-between.From)+1))
		l.drawn[b] = d
	}
	return d
}
