package lab

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tripsaga/console/page"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/trip/saga"
)

// live injects faults into sagas of the server itself, which run in real time: a plan is for the next saga that starts.
type live struct {
	mu    sync.Mutex
	next  sim.Plan // nil: nothing goes wrong with the next saga
	plans []planned
}

// planned is what goes wrong with a saga.
type planned struct {
	execution string
	plan      sim.Plan
}

// maxPlanned is how many sagas keep their plan: it can still matter when one of them is redriven.
const maxPlanned = 100

// decide is called for each delivery and each reply, of all sagas.
func (l *live) decide(at sim.Label) sim.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil && at.Op == "" && at.N == 1 && begins(l.next, at.Actor) {
		l.plans = append(l.plans[max(0, len(l.plans)-maxPlanned+1):], planned{at.Saga, l.next})
		l.next = nil
	}
	for _, p := range l.plans {
		if p.execution == at.Saga {
			return p.plan.Decide(at)
		}
	}
	return sim.Fault{}
}

// begins reports whether the first delivery of the task begins the saga that the plan is for: the next booking or, if only
// tasks of cancellations fail, the next cancellation.
func begins(p sim.Plan, task string) bool {
	named := false
	for _, f := range p {
		actor := strings.TrimSuffix(f.At.Actor, "+")
		if saga.Booking().Find(actor).Name != "" {
			return task == saga.Booking().Steps()[0].Name
		}
		named = named || actor == task
	}
	return named
}

func (l *live) set(p sim.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = p
}

func (l *live) waiting() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.next.String())
}

// Tasks wraps the tasks of the server, for local.Options: what the lab's form asks for happens to them.
func (l *Lab) Tasks(tasks map[string]engine.Task) map[string]engine.Task {
	return sim.Tasks(tasks, engine.RealTime, l.live.decide)
}

// offered are the faults in the form, for each task.
var offered = []struct{ plan, kind string }{
	{"%s#1=fail:ServiceUnavailable", "fail"}, {"%s#1.reply=lost", "lost"}, {"%s#1=die", "die"}, {"%s#1=late@20s", "late"}, {"%s#1=twice", "twice"},
	{"%s#*=fail:ServiceUnavailable", "down"},
}

// stopped is a fault that no retry helps: the saga waits for a redrive.
const stopped = "%s#1=fail:Conflict"

type liveOption struct{ Plan, Kind, Task string }

type liveTask struct {
	Name    string
	Options []liveOption
}

// liveTasks lists what the form offers, the steps first and the tasks of cancellations alone last.
func liveTasks() (all []liveTask) {
	tasks := saga.Booking().Steps()
	for _, t := range saga.Booking().Tasks() {
		if !slices.ContainsFunc(tasks, func(s saga.Task) bool { return s.Name == t.Name }) {
			tasks = append(tasks, t)
		}
	}
	for _, t := range tasks {
		row := liveTask{Name: t.Name}
		for _, o := range offered {
			row.Options = append(row.Options, liveOption{fmt.Sprintf(o.plan, t.Name), o.kind, t.Name})
		}
		all = append(all, row)
	}
	for _, t := range saga.Cancellation().Tasks() {
		if saga.Booking().Find(t.Name).Name == "" {
			all = append(all, liveTask{t.Name, []liveOption{
				{fmt.Sprintf(stopped, t.Name), "stop", t.Name}, {fmt.Sprintf(offered[0].plan, t.Name), offered[0].kind, t.Name},
			}})
		}
	}
	return all
}

const (
	maxPlan = 2_000 // bytes
	maxLate = 10 * time.Minute
)

// arm takes the form: what goes wrong with the next booking of this server. An empty plan lets it succeed.
func (l *Lab) arm(r *page.Request) (page.Page, error) {
	plan, err := parsePlan(r.PostForm)
	if err != nil {
		return wrong(r, "/console/lab#next", err), nil
	}
	l.live.set(plan)
	if plan == nil {
		return page.Page{Redirect: "/console/lab#next"}, nil
	}
	return page.Page{Redirect: "/console/book"}, nil
}

func parsePlan(form url.Values) (sim.Plan, error) {
	text := form.Get("plan")
	if len(text) > maxPlan {
		return nil, fault.Invalidf("plan", "it has %d bytes, allowed are %d", len(text), maxPlan)
	}
	plan, err := sim.ParsePlan(text)
	if err != nil {
		return nil, fault.Invalidf("plan", "%v", err)
	}
	for _, f := range plan {
		if alone := f; f.At.Saga != "" {
			alone.At.Saga = ""
			return nil, fault.Invalidf("plan", "%s names the saga %s, and a plan is for the next booking, whichever it is; allowed is the task alone: %s", f, f.At.Saga, alone)
		}
		if saga.Find(strings.TrimSuffix(f.At.Actor, "+")).Name == "" {
			return nil, fault.Invalidf("plan", "there is no task %.80q", f.At.Actor)
		}
		if f.After > maxLate {
			return nil, fault.Invalidf("plan", "%s is too late, allowed are %s", f, maxLate)
		}
	}
	return plan, nil
}
