package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkReport is what --json prints.
type checkReport struct {
	Holds     bool             `json:"holds"`
	Scenarios []scenarioReport `json:"scenarios"`
}

type scenarioReport struct {
	Name   string         `json:"name"`
	TripID string         `json:"trip_id"`
	Checks []verification `json:"checks"`
}

// tally counts verifications by their outcome.
type tally struct{ held, failed, notCompared int }

func count(checks []verification) (n tally) {
	for _, v := range checks {
		switch {
		case v.NotCompared != "":
			n.notCompared++
		case v.OK:
			n.held++
		default:
			n.failed++
		}
	}
	return n
}

func (n tally) String() string {
	words := []string{fmt.Sprintf("%d checks hold", n.held)}
	if n.failed > 0 {
		words = append(words, fmt.Sprintf("%d FAIL", n.failed))
	}
	if n.notCompared > 0 {
		words = append(words, fmt.Sprintf("%d were not compared", n.notCompared))
	}
	return strings.Join(words, ", ")
}

func (r *checkReport) add(p *program, c *checking, t *trial, checks []verification) error {
	r.Scenarios = append(r.Scenarios, scenarioReport{Name: t.scenario.name, TripID: t.id, Checks: checks})
	if c.JSON {
		return nil
	}
	return p.printChecks(checks)
}

func (r *checkReport) tally() tally {
	var all []verification
	for _, s := range r.Scenarios {
		all = append(all, s.Checks...)
	}
	return count(all)
}

// end prints the whole and gives the error of a difference; stopped is why not all scenarios were run.
func (r *checkReport) end(p *program, c *checking, stopped error) error {
	n := r.tally()
	r.Holds = stopped == nil && n.failed == 0 && !(c.Strict && n.notCompared > 0)
	if c.JSON {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else if len(r.Scenarios) > 0 {
		fmt.Fprintln(p.stdout, n)
	}
	if stopped != nil || r.Holds {
		return nil
	}
	return &exitError{code: exitFailure, err: errors.New(n.String())}
}

// printChecks prints a table of one scenario's verifications, and why some were not compared.
func (p *program) printChecks(checks []verification) error {
	g := p.grid("  CHECK", "EXPECTED", "GOT")
	var why []string
	for _, v := range checks {
		g.marked(p.mark(v), "  "+v.Name, v.Want, v.Got)
		if v.NotCompared != "" && !slices.Contains(why, v.NotCompared) {
			why = append(why, v.NotCompared)
		}
	}
	if err := g.end(); err != nil {
		return err
	}
	for _, reason := range why {
		fmt.Fprintln(p.stdout, p.paint(yellow, "  not compared: "+printable(reason)))
	}
	fmt.Fprintln(p.stdout)
	return nil
}

func (p *program) mark(v verification) string {
	switch {
	case v.NotCompared != "":
		return p.paint(yellow, "not compared")
	case v.OK:
		return p.paint(green, "ok")
	}
	return p.paint(red, "FAIL")
}

// marked is a row with a last cell that may be painted.
func (g *grid) marked(mark string, cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = printable(fmt.Sprint(c))
	}
	fmt.Fprintln(g.w, strings.Join(text, "\t")+"\t"+mark)
}
