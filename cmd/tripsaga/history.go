package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// historyCmd shows the history of one of a trip's sagas: as a timeline, or as Step Functions' events.
type historyCmd struct {
	remote
	ID   string `arg:"" help:"Id of the trip."`
	Saga string `help:"booking, cancellation, or present: the cancellation once a confirmed trip is cancelled." enum:"present,booking,cancellation" default:"present"`
}

func (h *historyCmd) Run(p *program) error {
	c, err := h.client()
	if err != nil {
		return err
	}
	body, err := c.History(p.ctx, h.ID, strings.TrimPrefix(h.Saga, "present"))
	if err != nil {
		return err
	}
	if h.JSON {
		return p.printJSON(body)
	}
	events, err := history.Decode(body.Events)
	if err != nil {
		return err
	}
	read := history.Read(events)
	p.printTimeline(body.Saga, read)
	p.printEnd(read)
	return nil
}

// printEnd prints how the saga ended, or that it is running.
func (p *program) printEnd(x history.Execution) {
	switch {
	case !x.Ended:
		fmt.Fprintln(p.stdout, "   the saga is running")
	case x.Failure == nil:
		fmt.Fprintln(p.stdout, "   the saga "+p.paint(green, "succeeded"))
	default:
		fmt.Fprintf(p.stdout, "   the saga ended without success: %s\n", p.paint(red, printable(x.Failure.Error)))
	}
}

// printTimeline prints the history of the saga of this name, one line per attempt.
func (p *program) printTimeline(saga string, x history.Execution) {
	for _, l := range x.Lines {
		p.printLine(saga, l)
	}
}

func (p *program) printLine(saga string, l history.Line) {
	if l.Redriven {
		fmt.Fprintf(p.stdout, "   %9s  redriven: resumes where it failed\n", clock(l.At))
		return
	}
	if l.Waited > 0 {
		fmt.Fprintf(p.stdout, "   %9s  waits %s before the next attempt\n", "", brief(l.Waited))
	}
	attempt := ""
	if l.Attempt > 0 {
		attempt = fmt.Sprintf("attempt %d", l.Attempt)
	}
	fmt.Fprintf(p.stdout, "   %9s  %-20s %-10s %8s  %s\n", clock(l.At), printable(l.State), attempt, brief(l.Took), p.outcome(saga, l))
}

// outcome is what became of an attempt, and what it means.
func (p *program) outcome(saga string, l history.Line) string {
	reversed := takenBack(l.Output)
	switch {
	case l.Running:
		return "running"
	case l.Error == l.State: // the states that record a failure end the saga by an error of their own name
		return p.paint(red, "recorded, ends the saga")
	case l.Error != "" && l.Message != "":
		return p.paint(red, printable(l.Error)) + ": " + printable(l.Message)
	case l.Error != "":
		return p.paint(red, printable(l.Error))
	case reversed != nil:
		return p.paint(green, "ok") + p.paint(yellow, compensation(saga, l.State, *reversed))
	}
	return p.paint(green, "ok")
}

// takenBack returns whether a compensation reversed an effect, nil for the output of any other task.
func takenBack(output string) *bool {
	type cancelled struct {
		TakenBack *bool `json:"taken_back"`
	}
	var o struct {
		cancelled
		Payload cancelled // where lambda:invoke puts it
	}
	if json.Unmarshal([]byte(output), &o) != nil {
		return nil
	}
	return cmp.Or(o.TakenBack, o.Payload.TakenBack)
}

// givesBack is what the steps of a cancellation give back, by their record.
var givesBack = map[string]string{"HOTEL": "the rooms", "FLIGHT": "the seats", "PAYMENT": "the money, less the fee"}

func compensation(name, state string, reversed bool) string {
	text := ", compensates"
	if step := saga.Find(state).Compensates; step != "" {
		text += " " + step
	}
	if name == domain.CancellationSaga {
		text = strings.TrimSuffix(", gives back "+givesBack[saga.Cancellation().Find(state).Record], " ")
	}
	switch {
	case reversed:
		return text
	case name == domain.CancellationSaga:
		return ", gives back nothing"
	}
	return text + ", nothing was held"
}

// clock is a time since the start, in seconds.
func clock(d time.Duration) string { return fmt.Sprintf("+%.3fs", d.Seconds()) }

// brief is a duration to three digits or so.
func brief(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
