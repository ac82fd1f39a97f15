package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// Coverage is what an exploration has played and left out. It is deterministic: the same program and options give the same
// coverage, however many worlds run concurrently. It contains no times and does not depend on the order of the runs.
type Coverage struct {
	Options   string // the options that determine what is explored
	Totals    string
	Scenarios []Played
	Cells     []Covered // by operation and fault
}

// Covered counts what was played and left out of one kind of fault at one operation.
type Covered struct {
	Operation string // actor and operation: ReserveHotel is a delivery, ReserveHotel.put its writes, ReserveHotel+ a duplicate delivery
	Fault     sim.Kind
	Single    int      // schedules of this fault alone
	First     int      // schedules of two faults of which it is the first
	Second    int      // and the second
	Further   int      // schedules of three faults that have it
	Points    int      // different points at which it was played, in all scenarios
	Positions []string // of these points: 2.1 is the first such operation of the second delivery, call or process

	LeftOut map[string]int // by rule: schedules that end with this fault and were not played
	NoPairs map[string]int // by rule: singles with this fault whose pairs were all left out
}

// Schedules returns the number of schedules with the fault.
func (c *Covered) Schedules() int { return c.Single + c.First + c.Second + c.Further }

// spot is an operation, and a kind of fault at it.
type spot struct {
	actor, op string
	kind      sim.Kind
}

func spotOf(f sim.Fault) spot { return spot{f.At.Actor, f.At.Op, f.Kind} }

func (s spot) operation() string {
	if s.op == "" {
		return s.actor
	}
	return s.actor + "." + s.op
}

// placed is a point in a scenario.
type placed struct {
	scenario string
	at       sim.Label
}

// covering collects the figures of a Covered.
type covering struct {
	played           [4]int // single, first, second, further
	points           map[placed]struct{}
	leftOut, noPairs map[string]int
}

// coverage is collected while schedules run.
type coverage map[spot]*covering

func (c coverage) at(s spot) *covering {
	one := c[s]
	if one == nil {
		one = &covering{points: map[placed]struct{}{}, leftOut: map[string]int{}, noPairs: map[string]int{}}
		c[s] = one
	}
	return one
}

func (c coverage) add(s world.Schedule) {
	for i, f := range s.Faults {
		one := c.at(spotOf(f))
		one.points[placed{s.Scenario, f.At}] = struct{}{}
		switch len(s.Faults) {
		case 1:
			one.played[0]++
		case 2:
			one.played[1+i]++
		default:
			one.played[3]++
		}
	}
}

// leave counts n schedules that end with the fault and are not played because of a rule.
func (x *exploration) leave(rule string, f sim.Fault, n int) {
	if n == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.counts.coverage.at(spotOf(f)).leftOut[rule] += n
}

// leavePairs counts a single whose pairs are not played because of a rule.
func (x *exploration) leavePairs(rule string, f sim.Fault) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.counts.coverage.at(spotOf(f)).noPairs[rule]++
}

// coverage returns the coverage of an exploration that was not interrupted.
func (x *exploration) coverage() *Coverage {
	o, r := x.opt, &x.report
	c := &Coverage{
		Options: fmt.Sprintf("depth=%d triples=%d seed=%d one-in=%d whole=%t only=%q scenarios=%s",
			o.Depth, o.Triples, o.Seed, max(o.OneIn, 1), o.Whole, o.Only, cmp.Or(strings.Join(o.Scenarios, ","), "all")),
		Totals: fmt.Sprintf("all=%d singles=%d interleaved=%d reordered=%d pairs=%d triples=%d same-future=%d ends=%d",
			r.Schedules, r.Singles, r.Interleaved, r.Reordered, r.Pairs, r.Triples, r.Same, r.Ends),
		Scenarios: r.Scenarios,
	}
	for s, one := range r.counts.coverage {
		c.Cells = append(c.Cells, Covered{
			Operation: s.operation(), Fault: s.kind, Single: one.played[0], First: one.played[1], Second: one.played[2], Further: one.played[3],
			Points: len(one.points), Positions: positions(one.points), LeftOut: one.leftOut, NoPairs: one.noPairs,
		})
	}
	slices.SortFunc(c.Cells, func(a, b Covered) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Fault, b.Fault))
	})
	return c
}

// positions returns the classes of the points: a hundred retries give a short list.
func positions(points map[placed]struct{}) []string {
	all := map[string]bool{}
	for p := range points {
		at := class(p.at.N)
		if p.at.Op != "" && p.at.Op != sim.Reply {
			at += "." + class(p.at.I)
		}
		all[at] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func class(n int) string {
	switch {
	case n > 9:
		return ">9"
	case n > 3:
		return "4-9"
	}
	return strconv.Itoa(n)
}

// Text returns the coverage as sorted lines of a text file, so that two coverages can be compared.
func (c *Coverage) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "options %s\nschedules %s\n", c.Options, c.Totals)
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "scenario %s schedules=%d\n", s.Scenario, s.Schedules)
	}
	for i := range c.Cells {
		c.Cells[i].write(&b)
	}
	return b.Bytes()
}

func (c *Covered) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s %s", c.Operation, c.Fault)
	for _, n := range []struct {
		name string
		n    int
	}{{"single", c.Single}, {"first", c.First}, {"second", c.Second}, {"triple", c.Further}, {"points", c.Points}} {
		if n.n > 0 {
			fmt.Fprintf(b, " %s=%d", n.name, n.n)
		}
	}
	if len(c.Positions) > 0 {
		fmt.Fprintf(b, " at=%s", strings.Join(c.Positions, ","))
	}
	writeRules(b, "left-out", c.LeftOut)
	writeRules(b, "no-pairs", c.NoPairs)
	b.WriteByte('\n')
}

func writeRules(b *bytes.Buffer, name string, rules map[string]int) {
	separator := " " + name + "="
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		fmt.Fprintf(b, "%s%s:%d", separator, rule, rules[rule])
		separator = ","
	}
}

// Differs returns the differences from the text of another coverage, one line each: first the options, which explain the rest,
// then the lines that only one of them has.
func (c *Coverage) Differs(want []byte) (lines []string) {
	old, now := linesOf(want), linesOf(c.Text())
	var changed []string
	if old[keyOptions] != now[keyOptions] {
		lines = append(lines, "changed: options "+old[keyOptions]+", now "+now[keyOptions])
	}
	delete(old, keyOptions)
	delete(now, keyOptions)
	for _, key := range slices.Sorted(maps.Keys(old)) {
		switch is, ok := now[key]; {
		case !ok:
			lines = append(lines, "missing: "+key+" "+old[key])
		case is != old[key]:
			changed = append(changed, "changed: "+key+" "+old[key]+", now "+is)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if _, ok := old[key]; !ok {
			lines = append(lines, "new: "+key+" "+now[key])
		}
	}
	return append(lines, changed...)
}

const keyOptions = "options"

// linesOf maps the key of each line to the rest of the line.
func linesOf(text []byte) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, says, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key != keyOptions && key != "schedules" {
			var what string
			what, says, _ = strings.Cut(says, " ")
			key += " " + what
		}
		all[key] = says
	}
	return all
}
