package console

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// redrivePage is the preview of a redrive, or the reason why the trip cannot be redriven.
type redrivePage struct {
	*tripRead
	WhyNot  string // key of a text
	Detail  string // what the engine says
	Resumes []resume
	Last    *history.Line // the attempt that failed last
	Steps   []step        // what is held and charged now
	Ledger  []ledgerEntry
	Money   string // key of a text: what may happen to money, "" for nothing
}

// resume is a state at which the saga resumes, and what can follow.
type resume struct {
	State     string
	Path      []string // the states that follow while nothing fails
	Otherwise []branch // the states that follow an error that no retry helps
}

// redrivePreview shows what a redrive will run.
func (c *console) redrivePreview(r *page.Request) (page.Page, error) {
	if err := r.Only(r.URL.Query()); err != nil {
		return page.Page{}, err
	}
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	d := redrivePage{tripRead: t, Steps: t.steps()}
	if t.whyNot() != "" {
		return t.refusal(d, t.Saga.Redrivable), nil
	}
	entries, err := c.entries(r.Context(), t.Details)
	if err != nil {
		return page.Page{}, err
	}
	for _, e := range entries {
		d.Ledger = append(d.Ledger, showEntry(e))
	}
	for _, state := range t.Saga.ResumesAt {
		path := t.path(state)
		_, otherwise := t.follow(state)
		d.Resumes = append(d.Resumes, resume{State: state, Path: path, Otherwise: otherwise})
		d.Money = moneyText(saga.Named(t.Name), append([]string{state}, path...), t.State("PAYMENT"), d.Money)
	}
	for _, l := range slices.Backward(history.Read(t.Saga.Events).Lines) {
		if l.Error != "" {
			d.Last = &l
			break
		}
	}
	return page.Page{
		Templates: templates, Name: "trip_redrive.html", Data: d, Title: t.text("trip-redrive-title", t.title()), Section: "trips",
	}, nil
}

// moneyText is what the states may do to money.
func moneyText(of *saga.Saga, states []string, payment domain.StepState, text string) string {
	for _, name := range states {
		task := of.Find(name)
		switch {
		case name == saga.Booking().Pivot():
			return "trip-money-charge"
		case task.Record == "PAYMENT" && (payment == domain.StepDone || payment == domain.StepStarted):
			text = "trip-money-refund"
		}
	}
	return text
}

// path returns the states that follow one while nothing fails.
func (t *tripRead) path(state string) (path []string) {
	next := map[string]string{}
	for _, s := range t.Saga.Machine.States() {
		for _, e := range s.Edges {
			if e.Kind == asl.EdgeNext {
				next[s.Name] = e.To
			}
		}
	}
	for at := next[state]; at != "" && !slices.Contains(path, at); at = next[at] {
		path = append(path, at)
	}
	return path
}

// refusal is the page that says why a redrive is not possible.
func (t *tripRead) refusal(d redrivePage, err error) page.Page {
	d.WhyNot = cmp.Or(t.whyNot(), "trip-whynot-limit")
	if d.WhyNot == "trip-whynot-limit" && err != nil {
		d.Detail = strings.ReplaceAll(err.Error(), "engine: ", "")
	}
	return page.Page{
		Templates: templates, Name: "trip_redrive.html", Data: d, Title: t.text("trip-redrive-title", t.title()), Section: "trips",
		Status: http.StatusConflict,
	}
}

// redrive resumes the trip's saga. The form has the number of redrives that its reader knew: sent several times, it redrives
// once, and every answer leads to the trip.
func (c *console) redrive(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.PostForm, "redrives")
	known := in.number("redrives", 0, math.MaxInt32)
	if in.Bad() {
		return page.Page{}, cmp.Or(r.Only(r.PostForm, "redrives"), error(fault.Invalidf("redrives", "%s", in.problems["redrives"])))
	}
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	var refused error
	if t.Saga.Redrives <= known && t.whyNot() == "" {
		refused = c.Executions.Redrive(r.Context(), t.Name, t.Trip.ID())
		if refused == nil {
			return page.Page{Redirect: t.redriven()}, nil
		}
		if fault.KindOf(refused) != fault.Conflict {
			return page.Page{}, refused
		}
		soon(r.Context()) // the redrive that came first may not be written yet
		if t, err = c.readTrip(r); err != nil {
			return page.Page{}, err
		}
	}
	if t.Saga.Redrives > known {
		return page.Page{Redirect: t.redriven()}, nil
	}
	return t.refusal(redrivePage{tripRead: t}, cmp.Or(refused, t.Saga.Redrivable)), nil
}

func (t *tripRead) redriven() string { return t.Address + "?done=redriven" }

// soon waits for what another request is writing, and reports whether the caller still waits.
func soon(ctx context.Context) bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}
