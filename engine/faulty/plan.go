package faulty

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Plan is a list of faults, as text one a line:
//
//	FUNCTION DELIVERIES FAULT [ERROR|DURATION]
//
// DELIVERIES is a number, a range "2-4", an open range "3-" or "*". FAULT is one of: fail ERROR, fail-after ERROR,
// reply-lost, lost, late DURATION, twice, again DURATION. Empty lines and lines that begin with # are left out.
type Plan []Rule

// Rule is one line of a plan; the first that fits a delivery decides.
type Rule struct {
	Function    string
	First, Last int // deliveries; Last 0 is open
	Fault       Fault
}

// Decide is the function that Tasks takes.
func (p Plan) Decide(d Delivery) Fault {
	for _, r := range p {
		if r.Function == d.Function && d.N >= r.First && (r.Last == 0 || d.N <= r.Last) {
			return r.Fault
		}
	}
	return Fault{}
}

// ParsePlan reads a plan. Errors name the line.
func ParsePlan(text string) (Plan, error) {
	var p Plan
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r, err := parseRule(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		p = append(p, r)
	}
	return p, nil
}

func parseRule(f []string) (Rule, error) {
	if len(f) < 3 || len(f) > 4 {
		return Rule{}, fmt.Errorf("%q: want FUNCTION DELIVERIES FAULT [ERROR|DURATION]", strings.Join(f, " "))
	}
	r := Rule{Function: f[0]}
	var err error
	if r.First, r.Last, err = parseDeliveries(f[1]); err != nil {
		return Rule{}, err
	}
	arg := ""
	if len(f) == 4 {
		arg = f[3]
	}
	r.Fault, err = parseFault(f[2], arg)
	return r, err
}

func parseDeliveries(s string) (first, last int, err error) {
	if s == "*" {
		return 1, 0, nil
	}
	from, to, ranged := strings.Cut(s, "-")
	if first, err = strconv.Atoi(from); err != nil || first < 1 {
		return 0, 0, fmt.Errorf("deliveries %q: want N, N-M, N- or *", s)
	}
	if !ranged {
		return first, first, nil
	}
	if to == "" {
		return first, 0, nil
	}
	if last, err = strconv.Atoi(to); err != nil || last < first {
		return 0, 0, fmt.Errorf("deliveries %q: want N, N-M, N- or *", s)
	}
	return first, last, nil
}

var kinds = map[string]Kind{
	"fail": Fail, "fail-after": FailAfter, "reply-lost": ReplyLost, "lost": Lost, "late": Late, "twice": Twice, "again": Again,
}

func parseFault(kind, arg string) (Fault, error) {
	f := Fault{Kind: kinds[kind]}
	switch f.Kind {
	case None:
		return f, fmt.Errorf("fault %q: want fail, fail-after, reply-lost, lost, late, twice or again", kind)
	case Fail, FailAfter:
		f.Error = arg
		if arg == "" {
			return f, fmt.Errorf("%s needs an error name", kind)
		}
	case Late, Again:
		var err error
		if f.After, err = time.ParseDuration(arg); err != nil {
			return f, fmt.Errorf("%s: duration %q: %w", kind, arg, err)
		}
		if f.After < 0 {
			return f, fmt.Errorf("%s: duration %q is negative, want one such as 3s", kind, arg)
		}
	default:
		if arg != "" {
			return f, fmt.Errorf("%s takes no %q", kind, arg)
		}
	}
	return f, nil
}
