package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/shared/text"
)

// mostVisits is how many visits the page of a trip shows, the newest. Each visit has a page as well.
const mostVisits = 30

// visit is one visit of a state with its data flow.
type visit struct {
	ID       int64
	State    string
	Status   diagram.Status
	Word     string
	Entered  stamp
	Took     string // "" while the state is not left
	Failure  *history.FailureDetails
	Attempts []attempt
	Hidden   int // attempts that are not shown
	Address  string
}

// attempt is the data flow of one attempt.
type attempt struct {
	Number int // 0 if the visit has one only
	Steps  []dataStep
}

// dataStep is one step of a data flow.
type dataStep struct {
	Field string
	Rule  string // what the definition has in the field, "" for nothing
	Same  string // the step before that had the same value, "" for a new value
	JSON  shownJSON
}

// showVisit returns the visit with its last attempt, or with all of them and whole values.
func (t *tripRead) showVisit(v *visitOf, whole bool) visit {
	shown := visit{
		ID: v.id, State: v.state, Status: v.status, Word: t.words()[v.status], Entered: stamp{v.entered}, Failure: v.failure,
		Address: t.At(fmt.Sprintf("/visits/%d", v.id)),
	}
	if !v.left.IsZero() {
		shown.Took = span(v.left.Sub(v.entered) - v.idle)
	}
	most := mostJSON
	if whole {
		most = wholeJSON
	}
	begin := 0
	first := map[string]string{} // the values of the first attempt, by the field
	for i := range v.data {
		if i > 0 && v.data[i].Attempt != v.data[i-1].Attempt {
			if whole {
				shown.Attempts = append(shown.Attempts, t.attempt(v, begin, i, most, first))
			} else {
				shown.Hidden++
			}
			begin = i
		}
	}
	if len(v.data) > 0 {
		shown.Attempts = append(shown.Attempts, t.attempt(v, begin, len(v.data), most, first))
	}
	return shown
}

// attempt returns the steps from one index to another. A value that a step has left as it was, or that the first attempt
// shown had, is not repeated. first collects the values of that attempt.
func (t *tripRead) attempt(v *visitOf, from, to, most int, first map[string]string) attempt {
	a := attempt{}
	if last := v.data[len(v.data)-1].Attempt; last > 0 {
		a.Number = v.data[from].Attempt + 1
	}
	begins := len(first) == 0
	seen, failed := map[string]string{}, false
	for i := from; i < to; i++ {
		raw := string(v.data[i].JSON())
		s := dataStep{Field: v.data[i].Field, Same: seen[raw]}
		if failed = failed || s.Field == asl.DataError; !failed { // what follows an error is by the fields of a catcher
			s.Rule = rule(t.Saga.Machine.Field(v.state, s.Field))
		}
		switch {
		case begins:
			first[s.Field] = raw
		case s.Same == "" && first[s.Field] == raw:
			s.Same = t.text("trip-attempt", 1)
		}
		if s.Same == "" {
			s.JSON = showJSON(raw, most)
			seen[raw] = s.Field
		}
		a.Steps = append(a.Steps, s)
	}
	return a
}

// rule shows a field of a definition: a path as it is, all else as JSON.
func rule(field json.RawMessage) string {
	const most = 600
	var path string
	if json.Unmarshal(field, &path) != nil || path == "" {
		path = string(field)
	}
	if len(path) > most {
		path = strings.ToValidUTF8(path[:most], "") + "…"
	}
	return text.Visible(path)
}

// visitPage is what the page of one visit shows.
type visitPage struct {
	*tripRead
	Visit    visit
	Previous string
	Next     string
}

// visit shows one visit of a state, with all attempts and whole values.
func (c *console) visit(r *page.Request) (page.Page, error) {
	if err := r.Only(r.URL.Query(), "saga"); err != nil {
		return page.Page{}, err
	}
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	id, err := strconv.ParseInt(r.PathValue("visit"), 10, 64)
	if err != nil {
		return page.Page{}, fault.Invalidf("visit", "%s", t.text("trip-bad-visit", short(r.PathValue("visit"))))
	}
	visits := readVisits(&t.Saga)
	v := visits.find(id)
	if v == nil {
		return page.Page{}, fault.New(fault.NotFound, fault.NameNotFound, "%s", t.text("trip-no-visit", id))
	}
	d := visitPage{tripRead: t, Visit: t.showVisit(v, true)}
	for i, other := range visits.all {
		if other == v && i > 0 {
			d.Previous = t.At(fmt.Sprintf("/visits/%d", visits.all[i-1].id))
		}
		if other == v && i+1 < len(visits.all) {
			d.Next = t.At(fmt.Sprintf("/visits/%d", visits.all[i+1].id))
		}
	}
	return page.Page{
		Templates: templates, Name: "trip_visit.html", Data: d, Title: v.state + " · " + t.title(), Section: "trips", Live: c.live(t),
	}, nil
}
