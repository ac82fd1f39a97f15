package lint

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
)

// TestFindingsAreTrue holds Check against the interpreter: of random edits of the saga, those for which it finds that an
// effect is left, or undone after the pivot, are those of which some run really does so. A run is short, and has few
// failures: what needs more of them shows a finding without a run, and is counted.
func TestFindingsAreTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	safe, unsafe, far := 0, 0, 0
	for range 120 {
		definition := editedBooking(t, randomEdits(random)...)
		m, err := asl.Parse(definition)
		if err != nil {
			continue
		}
		findings, err := Check(definition, booking())
		if err != nil {
			t.Fatal(err)
		}
		effects := slices.DeleteFunc(findings, func(f Finding) bool {
			return !slices.Contains([]string{ownUndo, earlierUndo, catchAll, undoAfterPivot}, f.Rule)
		})
		harm, cut := explore(t, m)
		switch {
		case harm != "" && len(effects) == 0:
			t.Fatalf("not found: %s\n%s", harm, definition)
		case harm == "" && len(effects) > 0 && !cut:
			t.Fatalf("not true: %v\n%s", effects, definition)
		case harm == "" && len(effects) > 0:
			far++
		case harm == "":
			safe++
		default:
			unsafe++
		}
	}
	t.Logf("%d safe, %d unsafe, %d found without a run", safe, unsafe, far)
	if safe < 10 || unsafe < 40 || far > unsafe/10 {
		t.Errorf("%d safe, %d unsafe, %d found without a run: it shows little", safe, unsafe, far)
	}
}

// randomEdits are one or two changes of where the saga's states lead. Nothing is retried, so that runs are short.
func randomEdits(random *rand.Rand) []edit {
	var edits []edit
	names := slices.Sorted(maps.Keys(readFields(definition)))
	for _, name := range names {
		edits = append(edits, drop(name+"/Retry"))
	}
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	caught := []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"}
	for range 1 + random.IntN(2) {
		to := fmt.Sprintf("%q", pick(names...))
		switch random.IntN(5) {
		case 0:
			name := pick(names...)
			edits = append(edits, drop(name+"/End"), set(name+"/Next", to))
		case 1:
			edits = append(edits, set(pick(caught...)+"/Catch/"+pick("0", "1")+"/Next", to))
		case 2:
			edits = append(edits, set(pick(caught...)+"/Catch/1/ErrorEquals", `["Odd"]`))
		case 3:
			edits = append(edits, set(pick(names[:4]...)+"/Catch",
				`[{"ErrorEquals":["`+pick("States.ALL", "Odd", "Else")+`"],"ResultPath":"$.failure","Next":`+to+`}]`))
		case 4:
			name := pick("CancelFlight", "CancelHotel", "RefundPayment")
			edits = append(edits, drop(name+"/Next"), set(name+"/End", "true"))
		}
	}
	return edits
}

const (
	mostTasks    = 12
	mostFailures = 3
)

// explore runs a machine with all replies of its tasks, and returns the harm that one of the runs does. cut means that
// some run was not followed to its end.
func explore(t *testing.T, m *asl.Machine) (harm string, cut bool) {
	t.Helper()
	for queue := [][]string{nil}; len(queue) > 0; {
		replies := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		r := newRun(t, m)
		for _, reply := range replies {
			r.reply(reply)
		}
		failures := len(slices.DeleteFunc(slices.Clone(replies), func(reply string) bool { return reply == "" }))
		switch {
		case r.harm != "":
			return strings.Join(r.told, ", ") + ": " + r.harm, cut
		case r.ended:
		case len(replies) == mostTasks:
			cut = true
		default:
			for _, reply := range r.replies() {
				if reply != "" && failures == mostFailures {
					cut = true
					continue
				}
				queue = append(queue, append(slices.Clone(replies), reply))
			}
		}
	}
	return "", cut
}

// run is one execution, with what it has done to the world.
type run struct {
	t      *testing.T
	opt    Options
	m      *asl.Machine
	x      *asl.Execution
	task   *asl.StartTask
	effect map[string]bool
	paid   bool
	ended  bool
	told   []string
	harm   string
}

func newRun(t *testing.T, m *asl.Machine) *run {
	t.Helper()
	r := &run{t: t, opt: booking(), m: m, effect: map[string]bool{}}
	const input = `{"trip_id":"t","flight":{},"hotel":{},"currency":"JPY","failure":{},"reservation":{},"compensation":{}}`
	r.step(asl.Event{Started: &asl.Started{Name: "t", Input: []byte(input)}})
	return r
}

func (r *run) step(ev asl.Event) {
	r.t.Helper()
	x, effects, err := asl.Step(r.m, r.x, ev, time.Unix(0, 0), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.x, r.task = x, nil
	for _, e := range effects {
		switch {
		case e.StartTask != nil:
			task := *e.StartTask
			r.task = &task
			r.begin(task.Function)
		case e.Ended != nil:
			r.end(e.Ended)
		}
	}
}

// replies are those that the task may give: "" is success, Odd and Else are errors of which nobody knows what went before.
func (r *run) replies() []string {
	all := append([]string{"", "Odd", "Else"}, r.opt.Known[r.task.Function]...)
	if slices.Contains(r.opt.Record, r.task.Function) {
		all = append(all, r.task.Function)
	}
	return all
}

func (r *run) reply(name string) {
	r.t.Helper()
	function := r.task.Function
	r.told = append(r.told, strings.TrimSpace(function+" "+name))
	if _, does := r.opt.Undo[function]; does && !slices.Contains(r.opt.Known[function], name) {
		r.effect[function] = true
	}
	if name != "" {
		r.step(asl.Event{Failed: &asl.TaskFailed{Task: r.task.Task, Error: name}})
		return
	}
	r.paid = r.paid || function == r.opt.Pivot
	for do, undo := range r.opt.Undo {
		if undo == function {
			delete(r.effect, do)
		}
	}
	r.step(asl.Event{Succeeded: &asl.TaskSucceeded{Task: r.task.Task, Output: []byte("{}")}})
}

func (r *run) isUndo(function string) bool {
	return slices.Contains(slices.Collect(maps.Values(r.opt.Undo)), function)
}

func (r *run) begin(function string) {
	switch {
	case r.paid && r.isUndo(function):
		r.harm = function + " after the pivot"
	case !r.paid && len(r.effect) > 0 && slices.Contains(r.opt.Record, function):
		r.harm = fmt.Sprintf("%s with %v", function, r.effect)
	}
}

func (r *run) end(e *asl.Ended) {
	r.ended = true
	stops := e.Status == asl.Failed && (r.paid || r.isUndo(e.State) || slices.Contains(r.opt.Record, e.State))
	if !r.paid && !stops && len(r.effect) > 0 {
		r.harm = fmt.Sprintf("%s %s with %v", e.Status, e.Error, r.effect)
	}
}
