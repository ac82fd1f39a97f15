package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/console/page"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

const (
	tripEvery = 250 * time.Millisecond // between two looks at a trip whose saga runs
	tripQuiet = 2 * time.Second        // at one that waits for an operator
)

// tripRead is a trip with one of its sagas, as it was read for one page.
type tripRead struct {
	domain.Details
	lang    page.Lang
	Name    string // of the saga
	Started bool   // whether the saga has been started
	Saga    engine.View
	Address string // of the trip's page
}

// tripPage is what the page of a trip shows.
type tripPage struct {
	*tripRead
	Notice   string // key of a text, "" for none
	Departed bool   // too late for a cancellation
	Money    string
	Graph    template.HTML
	Now      now
	Rows     timeline
	Visits   []visit
	Earlier  int // visits that are not shown
	Records  records
}

func (c *console) tripRoutes(f *page.Frame) {
	f.Handle("/console/trips/{id}", c.trip)
	f.Handle("/console/trips/{id}/history", c.history)
	f.Handle("/console/trips/{id}/visits/{visit}", c.visit)
	f.Handle("/console/trips/{id}/redrive", c.redrivePreview)
	f.HandlePost("/console/trips/{id}/redrive", c.redrive)
	f.Handle("/console/trips/{id}/cancel", c.cancelPreview)
	f.HandlePost("/console/trips/{id}/cancel", c.cancel)
}

// pathID returns the trip's id in the address, in lower case.
func pathID(r *page.Request) (string, error) {
	id, err := ident.Parse(strings.ToLower(r.PathValue("id")))
	if err != nil {
		return "", fault.Invalidf("id", "%s", templates.Text(r.Lang, "trip-bad-id", short(r.PathValue("id"))))
	}
	return id, nil
}

// readTrip reads the trip in the address with the saga that the parameter saga names, or else its present one. The saga
// comes first, so that the trip is at least as new.
func (c *console) readTrip(r *page.Request) (*tripRead, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	asked, err := askedSaga(r)
	if err != nil {
		return nil, err
	}
	t := &tripRead{lang: r.Lang, Address: tripAddress(id), Name: cmp.Or(asked, saga.Booking().Name())}
	for again := true; ; {
		view, err := c.sagas.View(r.Context(), t.Name, id)
		if err = sagaFault(err); err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
		t.Saga, t.Started = view, err == nil
		if t.Details, err = c.Details(r.Context(), id); err == nil && !t.Started && again && t.Trip.Ran(t.Name) {
			again = false // it may have been started since
			continue
		}
		if err != nil || asked != "" || t.Present() {
			return t, err
		}
		t.Name = t.Trip.Saga()
	}
}

// askedSaga returns the value of the parameter saga, "" for none.
func askedSaga(r *page.Request) (string, error) {
	var names []string
	for _, s := range saga.All() {
		names = append(names, s.Name())
	}
	in := &input{lang: r.Lang, values: map[string]string{"saga": r.URL.Query().Get("saga")}, problems: map[string]string{}}
	if asked := in.oneOf("saga", names...); !in.Bad() {
		return asked, nil
	}
	return "", fault.Invalidf("saga", "%s", in.problems["saga"])
}

// Present reports whether the saga is the trip's present one.
func (t *tripRead) Present() bool { return t.Name == t.Trip.Saga() }

// At is the address of a page about the trip and the same saga, below the trip's own.
func (t *tripRead) At(path string) string {
	if t.Present() {
		return t.Address + path
	}
	return t.Address + path + "?saga=" + t.Name
}

// Sagas are the trip's sagas, the present one first, if there is more than one.
func (t *tripRead) Sagas() []*tripRead {
	if t.Trip.Saga() == saga.Booking().Name() {
		return nil
	}
	var all []*tripRead
	for _, s := range slices.Backward(saga.All()) {
		all = append(all, &tripRead{Details: t.Details, lang: t.lang, Name: s.Name(), Address: t.Address})
	}
	return all
}

func (t *tripRead) text(key string, args ...any) string { return templates.Text(t.lang, key, args...) }

func (t *tripRead) title() string { return t.text("trip-title", shortID(t.Trip.ID())) }

// live says when a page about the trip changes: not any more once both the trip and its saga have ended.
func (c *console) live(t *tripRead) *page.Live {
	every := tripEvery
	if t.Saga.Status != asl.Running && (t.Started || t.Trip.Ran(t.Name)) {
		if t.Trip.Ended() {
			return nil
		}
		every = tripQuiet
	}
	id := t.Trip.ID()
	return &page.Live{Every: every, Version: func(ctx context.Context) (string, error) { return c.tripVersion(ctx, id) }}
}

// tripVersion returns a text that differs whenever a page about the trip does. It replays nothing.
func (c *console) tripVersion(ctx context.Context, id string) (string, error) {
	var versions []string
	for _, s := range saga.All() {
		version, err := c.sagas.Version(ctx, s.Name(), id)
		if err = sagaFault(err); err != nil && fault.KindOf(err) != fault.NotFound {
			return "", err
		}
		versions = append(versions, version)
	}
	d, err := c.Details(ctx, id)
	if err != nil {
		return "", err
	}
	entries, err := c.entries(ctx, d)
	return fmt.Sprintln(versions, d.Trip.Version(), d.State("FLIGHT"), d.State("HOTEL"), d.State("PAYMENT"), len(entries)), err
}

func (c *console) trip(r *page.Request) (page.Page, error) {
	if err := r.Only(r.URL.Query(), "done", "saga"); err != nil {
		return page.Page{}, err
	}
	done := readInput(r.Lang, r.URL.Query(), "done", "saga")
	if done.oneOf("done", "redriven", "cancelled"); done.Bad() {
		return page.Page{}, fault.Invalidf("done", "%s", done.problems["done"])
	}
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	d := tripPage{tripRead: t}
	switch {
	case done.values["done"] == "redriven" && t.Saga.Redrives > 0:
		d.Notice = "trip-redriven"
	case done.values["done"] == "cancelled" && t.Cancellation() != nil:
		d.Notice = "trip-cancel-accepted"
	}
	visits := readVisits(&t.Saga)
	d.Money = t.money(visits)
	if d.Departed, err = c.departed(r.Context(), t); err != nil {
		return page.Page{}, err
	}
	if d.Records, err = c.records(r.Context(), t, visits); err != nil {
		return page.Page{}, err
	}
	if t.Started {
		d.Graph = c.graph(t, visits)
		d.Now = t.now(visits)
		d.Rows = t.timeline(visits, c.now())
		d.Earlier = max(0, len(visits.all)-mostVisits)
		for _, v := range visits.all[d.Earlier:] {
			d.Visits = append(d.Visits, t.showVisit(v, false))
		}
	}
	return page.Page{
		Templates: templates, Name: "trip.html", Data: d, Title: t.title(), Section: "trips", Live: c.live(t),
	}, nil
}

// Reason is why the trip failed or needs attention; the saga's error until the trip knows.
func (t *tripRead) Reason() domain.Reason {
	if r := t.Trip.Reason(); r.Name != "" || !t.Started || t.Saga.Error == "" {
		return r
	}
	return domain.Reason{Name: t.Saga.Error, Message: causeText(t.Saga.Cause)}
}

// money says what happened to the customer's money.
func (t *tripRead) money(v visits) string {
	var amount money.Amount
	refunded := false
	if t.Payment != nil {
		amount, refunded = t.Payment.Result.Amount, t.Payment.Result.RefundID != ""
	}
	pivot := saga.Booking().Find(saga.Booking().Pivot())
	refunding := t.Trip.Saga() == domain.CancellationSaga || v.latest()[pivot.Compensation] != nil
	c, _ := t.Trip.Cancellation()
	key := domain.MoneyOf(t.Trip.Status(), t.State("PAYMENT"), refunded, c.Fee.Minor > 0, refunding)
	switch key {
	case domain.MoneyNone:
		return t.text("trip-charge-none")
	case domain.MoneyPaid:
		amount = t.Trip.Total()
	case domain.MoneyPartlyRefunded:
		return t.text("trip-charge-partly-refunded", c.Refund.Grouped(), c.Fee.Grouped())
	}
	return t.text("trip-charge-"+string(key), amount.Grouped())
}

// Cause is what the saga reports of its failure, unless the reason says it already.
func (t *tripRead) Cause() string {
	cause := causeText(t.Saga.Cause)
	if strings.Contains(t.Reason().Message, cause) {
		return ""
	}
	return cause
}

// Short is enough of the id to recognize the trip.
func (t *tripRead) Short() string { return shortID(t.Trip.ID()) }

// Overdue reports whether the saga takes too long, but may still end.
func (t *tripRead) Overdue() bool { return t.Trip.Reason().Name == domain.ReasonOverdue }

// NeedsAttention reports whether an operator must act.
func (t *tripRead) NeedsAttention() bool { return t.Trip.Status() == domain.NeedsAttention }

// CanRedrive reports whether the trip's saga can be redriven now.
func (t *tripRead) CanRedrive() bool { return t.whyNot() == "" }

// whyNot returns the key of the text why the trip's saga cannot be redriven, "" if it can.
func (t *tripRead) whyNot() string {
	switch {
	case !t.Started:
		return t.Missing()
	case !t.Present():
		return "trip-whynot-succeeded"
	case t.Saga.Status == asl.Running:
		return "trip-whynot-running"
	case t.Saga.Status == asl.Succeeded:
		return "trip-whynot-succeeded"
	case t.Trip.Status() == domain.Cancelled:
		return "trip-whynot-cancelled"
	case t.Trip.CheckRedrive() != nil:
		return "trip-whynot-failed"
	case t.Saga.Redrivable != nil:
		return "trip-whynot-limit"
	}
	return ""
}

// Missing is the key of the text why there is no saga to show.
func (t *tripRead) Missing() string {
	if t.Trip.Ran(t.Name) {
		return "trip-history-removed"
	}
	return "trip-unstarted"
}

// stamp is a time with milliseconds and its zone.
type stamp struct{ time.Time }

// RFC is the time for the attribute datetime.
func (s stamp) RFC() string { return s.UTC().Format(time.RFC3339Nano) }

// Text is the time for people.
func (s stamp) Text() string { return s.UTC().Format("2006-01-02 15:04:05.000 UTC") }

// span returns a duration in the two largest units that matter.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d == 0:
		return "0 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}
