package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tripsaga/console"
	"tripsaga/console/page"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// virtualStart is the time at which simulations begin.
var virtualStart = time.Now().Truncate(time.Second).UTC()

// simulated is a site in virtual time, in which the first calls of a task fail.
type simulated struct {
	*site
	virtual *sim.Virtual
}

func simulate(t testing.TB, faults map[string][]error) simulated {
	t.Helper()
	v := sim.NewVirtual(virtualStart)
	s := openWith(t, local.Options{Scheduler: v, Seed: func() uint64 { return 7 }, WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
		for name, errs := range faults {
			task := tasks[name]
			tasks[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				if len(errs) == 0 {
					return task(ctx, input)
				}
				err := errs[0]
				errs = errs[1:]
				return nil, err
			}
		}
		return tasks
	}}, func(opt *console.Options) {
		opt.Cost = func(cancellation, succeeded bool, transitions int) (console.Cost, error) {
			units := map[[2]bool]float64{{false, true}: 23, {false, false}: 38, {true, true}: 30}
			return console.Cost{TransitionsUSD: float64(transitions) * 25e-6, WriteUnits: units[[2]bool{cancellation, succeeded}]}, nil
		}
	})
	return simulated{s, v}
}

func (s simulated) book(change ...func(*domain.Request)) string {
	s.Helper()
	trip, err := s.sys.App.BookTrip(s.Context(), "", request(change...))
	if err != nil {
		s.Fatal(err)
	}
	return trip.ID()
}

func card(token string) func(*domain.Request) {
	return func(r *domain.Request) { r.Payment.CardToken = token }
}

func (s *site) trip(id string) *doc {
	s.Helper()
	d := s.get("/console/trips/" + id)
	if d.status != http.StatusOK {
		s.Fatalf("%d %s", d.status, d.main())
	}
	return d
}

// part is the text of the element with this id.
func (d *doc) part(id string) string {
	for n := range d.root.Descendants() {
		if v, ok := attribute(n, "id"); ok && v == id && n.Type == html.ElementNode {
			return inside(n)
		}
	}
	d.Fatalf("no %s", id)
	return ""
}

// shows requires each text in the part of the page.
func (d *doc) shows(part string, texts ...string) {
	d.Helper()
	got := d.part(part)
	for _, text := range texts {
		if !strings.Contains(got, text) {
			d.Errorf("%s lacks %q: %s", part, text, got)
		}
	}
}

// inOrder requires the texts in this order.
func (d *doc) inOrder(part string, texts ...string) {
	d.Helper()
	rest := d.part(part)
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			d.Errorf("%s lacks %q after what comes before it: %s", part, text, d.part(part))
			return
		}
		rest = after
	}
}

func TestTripConfirmed(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	s.virtual.Run()
	d := s.trip(strings.ToUpper(id))
	d.shows("main", "Confirmed", "Ada Lovelace", id, "tok_***", "JL5", "NYC-HUDSON")
	d.shows("graph", "ReserveFlight", "RefundPayment", "not visited")
	d.shows("saga", "The saga has ended (SUCCEEDED)", "Nothing comes next")
	d.shows("records", "Seats", "Rooms", "Payment", "done")
	d.shows("ledger", "Charge", "cards", "merchant")
	d.shows("events", "TripRequested", "TripConfirmed")
	d.shows("cost", "State transitions 5")
	d.shows("money", "Paid 224,000 JPY.")
	if len(d.all("body", "data-live", "*")) != 0 {
		t.Error("a trip that has ended is live")
	}
	taken := 0
	for _, g := range d.all("g", "class", "*") {
		if class, _ := attribute(g, "class"); strings.Contains(class, "edge-taken") {
			taken++
		}
	}
	if taken != 5 {
		t.Errorf("%d transitions are drawn as taken, want 5", taken)
	}
	s.lang = "ja"
	s.trip(id).shows("main", "確定", "サーガ", "各状態のデータ", "元帳")
}

func TestTripHotelFull(t *testing.T) {
	s := simulate(t, map[string][]error{"ReserveHotel": {&engine.TaskError{Name: "HotelUnavailable", Message: "sold <b>out</b>"}}})
	id := s.book()
	s.virtual.Run()
	d := s.trip(id)
	d.shows("main", "Failed", "HotelUnavailable", "sold <b>out</b>")
	d.shows("graph", "failed, handled", "CancelFlight")
	d.shows("money", "Nothing was charged.")
	d.shows("graph", "BookingFailed: failure recorded")
	d.shows("timeline-table", "BookingFailed 0 ms failure recorded")
	for _, failure := range d.all("strong", "class", "error") {
		if inside(failure) == "BookingFailed" {
			t.Error("the state that records the failure is shown as one that failed")
		}
	}
	d.shows("timeline-table", "ReserveHotel", "HotelUnavailable")
	d.shows("records", "given back", "None")
	d.shows("ledger", "No money has moved")
	for _, method := range []string{"GET", "POST"} {
		refused := s.get("/console/trips/" + id + "/redrive")
		if method == "POST" {
			refused = s.post("/console/trips/"+id+"/redrive", s.attentionForm())
		}
		if refused.status != http.StatusConflict || !strings.Contains(refused.main(), "everything is given back") {
			t.Errorf("%s redrive: %d %s", method, refused.status, refused.main())
		}
	}
}

// TestRedriveWhileAnother: the form that loses leads to the trip as well, and refuses what is not redrivable.
func TestRedriveWhileAnother(t *testing.T) {
	s := simulate(t, nil)
	id := s.book(card("tok_refund_stuck"))
	s.virtual.Run()
	opt := console.Options{UseCases: s.sys.UseCases(nil), Sagas: s.sys.Sagas()}
	first := &firstRedrive{Executions: opt.UseCases.Executions}
	opt.UseCases.Executions = first
	s.handler = console.New(s.sys.API(nil), opt)
	address := "/console/trips/" + id + "/redrive"
	form := s.get(address).form("post")
	if d := s.post(address, form); d.status != http.StatusConflict || !strings.Contains(d.main(), "being redriven already") {
		t.Errorf("the other one is never written: %d %s", d.status, d.body)
	}
	first.written = true
	if d := s.post(address, form); d.status != http.StatusSeeOther || d.location != "/console/trips/"+id+"?done=redriven" {
		t.Errorf("the other one is written: %d %s", d.status, d.body)
	}
}

// firstRedrive has another redrive come before each.
type firstRedrive struct {
	app.Executions
	written bool
}

func (f *firstRedrive) Redrive(ctx context.Context, saga, id string) error {
	if f.written {
		if err := f.Executions.Redrive(ctx, saga, id); err != nil {
			return err
		}
	}
	return fault.New(fault.Conflict, "NotRedrivable", "it is being redriven already")
}

// attentionForm is the form of any redrive, with its token.
func (s simulated) attentionForm() map[string][]string {
	s.Helper()
	id := s.book(card("tok_refund_stuck"))
	s.virtual.Run()
	return s.get("/console/trips/" + id + "/redrive").form("post")
}

// TestTripRetry shows the time of the next attempt while the saga waits for it.
func TestTripRetry(t *testing.T) {
	s := simulate(t, map[string][]error{"ProcessPayment": {&engine.TaskError{Name: "Down", Message: "no answer"}}})
	id := s.book()
	for !strings.Contains(s.trip(id).main(), "Attempt 2 starts at") {
		if !s.virtual.Step() {
			t.Fatalf("never waits: %s", s.trip(id).main())
		}
	}
	at, _ := s.virtual.Next()
	d := s.trip(id)
	d.shows("saga", "ProcessPayment failed. Attempt 2 starts at "+at.UTC().Format("2006-01-02 15:04:05.000 UTC"), "Down", "no answer",
		"Then: BookingConfirmed", "If it fails for good: on PaymentDeclined, TripCancelled: CancelHotel; on any other error: RefundPayment")
	if until := d.all("span", "data-until", at.UTC().Format(time.RFC3339Nano)); len(until) != 2 {
		t.Errorf("%d countdowns to %s", len(until), at)
	}
	d.shows("graph", "waiting")
	d.shows("timeline-table", "ProcessPayment attempt 2", "waiting until "+at.UTC().Format("2006-01-02 15:04:05.000 UTC"))
	if waits := d.all("rect", "class", "wait open"); len(waits) != 1 {
		t.Errorf("%d bars of waits under way, want 1", len(waits))
	}
	s.virtual.Run()
	s.trip(id).shows("timeline-table", "attempt 2, after ")
}

func TestTripRedrive(t *testing.T) {
	s := simulate(t, nil)
	id := s.book(card("tok_refund_stuck"))
	s.virtual.Run()
	d := s.trip(id)
	d.shows("main", "Needs attention: the saga stopped at RefundPayment", "the account is locked")
	d.shows("graph", "RefundPayment", "failed")
	d.shows("money", "Perhaps charged 224,000 JPY, as the bank's answer was lost; its refund is still outstanding.")
	s.lang = "ja"
	s.trip(id).shows("money", "224,000 JPY が請求された可能性があります")
	s.lang = "en"
	s.virtual.Advance(time.Hour) // the operator comes later
	address := "/console/trips/" + id + "/redrive"
	if links := d.all("a", "href", address); len(links) != 1 {
		t.Errorf("%d links to the preview", len(links))
	}
	preview := s.get(address)
	for _, text := range []string{"RefundPayment", "CancelHotel CancelFlight BookingFailed", "the account is locked", "This refunds what was charged", "Charge"} {
		if !strings.Contains(preview.main(), text) {
			t.Errorf("the preview lacks %q: %s", text, preview.main())
		}
	}
	if s.post(address, nil).status != http.StatusForbidden {
		t.Error("a form without a token is taken")
	}
	done := s.post(address, preview.form("post"))
	if done.status != http.StatusSeeOther || done.location != "/console/trips/"+id+"?done=redriven" {
		t.Fatalf("%d %s %s", done.status, done.location, done.main())
	}
	newer := preview.form("post")
	newer.Set("redrives", "1")
	if d := s.post(address, newer); d.status != http.StatusConflict || !strings.Contains(d.main(), "Its saga is running") {
		t.Errorf("a redrive of what runs: %d %s", d.status, d.main())
	}
	for _, when := range []string{"while it runs", "at the end"} {
		if d := s.post(address, preview.form("post")); d.status != http.StatusSeeOther || d.location != done.location {
			t.Errorf("the form again %s: %d %s", when, d.status, d.body)
		}
		s.virtual.Run()
	}
	d = s.get(done.location)
	d.shows("main", "The saga was redriven: it resumed where it had stopped", "Failed")
	d.shows("timeline-table", "Redriven")
	d.shows("money", "Refunded 224,000 JPY.")
	d.shows("data", "RefundPayment done 0 ms") // without the time until the operator came
	d.shows("ledger", "Charge", "Refund")
	d.shows("records", "given back")
}

// TestTripRunning shows the attempt under way, and from when on it is running.
func TestTripRunning(t *testing.T) {
	s := simulate(t, nil)
	d := s.trip(s.book())
	d.shows("timeline-table", "now", "ReserveFlight", "running")
	if len(d.all("rect", "class", "bar-running open")) != 1 || len(d.all("span", "data-since", "*")) != 1 {
		t.Errorf("no bar under way: %s", d.body)
	}
}

// TestTripAttempts: an input that is the same for each attempt is shown once.
func TestTripAttempts(t *testing.T) {
	s := simulate(t, map[string][]error{"ReserveFlight": {&engine.TaskError{Name: "Down"}, &engine.TaskError{Name: "Down"}}})
	id := s.book()
	s.virtual.Run()
	flow := s.get("/console/trips/" + id + "/visits/2").main()
	if n := strings.Count(flow, "the same as attempt 1"); n < 2 || !strings.Contains(flow, "attempt 3 Input the same as attempt 1") {
		t.Errorf("%d values are the same as those of attempt 1: %s", n, flow)
	}
}

// TestTripData opens a state's data flow, which ends with what the history has as its output.
func TestTripData(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	s.virtual.Run()
	d := s.trip(id)
	events, err := s.sys.Engine.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	state := int64(0)
	for _, e := range events {
		if e.StateEntered != nil {
			state = e.ID
			d.shows(fmt.Sprintf("state-%d", state), e.StateEntered.Name, "Input", "Parameters", "Result", "Output")
		}
		if e.StateExited == nil {
			continue
		}
		page := s.get(fmt.Sprintf("/console/trips/%s/visits/%d", id, state))
		flow := page.all("dl", "class", "flow")
		if page.status != http.StatusOK || len(flow) != 1 {
			t.Fatalf("%d %s", page.status, page.main())
		}
		found := false
		if rules := page.all("p", "class", "rule"); len(rules) == 0 {
			t.Errorf("%s has no rules", e.StateExited.Name)
		}
		for _, value := range page.all("pre", "", "") {
			found = found || compact(inside(value)) == compact(e.StateExited.Output)
		}
		if !found {
			t.Errorf("no step of %s is its output %s", e.StateExited.Name, e.StateExited.Output)
		}
	}
}

// compact is JSON without white space.
func compact(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func TestBadTripAddresses(t *testing.T) {
	s := simulate(t, nil)
	id := s.book()
	s.virtual.Run()
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/console/trips/nonsense":                                         {400, `"nonsense" is not the id of a trip`},
		"/console/trips/%3Cscript%3E":                                     {400, "is not the id of a trip"},
		"/console/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a":             {404, "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"},
		"/console/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/history":     {404, "Not found"},
		"/console/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/redrive":     {404, "Not found"},
		"/console/trips/" + id + "/visits/3":                              {404, "no state was entered by event 3"},
		"/console/trips/" + id + "/visits/x":                              {400, `"x" is not the number of an event`},
		"/console/trips/" + id + "/visits/99999999999999999999":           {400, "is not the number of an event"},
		"/console/trips/" + id + "/history?page=9":                        {400, "from 1 to 1"},
		"/console/trips/" + id + "/history?type=Nothing":                  {400, "Nothing"},
		"/console/trips/" + id + "/history?state=%E2%80%AE":               {400, "allowed"},
		"/console/trips/" + id + "/history?q=" + strings.Repeat("x", 500): {400, "500 characters"},
		"/console/trips/" + id + "/history?unknown=1":                     {400, "unknown"},
		"/console/trips/" + id + "/redrive":                               {409, "Its saga has succeeded"},
		"/console/trips/" + id + "?x=1":                                   {400, `this page has no parameter "x"`},
		"/console/trips/" + id + "?done=gone":                             {400, `"gone" is not allowed here`},
		"/console/trips/" + id + "?done=redriven&done=redriven":           {400, "done: it is given more than once"},
		"/console/trips/" + id + "/visits/2?x=1":                          {400, `no parameter "x"`},
		"/console/trips/" + id + "/redrive?x=1":                           {400, `no parameter "x"`},
		"/console/trips/" + id + "/history?q=a&q=b":                       {400, "more than once"},
		"/docs?x=1":                         {400, `no parameter "x"`},
		"/console/trips/" + id + "/nowhere": {404, "nowhere"},
	} {
		if d := s.get(path); d.status != want.status || !strings.Contains(d.main(), want.text) {
			t.Errorf("%s: %d %s", path, d.status, d.main())
		}
	}
	if d := s.get("/console/trips/" + id + "?done=redriven"); d.status != http.StatusOK || strings.Contains(d.main(), "redriven") {
		t.Errorf("a trip that was never redriven: %d %s", d.status, d.main())
	}
	form := s.attentionForm()
	for name, values := range map[string][]string{"redrives": {"x"}, "other": {""}, "token": form["token"]} {
		changed := maps.Clone(form)
		if changed[name] = values; name == "token" {
			delete(changed, "redrives")
		}
		if d := s.post("/console/trips/"+id+"/redrive", changed); d.status != http.StatusBadRequest {
			t.Errorf("redrive with %s %q: %d %s", name, values, d.status, d.main())
		}
	}
}

// TestHostileTripTexts shows what an older version may have stored.
func TestHostileTripTexts(t *testing.T) {
	const hostile = "\u202e<script>alert('O\"Hare')</script>\x00"
	s := simulate(t, map[string][]error{"ReserveFlight": {&engine.TaskError{Name: hostile, Message: hostile}, &engine.TaskError{Name: hostile}}})
	id := s.book()
	s.virtual.Run()
	for _, path := range []string{"", "/history", "/visits/2"} {
		d := s.get("/console/trips/" + id + path)
		if n := len(d.all("script", "src", "")) + len(d.all("script", "", "")); d.status != http.StatusOK || strings.Contains(d.body, "<script>alert") || strings.ContainsAny(d.body, "\u202e\x00") {
			t.Errorf("%q: %d, %d scripts, %s", path, d.status, n, d.body)
		}
	}
}

// TestTripIsLive compares two looks at a trip after each thing that happens: the page's version differs exactly when the
// page does, so a live page that is not rendered again is right.
func TestTripIsLive(t *testing.T) {
	s := simulate(t, map[string][]error{"ProcessPayment": {&engine.TaskError{Name: "Down"}}})
	id := s.book(card("tok_refund_stuck"))
	r := &page.Request{Request: httptest.NewRequest("GET", "/console/trips/"+id, nil), Lang: page.English}
	r.SetPathValue("id", id)
	look := func() (body, version string) {
		live, err := console.TripLive(console.Options{UseCases: s.sys.UseCases(nil), Sagas: s.sys.Sagas()}, r)
		if err != nil {
			t.Fatal(err)
		}
		if live != nil {
			if version, err = live.Version(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return s.trip(id).main(), version
	}
	body, version := look()
	changes := 0
	step := func() {
		b, v := look()
		if (b != body) != (v != version) {
			t.Errorf("page changed %v, version %q -> %q:\n%s\n%s", b != body, version, v, body, b)
		}
		if b != body {
			changes++
		}
		body, version = b, v
	}
	for s.virtual.Step() {
		step()
	}
	preview := s.get("/console/trips/" + id + "/redrive")
	s.post("/console/trips/"+id+"/redrive", preview.form("post"))
	for step(); s.virtual.Step(); {
		step()
	}
	if changes < 7 || version != "" {
		t.Errorf("%d changes; the version at the end is %q, want none", changes, version)
	}
}

// TestALateChargeIsNews: the bank takes the money while nothing else of the trip changes.
func TestALateChargeIsNews(t *testing.T) {
	s := simulate(t, nil)
	id := s.book(card("tok_timeout_before"))
	var d domain.Details
	for d.State("PAYMENT") != domain.StepStarted {
		if !s.virtual.Step() {
			t.Fatal("the payment never starts")
		}
		d, _ = s.sys.App.GetTrip(t.Context(), id)
	}
	r := &page.Request{Request: httptest.NewRequest("GET", "/console/trips/"+id, nil), Lang: page.English}
	r.SetPathValue("id", id)
	live, err := console.TripLive(console.Options{UseCases: s.sys.UseCases(nil), Sagas: s.sys.Sagas()}, r)
	if err != nil {
		t.Fatal(err)
	}
	before, err := live.Version(t.Context())
	s.trip(id).shows("ledger", "No money has moved")
	if _, late := bank.New(s.sys.Store, s.virtual.Now).Confirm(t.Context(), d.Payment.Result.IntentID, "tok_ok"); err != nil || late != nil {
		t.Fatal(err, late)
	}
	s.trip(id).shows("ledger", "Charge")
	if after, err := live.Version(t.Context()); err != nil || after == before {
		t.Errorf("version %q before and %q after the charge, %v", before, after, err)
	}
}

// BenchmarkTripVersion is what an open page of a trip costs four times a second while nothing happens.
func BenchmarkTripVersion(b *testing.B) {
	s := simulate(b, nil)
	id := s.book(card("tok_refund_stuck"))
	s.virtual.Run()
	r := &page.Request{Request: httptest.NewRequest("GET", "/console/trips/"+id, nil), Lang: page.English}
	r.SetPathValue("id", id)
	live, err := console.TripLive(console.Options{UseCases: s.sys.UseCases(nil), Sagas: s.sys.Sagas()}, r)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := live.Version(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
