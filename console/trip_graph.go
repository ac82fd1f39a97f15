package console

import (
	"fmt"
	"html/template"
	"sync"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
)

// layouts keeps the layout of the machines that were drawn last. There are as many machines as definitions in use.
type layouts struct {
	mu sync.Mutex
	of map[*asl.Machine]*diagram.Layout
}

const maxLayouts = 16

func (l *layouts) lay(m *asl.Machine) *diagram.Layout {
	l.mu.Lock()
	defer l.mu.Unlock()
	layout := l.of[m]
	if layout == nil {
		layout = diagram.Lay(m)
		if l.of == nil || len(l.of) >= maxLayouts {
			l.of = map[*asl.Machine]*diagram.Layout{}
		}
		l.of[m] = layout
	}
	return layout
}

// words are the statuses of a state in the language of the page.
func (t *tripRead) words() map[diagram.Status]string {
	w := map[diagram.Status]string{}
	for _, s := range []diagram.Status{"", diagram.Done, diagram.Running, diagram.Waiting, diagram.Failed, diagram.Caught, diagram.Aborted, diagram.Ended} {
		w[s] = t.text("trip-state-" + string(s))
	}
	return w
}

// graph draws the machine with the path that was taken.
func (c *console) graph(t *tripRead, v visits) template.HTML {
	d := diagram.Drawing{
		Title: t.text("trip-graph-title", shortID(t.Trip.ID())), Taken: v.taken, Words: t.words(), Marks: map[string]diagram.Mark{},
	}
	for state, visit := range v.latest() {
		d.Marks[state] = diagram.Mark{
			Status: visit.status, Attempts: visit.attempts, Link: fmt.Sprintf("#visit-%d", visit.id),
		}
	}
	for _, p := range t.Saga.Pending {
		if m := d.Marks[p.State]; p.Retry != 0 || p.Wait != 0 {
			m.Attempts = 0 // beside the time there is no room
			m.Note = p.At.UTC().Format("15:04:05 UTC")
			d.Marks[p.State] = m
		}
	}
	return template.HTML(c.layouts.lay(t.Saga.Machine).SVG(d)) // which escapes every text
}
