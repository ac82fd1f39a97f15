package lab

import (
	"html/template"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/console/page"
	"tripsaga/shared/history"
)

// draw returns the saga's graph with the path that the execution has taken.
func draw(r *page.Request, m *asl.Machine, x history.Execution, trip string) template.HTML {
	d := diagram.Drawing{
		Title: templates.Text(r.Lang, "graph", trip), Marks: map[string]diagram.Mark{}, Taken: map[[2]string]bool{},
		Words: map[diagram.Status]string{},
	}
	for _, s := range []diagram.Status{"", diagram.Done, diagram.Running, diagram.Waiting, diagram.Failed, diagram.Caught, diagram.Aborted} {
		d.Words[s] = templates.Text(r.Lang, "state-"+string(s))
	}
	lines := map[string]history.Line{}
	for _, l := range x.Lines {
		lines[l.State] = l
	}
	before := ""
	for i, v := range x.Visits {
		d.Taken[[2]string{before, v.State}] = true
		before = v.State
		mark := d.Marks[v.State]
		mark.Attempts += v.Attempts
		line, ran := lines[v.State]
		mark.Status = status(line, ran, i == len(x.Visits)-1, x)
		d.Marks[v.State] = mark
	}
	if x.Ended {
		d.Taken[[2]string{before, ""}] = true
	}
	return template.HTML(diagram.Lay(m).SVG(d))
}

// status is how far a state is, by the newest line of it.
func status(l history.Line, ran, last bool, x history.Execution) diagram.Status {
	switch {
	case last && x.Ended && x.Failure != nil:
		return diagram.Failed
	case last && !x.Ended && (!ran || l.Running):
		return diagram.Running
	case last && !x.Ended && l.Error != "":
		return diagram.Waiting
	case l.Error == history.Aborted:
		return diagram.Aborted
	case l.Error != "":
		return diagram.Caught
	}
	return diagram.Done
}
