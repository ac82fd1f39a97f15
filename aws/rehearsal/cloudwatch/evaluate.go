package cloudwatch

// state follows alarms-and-missing-data.html, "How alarm state is evaluated when data is missing": as long as the range
// has N real points, the N latest of them decide, however old they are, and the treatment of missing data is not
// asked. With fewer, the lacking ones are filled in.
func (a *Alarm) state(points Series, before State) State {
	real := present(points)
	if len(real) >= a.Periods {
		return a.decide(a.breaches(real[len(real)-a.Periods:]))
	}
	breaching, filled := a.breaches(real), a.Periods-len(real)
	switch a.Missing {
	case Breaching:
		return a.decide(breaching + filled)
	case NotBreaching:
		return a.decide(breaching)
	}
	return a.sparse(points, breaching, len(real), before)
}

func (a *Alarm) decide(breaching int) State {
	if breaching >= a.Datapoints {
		return InAlarm
	}
	return OK
}

// sparse is the state by fewer than N real points when missing ones count neither way.
func (a *Alarm) sparse(points Series, breaching, real int, before State) State {
	switch {
	case breaching >= a.Datapoints:
		return InAlarm
	case breaching < real: // one was within the threshold
		return OK
	case a.Missing == Ignore:
		return before
	case a.premature(points):
		return InAlarm
	}
	return InsufficientData
}

// premature is "Avoiding premature transitions to alarm state": the oldest real point breaches and is at least as old as
// M periods, and all later ones breach or are missing.
func (a *Alarm) premature(points Series) bool {
	for i, p := range points {
		if p.Present {
			return len(points)-i >= a.Datapoints
		}
	}
	return false
}

func present(points Series) (real []float64) {
	for _, p := range points {
		if p.Present {
			real = append(real, p.Value)
		}
	}
	return real
}

func (a *Alarm) breaches(values []float64) (n int) {
	for _, v := range values {
		if a.breached(v) {
			n++
		}
	}
	return n
}

func (a *Alarm) breached(v float64) bool {
	switch a.Comparison {
	case Above:
		return v > a.Threshold
	case AtLeast:
		return v >= a.Threshold
	case Below:
		return v < a.Threshold
	}
	return v <= a.Threshold
}
