package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/shared/history"
	"tripsaga/trip/saga"
)

// printPicture prints the path that the saga took, on a terminal. A saga that this command does not know has none.
func (p *program) printPicture(name string, events []history.Event) error {
	if !isTerminal(p.stdout) || saga.Named(name) == nil {
		return nil
	}
	drawn, err := picture(saga.Named(name), history.Read(events), columns(p.stdout), colourful(p.stdout))
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "\n%s\n", drawn)
	}
	return err
}

func picture(s *saga.Saga, x history.Execution, width int, colour bool) (string, error) {
	machine, err := asl.Parse(s.Definition())
	if err != nil {
		return "", err
	}
	return diagram.Lay(machine).Text(pathTaken(x), width, colour), nil
}

// columns is the width of a terminal.
func columns(w any) int {
	if o, wrapped := w.(*output); wrapped {
		w = o.Writer
	}
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// pathTaken is the drawing of an execution without branches.
func pathTaken(x history.Execution) diagram.Drawing {
	d := diagram.Drawing{Marks: map[string]diagram.Mark{}, Taken: map[[2]string]bool{}}
	last := map[string]history.Line{}
	for _, l := range x.Lines {
		last[l.State] = l
	}
	from := ""
	for i, v := range x.Visits {
		d.Taken[[2]string{from, v.State}] = true
		from = v.State
		m := diagram.Mark{Status: diagram.Done, Attempts: v.Attempts}
		switch l := last[v.State]; {
		case i < len(x.Visits)-1 && l.Error != "":
			m.Status = diagram.Caught
		case i < len(x.Visits)-1:
		case !x.Ended:
			m.Status = diagram.Running
		case l.Error == history.Aborted:
			m.Status = diagram.Aborted
		case x.Failure != nil:
			m.Status = diagram.Failed
		}
		d.Marks[v.State] = m
	}
	if x.Ended && (x.Failure == nil || x.Failure.Error == from) { // the states that record a failure end with its name
		d.Taken[[2]string{from, ""}] = true
	}
	return d
}
