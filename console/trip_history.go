package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"tripsaga/console/page"
	"tripsaga/shared/history"
)

// eventsPerPage is the number of events of one page of a history.
const eventsPerPage = 100

// historyPage is what the page of a history shows.
type historyPage struct {
	*tripRead
	*input
	Types, States   []string // that the history has, for the filters
	Events          []event
	Total, Matching int
	Page, Pages     int
	FirstPage       string // addresses of other pages, "" for none
	PreviousPage    string
	NextPage        string
	LastPage        string
}

// event is one event of a history.
type event struct {
	ID, Previous int64
	Type         string
	State        string // the state to which it belongs
	Visit        int64
	VisitAt      string // the visit's address
	Class        string
	At           stamp
	After        string // since the start
	Error        string
	Message      string
	Details      shownJSON
}

// history shows the events of a trip's saga, filtered and in pages.
func (c *console) history(r *page.Request) (page.Page, error) {
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	d := &historyPage{tripRead: t, input: readInput(r.Lang, r.URL.Query(), "saga", "type", "state", "q", "page")}
	d.fill(readVisits(&t.Saga))
	p := page.Page{Templates: templates, Name: "trip_history.html", Data: d, Title: t.text("trip-history-title", t.title()), Section: "trips"}
	if d.Bad() {
		p.Status = http.StatusBadRequest
	} else {
		p.Live = c.live(t)
	}
	return p, nil
}

func (d *historyPage) fill(v visits) {
	events := d.Saga.Events
	d.Total = len(events)
	d.Types = distinct(events, func(e *history.Event) string { return e.Type })
	d.States = distinct(events, func(e *history.Event) string {
		if e.StateEntered != nil {
			return e.StateEntered.Name
		}
		return ""
	})
	found := d.filter(v)
	d.Matching = len(found)
	d.Pages = max(1, (len(found)+eventsPerPage-1)/eventsPerPage)
	d.Page = 1
	if d.values["page"] != "" {
		d.Page = min(max(1, d.number("page", 1, d.Pages)), d.Pages)
	}
	for _, i := range found[min((d.Page-1)*eventsPerPage, len(found)):min(d.Page*eventsPerPage, len(found))] {
		d.Events = append(d.Events, d.show(&events[i], v))
	}
	if d.Page > 1 {
		d.FirstPage, d.PreviousPage = d.at(1), d.at(d.Page-1)
	}
	if d.Page < d.Pages {
		d.NextPage, d.LastPage = d.at(d.Page+1), d.at(d.Pages)
	}
}

func (d *historyPage) at(n int) string {
	return d.address(d.Address+"/history", "page", strconv.Itoa(n))
}

// distinct returns the different values in the order in which they first occur, without "".
func distinct(events []history.Event, of func(*history.Event) string) (all []string) {
	seen := map[string]bool{"": true}
	for i := range events {
		if value := of(&events[i]); !seen[value] {
			seen[value] = true
			all = append(all, value)
		}
	}
	return all
}

// filter returns the indexes of the events that the form selects.
func (d *historyPage) filter(v visits) (found []int) {
	kind, state, text := d.oneOf("type", d.Types...), d.oneOf("state", d.States...), strings.ToLower(d.usable("q"))
	for i := range d.Saga.Events {
		e := &d.Saga.Events[i]
		if kind != "" && e.Type != kind || state != "" && v.stateOf(e.ID) != state || text != "" && !mentions(e, text) {
			continue
		}
		found = append(found, i)
	}
	return found
}

// mentions reports whether the event has the text, which is in lower case, in any case.
func mentions(e *history.Event, text string) bool {
	for _, s := range append(e.Texts(), e.Type) {
		if containsFold(s, text) {
			return true
		}
	}
	return false
}

// containsFold is strings.Contains without regard to the case of ASCII letters. It allocates nothing: a history has
// megabytes of text.
func containsFold(s, lower string) bool {
	for first := lower[0]; len(s) >= len(lower); {
		i := strings.IndexByte(s, first)
		if upper := first - 'a' + 'A'; first >= 'a' && first <= 'z' {
			if j := strings.IndexByte(s[:end(i, len(s))], upper); j >= 0 {
				i = j
			}
		}
		if i < 0 || len(s)-i < len(lower) {
			return false
		}
		if strings.EqualFold(s[i:i+len(lower)], lower) {
			return true
		}
		s = s[i+1:]
	}
	return false
}

// end is i, or n if i says that nothing was found.
func end(i, n int) int {
	if i < 0 {
		return n
	}
	return i
}

func (d *historyPage) show(e *history.Event, v visits) event {
	shown := event{
		ID: e.ID, Previous: e.PreviousEventID, Type: e.Type, State: v.stateOf(e.ID), At: stamp{e.Timestamp},
		After: span(e.Timestamp.Sub(d.Saga.Started)), Class: "neutral",
	}
	if visit := v.byEvent[e.ID]; visit != nil {
		shown.Visit, shown.VisitAt = visit.id, d.At(fmt.Sprintf("/visits/%d", visit.id))
	}
	failure := e.Failure()
	if failure == nil {
		failure = e.ExecutionFailed
	}
	switch {
	case failure != nil:
		shown.Class, shown.Error, shown.Message = "bad", failure.Error, failure.Message()
	case strings.HasSuffix(e.Type, "Failed"), strings.HasSuffix(e.Type, "TimedOut"), strings.HasSuffix(e.Type, "Aborted"):
		shown.Class = "bad"
	case strings.HasSuffix(e.Type, "Succeeded"):
		shown.Class = "ok"
	}
	if raw := detailsOf(e); raw != "" {
		shown.Details = showJSON(raw, mostJSON)
	}
	return shown
}

// detailsOf returns the event's object of details as JSON, "" if it has none.
func detailsOf(e *history.Event) string {
	raw, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return ""
	}
	for name, value := range fields {
		if strings.HasSuffix(name, "EventDetails") {
			return string(value)
		}
	}
	return ""
}
