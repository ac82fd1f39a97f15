package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// View is a snapshot of what an execution has done and what it waits for. Its slices must not be changed.
type View struct {
	Description
	Machine   *asl.Machine // of the definition that it was started with
	Events    []asl.HistoryEvent
	Data      []asl.DataStep // of all states, in the order in which they happened
	Pending   []Pending      // of a running execution
	ResumesAt []string       // states at which a redrive would resume one that ended without success
	// Redrivable is nil if a redrive is possible now. Errors: ErrNotRedrivable.
	Redrivable error
}

// Pending is what one strand of an execution waits for.
type Pending struct {
	asl.Pending
	// At is the time of the next attempt, of the end of a Wait state, or of the running attempt's time-out; zero for a task
	// without a time-out.
	At time.Time
}

const (
	maxViewed      = 8        // executions that a Viewer keeps
	maxViewedBytes = 32 << 20 // of their histories' texts together
)

// Viewer reads executions that are viewed repeatedly. It keeps the few that were viewed last in memory, so that a view costs
// only what is new in the journal. It is safe for concurrent use.
type Viewer struct {
	e *Engine

	mu     sync.Mutex
	viewed []*viewed // the last one is the newest
}

// Viewer returns a new viewer of the engine's executions.
func (e *Engine) Viewer() *Viewer { return &Viewer{e: e} }

// viewed is a replay of an execution's journal as far as it was read.
type viewed struct {
	name string

	bytes atomic.Int64 // of the history's texts

	mu     sync.Mutex
	run    *run // nil until it is read
	out    *outstanding
	events []asl.HistoryEvent
	data   []asl.DataStep
}

// Version returns a text that changes when the execution does. It reads two items. Errors: ErrNotFound.
func (v *Viewer) Version(ctx context.Context, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	_, version, err := v.e.record(ctx, name)
	if err != nil {
		return "", err
	}
	q := table.Query{PK: v.e.partition(name), Prefix: journalSK, Descending: true, Limit: 1}
	page, err := table.FullPage(ctx, v.e.opt.Table, q)
	if err != nil || len(page.Items) == 0 {
		return "", err
	}
	return fmt.Sprintf("%d %s", version, page.Items[0].SK), nil
}

// View reads an execution. Errors: ErrNotFound.
func (v *Viewer) View(ctx context.Context, name string) (View, error) {
	if err := checkName(name); err != nil {
		return View{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	w := v.find(name)
	view, err := w.view(ctx, v.e)
	v.bound(w, err != nil)
	return view, err
}

// find returns the execution's replay, which becomes the newest.
func (v *Viewer) find(name string) *viewed {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &viewed{name: name}
	for i := range v.viewed {
		if v.viewed[i].name == name {
			w = v.viewed[i]
			v.viewed = append(v.viewed[:i], v.viewed[i+1:]...)
			break
		}
	}
	v.viewed = append(v.viewed, w)
	return w
}

// bound drops w, if it could not be read, and the oldest replays above the limits.
func (v *Viewer) bound(w *viewed, failed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if failed {
		v.viewed = slices.DeleteFunc(v.viewed, func(other *viewed) bool { return other == w })
	}
	var bytes int64
	for i := len(v.viewed) - 1; i >= 0; i-- {
		if bytes += v.viewed[i].bytes.Load(); bytes > maxViewedBytes || len(v.viewed)-i > maxViewed {
			v.viewed = slices.Delete(v.viewed, 0, i+1)
			return
		}
	}
}

func (w *viewed) view(ctx context.Context, e *Engine) (View, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.read(ctx, e); err != nil {
		return View{}, err
	}
	rec, _, err := e.record(ctx, w.name)
	if err == nil && rec.Status != w.run.x.Status() { // it ended, or was redriven, after the journal was read
		err = w.read(ctx, e)
	}
	if err != nil {
		return View{}, err
	}
	x := w.run.x
	v := View{
		Description: e.describe(w.name, rec, w.run.input), Machine: w.run.machine, ResumesAt: x.Stopped(),
		Events: slices.Clip(w.events), Data: slices.Clip(w.data), Pending: w.pending(),
	}
	if v.Redrivable = e.Redrivable(v.Description); v.Redrivable == nil && x.CanRedrive() != nil {
		v.Redrivable = fmt.Errorf("%w: %w", ErrNotRedrivable, x.CanRedrive())
	}
	return v, nil
}

// read replays what is new in the journal. After an error nothing is kept.
func (w *viewed) read(ctx context.Context, e *Engine) (err error) {
	defer func() {
		if err != nil {
			w.run, w.out, w.events, w.data = nil, nil, nil, nil
		}
	}()
	watch := watcher{
		event: func(ev asl.HistoryEvent) {
			w.events = append(roomy(w.events), ev)
			for _, text := range ev.Texts() {
				w.bytes.Add(int64(len(text)))
			}
		},
		data: func(s asl.DataStep) { w.data = append(roomy(w.data), s) },
	}
	if w.run == nil {
		w.run, w.out, err = e.load(ctx, w.name, watch)
		return err
	}
	return w.run.replay(ctx, w.out, watch)
}

// roomy doubles the room of a full list. append alone copies a long list far more often.
func roomy[T any](list []T) []T {
	if len(list) == cap(list) {
		return slices.Grow(list, len(list)+16)
	}
	return list
}

// pending returns what the execution waits for, with the times of the timers.
func (w *viewed) pending() []Pending {
	at := map[int64]time.Time{}
	for _, ef := range w.out.effects() {
		if ef.SetTimer != nil {
			at[ef.SetTimer.Timer] = ef.SetTimer.At
		}
	}
	var all []Pending
	for _, p := range w.run.x.Pending() {
		all = append(all, Pending{p, at[p.Timeout+p.Retry+p.Wait]}) // at most one of them is set
	}
	return all
}
