package lab

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tripsaga/console/page"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/verify/mutants"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// Limits of an address. The longest schedule that verify prints has a tenth of these.
const (
	maxID     = 2_000
	maxFaults = 20
)

// address is the address of one frame.
type address struct {
	mutant   string
	schedule world.Schedule
	at       int
	first    bool // no frame is given: choose the one worth looking at
	fit      bool // leave out faults that do not happen, which the lab's own links would otherwise lead to
	dropped  []sim.Fault
}

// only checks the parameters of a page before it is made: a misspelt mutant would otherwise show the product.
func only(h page.Handler, names ...string) page.Handler {
	return func(r *page.Request) (page.Page, error) {
		if err := parameters(r, names); err != nil {
			return wrong(r, "", err), nil
		}
		return h(r)
	}
}

// parameters returns what is wrong with the parameters of a request. Those of the frame, lang and live, are allowed.
func parameters(r *page.Request, names []string) error {
	refuse := func(key string, args ...any) error {
		return fault.New(fault.Invalid, fault.NameInvalid, "%s", templates.Text(r.Lang, key, args...))
	}
	q := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch {
		case name == "lang" || name == "live":
		case !slices.Contains(names, name):
			return refuse("parameter-unknown", name, strings.Join(names, ", "))
		case len(q[name]) > 1:
			return refuse("parameter-repeated", name)
		}
	}
	return nil
}

// parseAddress reads the parameters mutant, schedule, fault (one more fault of the schedule), at, fit and dropped.
func parseAddress(q url.Values) (a address, more bool, err error) {
	id, extra, dropped := q.Get("schedule"), q.Get("fault"), q.Get("dropped")
	if n := len(id) + len(extra) + len(dropped); n > maxID {
		return a, false, fault.Invalidf("schedule", "the id has %d bytes, allowed are %d", n, maxID)
	}
	if id == "" {
		return a, false, fault.Invalidf("schedule", "it is missing; an id is such as booked:A.ReserveFlight#1.put1=lost")
	}
	if a.schedule, err = trip.Product().ParseSchedule(id); err != nil {
		return a, false, fault.Invalidf("schedule", "%v", err)
	}
	if more = extra != ""; more {
		one, err := trip.Product().ParseSchedule(a.schedule.Scenario + ":" + extra)
		if err != nil {
			return a, false, fault.Invalidf("fault", "%v", err)
		}
		for _, f := range one.Faults {
			a = a.with(f)
		}
	}
	if dropped != "" {
		left, err := trip.Product().ParseSchedule(a.schedule.Scenario + ":" + dropped)
		if err != nil {
			return a, false, fault.Invalidf("dropped", "%v", err)
		}
		a.dropped = left.Faults
	}
	switch fit := q.Get("fit"); fit {
	case "":
	case "1":
		a.fit = true
	default:
		return a, false, fault.Invalidf("fit", "%.40q, allowed is 1", fit)
	}
	if n := len(a.schedule.Faults); n > maxFaults {
		return a, false, fault.Invalidf("schedule", "it has %d faults, allowed are %d", n, maxFaults)
	}
	if a.mutant = q.Get("mutant"); a.mutant != "" && !slices.ContainsFunc(mutants.All(), func(m mutants.Mutant) bool { return m.Name == a.mutant }) {
		return a, false, fault.New(fault.NotFound, fault.NameNotFound, "there is no mutant %.80q", a.mutant)
	}
	switch at := q.Get("at"); {
	case at == "":
		a.first = true
	default:
		if a.at, err = strconv.Atoi(at); err != nil || a.at < 0 {
			return a, false, fault.Invalidf("at", "%.40q is no frame, want a number from 0", at)
		}
	}
	return a, more, nil
}

// instead is the schedule with the fault, in place of another one at the same point.
func instead(s world.Schedule, f sim.Fault) world.Schedule {
	i := slices.IndexFunc(s.Faults, func(o sim.Fault) bool { return o.At == f.At })
	if i >= 0 {
		s = s.Without(i)
	}
	return s.With(f)
}

// link is the address as text.
func (a address) link() string {
	q := url.Values{"schedule": {a.schedule.String()}}
	if a.mutant != "" {
		q.Set("mutant", a.mutant)
	}
	if a.fit {
		q.Set("fit", "1")
	}
	if len(a.dropped) > 0 {
		_, dropped, _ := strings.Cut(world.Schedule{Faults: a.dropped}.String(), ":")
		q.Set("dropped", dropped)
	}
	if !a.first {
		q.Set("at", strconv.Itoa(a.at))
	}
	return "/console/lab/play?" + q.Encode()
}

func (a address) frame(at int) address {
	a.at, a.first, a.fit, a.dropped = at, false, false, nil
	return a
}

func (a address) with(f sim.Fault) address {
	a.schedule, a.fit, a.dropped = instead(a.schedule, f), true, nil
	return a
}

func (a address) without(i int) address {
	a.schedule, a.first, a.fit, a.dropped = a.schedule.Without(i), true, true, nil
	return a
}

// Address returns the path of the page that plays the schedule of this id, at its first violation if it has one.
func Address(id string) string {
	return "/console/lab/play?" + url.Values{"schedule": {id}}.Encode()
}

// trouble is what the page of a wrong address shows.
type trouble struct {
	Problems []string
	Back     string // the address of what is right in it
}

// wrong is the page that says what is wrong with an address and where to go.
func wrong(r *page.Request, back string, err error) page.Page {
	d := trouble{Back: back}
	for _, e := range fault.All(err) {
		if e.Field != "" {
			d.Problems = append(d.Problems, e.Field+": "+e.Message)
		} else {
			d.Problems = append(d.Problems, e.Message)
		}
	}
	status := 400
	if fault.KindOf(err) == fault.NotFound {
		status = 404
	}
	return page.Page{Templates: templates, Name: "wrong.html", Data: d, Title: templates.Text(r.Lang, "wrong"), Section: section, Status: status}
}
