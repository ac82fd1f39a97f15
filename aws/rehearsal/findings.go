package rehearsal

import "fmt"

// find lists what is wrong.
func (p *play) find(r *Report) {
	for _, x := range p.release.rollouts {
		if lack := x.lacks(); lack != "" && x.function.tested {
			r.Findings = append(r.Findings, fmt.Sprintf("%s: %s, so that a bad version of it stays", x.function.Handler, lack))
		}
	}
	if r.Outcome.State != r.Outcome.Expected {
		r.Findings = append(r.Findings, r.unexpected())
	}
	if !r.Consistency.Consistent {
		r.Findings = append(r.Findings, "the bookings did not all end consistently")
	}
}

// lacks names what the function's deployment is without.
func (x *rollout) lacks() string {
	switch {
	case x.group == nil:
		return "no deployment group shifts its traffic"
	case len(x.group.Alarms) == 0:
		return "its deployment group watches no alarm"
	case !x.group.TakeBack:
		return "its deployment group does not roll back on alarm"
	case x.group.Shift.Length() == 0:
		return "its deployment group shifts all traffic at once, before any alarm can look"
	}
	return ""
}

func (r *Report) unexpected() string {
	switch {
	case r.Outcome.State == string(stopped):
		return "the release was stopped, and its traffic stays where it was"
	case r.Outcome.State == string(rolledBack):
		return fmt.Sprintf("a release that must reach 100 %% was rolled back, by %s", r.Outcome.Alarm)
	case r.Met.Deliveries == 0:
		return "a bad version reached 100 %: it was never called, so that nothing could be seen"
	}
	return "a bad version reached 100 %"
}
