package lab

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tripsaga/console/page"
	"tripsaga/engine/sim"
	"tripsaga/verify/mutants"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

type site struct {
	*Lab
	frame *page.Frame
}

func newSite(t *testing.T) site {
	t.Helper()
	l, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := page.New(slog.New(slog.DiscardHandler), "lab-banner")
	l.Pages(f)
	return site{l, f}
}

func (s site) answer(ctx context.Context, target, lang string) *httptest.ResponseRecorder {
	target, _, _ = strings.Cut(target, "#")
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	r.Header.Set("Accept-Language", lang)
	w := httptest.NewRecorder()
	s.frame.ServeHTTP(w, r)
	return w
}

// read returns the page, which must have the status.
func (s site) read(t *testing.T, target string, status int) *doc {
	t.Helper()
	w := s.answer(t.Context(), target, "en")
	root, err := html.Parse(w.Body)
	if err != nil || w.Code != status {
		t.Fatalf("%s: %d %v, want %d", target, w.Code, err, status)
	}
	return &doc{root}
}

func play(id string, more ...string) string {
	q := url.Values{"schedule": {id}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/console/lab/play?" + q.Encode()
}

// doc is a part of a page.
type doc struct{ *html.Node }

// all returns the elements below with the name, and with the class if one is given.
func (d *doc) all(name, class string) (found []*doc) {
	for n := range d.Descendants() {
		e := &doc{n}
		if n.Type == html.ElementNode && n.Data == name && (class == "" || strings.Contains(" "+e.attr("class")+" ", " "+class+" ")) {
			found = append(found, e)
		}
	}
	return found
}

func (d *doc) attr(name string) string {
	for _, a := range d.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (d *doc) text() string {
	var b strings.Builder
	for n := range d.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// link returns the address of the first link with the text.
func (d *doc) link(t *testing.T, text string) string {
	t.Helper()
	for _, a := range d.all("a", "") {
		if strings.Contains(a.text(), text) {
			return a.attr("href")
		}
	}
	t.Fatalf("no link %q in %s", text, d.text())
	return ""
}

func (d *doc) row(t *testing.T) string {
	t.Helper()
	for _, tr := range d.all("tr", "here") {
		return tr.text()
	}
	t.Fatal("no row of the frame")
	return ""
}

// TestEveryScenarioPlays opens what the first page links to, goes to the end, and back again.
func TestEveryScenarioPlays(t *testing.T) {
	s := newSite(t)
	index := s.read(t, "/console/lab", 200)
	if banner := index.all("p", "banner"); len(banner) != 1 {
		t.Error("no banner")
	}
	watched := 0
	for _, a := range index.all("a", "") {
		if a.text() != "Watch" {
			continue
		}
		watched++
		start := s.read(t, a.attr("href"), 200)
		end := s.read(t, start.link(t, "Last"), 200)
		if !strings.Contains(end.row(t), "come to rest") || len(end.all("svg", "diagram")) == 0 {
			t.Errorf("%s ends with %s", a.attr("href"), end.row(t))
		}
		before := s.read(t, end.link(t, "Previous"), 200)
		if again := s.read(t, before.link(t, "Next"), 200); again.text() != end.text() {
			t.Errorf("%s: the last frame differs after a step back and forth", a.attr("href"))
		}
		if again := s.read(t, end.link(t, "First"), 200); again.text() != start.text() {
			t.Errorf("%s: the first frame differs from the end's link", a.attr("href"))
		}
	}
	if watched != len(trip.Product().ScenarioNames()) {
		t.Errorf("%d scenarios to watch, want %d", watched, len(trip.Product().ScenarioNames()))
	}
}

// TestFramesShowTheRun compares each frame of a run with its trace.
func TestFramesShowTheRun(t *testing.T) {
	s := newSite(t)
	const id = "booked:A.ReserveHotel#1.put1=crash-2"
	schedule, _ := trip.Product().ParseSchedule(id)
	trace, err := trace(t.Context(), world.Config{Subject: trip.Product()}, schedule)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range trace.Frames {
		d := s.read(t, play(id, "at", strconv.Itoa(i)), 200)
		row := d.row(t)
		if f.Label != (sim.Label{}) && !strings.Contains(row, f.Label.String()) {
			t.Errorf("frame %d shows %q, want %s", i, row, f.Label)
		}
		changed := len(d.all("div", "how-added")) + len(d.all("div", "how-changed")) + len(d.all("div", "how-deleted"))
		want := 0
		for _, r := range trace.Records(i) {
			if r.Change != nil {
				want++
			}
		}
		if changed != want {
			t.Errorf("frame %d, %s: %d records changed, want %d", i, f.Label, changed, want)
		}
		if status := d.all("p", "lab-status")[0].text(); f.Sagas[0].Status != "" && !strings.Contains(status, f.Sagas[0].Status) {
			t.Errorf("frame %d: %s, want %s", i, status, f.Sagas[0].Status)
		}
	}
}

// TestWhatIf follows each fault that a frame offers: it happens at that frame.
func TestWhatIf(t *testing.T) {
	s := newSite(t)
	root := s.read(t, play("booked", "at", "6"), 200)
	choices := root.all("ul", "lab-whatif")[0].all("a", "")
	for _, a := range choices {
		d := s.read(t, a.attr("href"), 200)
		if !strings.Contains(d.row(t), "A.ReserveFlight#1.put1") || len(d.all("p", "lab-hit")) != 1 {
			t.Errorf("%s: %s", a.attr("href"), d.row(t))
		}
		if back := s.read(t, d.link(t, "without it"), 200); len(back.all("ul", "lab-faults")) != 0 {
			t.Errorf("%s: the fault is still there without it", a.attr("href"))
		}
	}
	if len(choices) < 10 {
		t.Errorf("%d choices", len(choices))
	}
	for _, o := range root.all("select", "")[0].all("option", "") {
		w := s.answer(t.Context(), play("booked", "at", "6", "fault", o.attr("value")), "en")
		if w.Code != http.StatusSeeOther || s.answer(t.Context(), w.Header().Get("Location"), "en").Code != 200 {
			t.Errorf("%s leads to %d %s", o.attr("value"), w.Code, w.Header().Get("Location"))
		}
	}
}

// follow opens an address, and those to which it is redirected.
func (s site) follow(t *testing.T, target string) *doc {
	t.Helper()
	for range maxFaults {
		w := s.answer(t.Context(), target, "en")
		if w.Code != http.StatusSeeOther {
			break
		}
		target = w.Header().Get("Location")
	}
	return s.read(t, target, 200)
}

// TestOwnLinksPlay: a fault that is added or taken away takes those with it that can no longer happen, and the page says which.
func TestOwnLinksPlay(t *testing.T) {
	s := newSite(t)
	const again, payment = "A.ReserveFlight#2=fail", "A.ProcessPayment#1=mute"
	d := s.read(t, play("booked:A.ReserveFlight#1=fail,"+again+","+payment), 200)
	for what, want := range map[string]string{
		d.link(t, "without it"): again,
		d.link(t, "down"):       again + " " + payment,
	} {
		left := s.follow(t, what)
		if notice := left.all("p", "notice"); len(notice) != 1 || notice[0].text() != "Left out, because it does not happen in this run: "+want {
			t.Errorf("%s: no notice of %s in %s", what, want, left.text())
		}
		if next := s.read(t, left.link(t, "Next"), 200); len(next.all("p", "notice")) != 0 {
			t.Errorf("%s: the notice is on the next frame as well", what)
		}
	}
	if at := d.link(t, "down"); !strings.Contains(at, "at=") {
		t.Errorf("%s does not stay at the frame", at)
	}
	links := d.all("ul", "lab-whatif")[0].all("a", "")
	for _, a := range append(links, d.all("ul", "lab-faults")[0].all("a", "")...) {
		s.follow(t, a.attr("href"))
	}
	options := d.all("select", "")[0].all("option", "")
	for _, o := range options {
		s.follow(t, play("booked:"+again+","+payment, "at", "6", "fault", o.attr("value")))
	}
	if len(links) == 0 || len(options) == 0 {
		t.Errorf("%d links, %d options", len(links), len(options))
	}
	const never = "booked:A.X#1=fail"
	if w := s.answer(t.Context(), s.read(t, play(never), 404).link(t, "can be played"), "en"); w.Code != 200 {
		t.Errorf("the way out of %s leads to %d", never, w.Code)
	}
}

// TestEveryFaultOfTheFirstPage plays one in seven of the faults that the form offers.
func TestEveryFaultOfTheFirstPage(t *testing.T) {
	s := newSite(t)
	options := s.read(t, "/console/lab?scenario=two", 200).all("select", "")[0].all("option", "")
	for i := 0; i < len(options); i += 7 {
		fault := options[i].attr("value")
		w := s.answer(t.Context(), play("two", "fault", fault), "en")
		d := s.read(t, w.Header().Get("Location"), 200)
		if hit := d.all("p", "lab-hit"); len(hit) != 1 {
			t.Errorf("%s: the page opens at %s", fault, d.row(t))
		}
	}
}

// TestMutantsShowTheirViolation opens the first page's link to each mutant: it shows the violation where it happens.
func TestMutantsShowTheirViolation(t *testing.T) {
	s := newSite(t)
	index := s.read(t, "/console/lab", 200)
	for _, m := range mutants.All() {
		d := s.read(t, index.link(t, m.Name), 200)
		if here := d.all("div", "lab-broken"); len(here) != 1 || !strings.Contains(d.row(t), "broken") {
			t.Errorf("%s opens at %s", m.Name, d.row(t))
		}
		before := s.read(t, d.link(t, "Previous"), 200)
		if len(before.all("div", "lab-broken")) != 0 || !strings.Contains(before.text(), "more at later frames") {
			t.Errorf("%s: the frame before has a violation as well", m.Name)
		}
		if whole := s.read(t, d.link(t, "Play the same with the product"), 200); len(whole.all("div", "lab-broken")) != 0 {
			t.Errorf("%s: the product breaks too", m.Name)
		}
	}
}

// TestAddressesThatVerifyPrints: what the command prints for a violation opens here.
func TestAddressesThatVerifyPrints(t *testing.T) {
	s := newSite(t)
	const id = "two~3:A.ReserveHotel#1=down,B.ReserveHotel#1=fail"
	if d := s.read(t, Address(id), 200); !strings.Contains(d.text(), id) {
		t.Errorf("%s opens %s", Address(id), d.text())
	}
}

// TestWrongAddresses are pages with what is wrong and a way out.
func TestWrongAddresses(t *testing.T) {
	s := newSite(t)
	many := make([]string, maxFaults+1)
	for i := range many {
		many[i] = "A.X#" + strconv.Itoa(i+1) + "=fail"
	}
	for target, want := range map[string]struct {
		status int
		text   string
	}{
		"/console/lab/play":                               {400, "schedule: it is missing"},
		"/console/lab?scenario=%3Cscript%3E":              {404, `there is no scenario "<script>"`},
		play("nowhere"):                                   {400, `there is no scenario "nowhere"`},
		play("booked:A.X#1=boom"):                         {400, `there is no fault "boom"`},
		play("booked:A.X#1=fail"):                         {404, "A.X#1=fail did not come to pass"},
		play("booked:A.ReserveFlight#1=decline"):          {404, "A.ReserveFlight#1=decline did not come to pass"},
		play("booked", "at", "-1"):                        {400, `at: "-1" is no frame`},
		play("booked", "at", "99999999999999999999"):      {400, "is no frame"},
		play("booked", "at", "5000"):                      {404, "there is no frame 5000"},
		play("booked", "mutant", "x\u202e<b>"):            {404, "there is no mutant"},
		play("booked", "fault", "A.X#1"):                  {400, "fault: "},
		play("booked:" + strings.Repeat("A", maxID)):      {400, "allowed are 2000"},
		play("booked:" + strings.Join(many, ",")):         {400, "it has 21 faults, allowed are 20"},
		"/console/lab/play?schedule=booked&mutnat=x":      {400, `this page has no parameter "mutnat"; allowed are schedule, mutant, at, fault`},
		"/console/lab/play?schedule=booked&schedule=two":  {400, "schedule: it is given more than once"},
		"/console/lab?scenarios=two":                      {400, `this page has no parameter "scenarios"; allowed are scenario`},
		play("booked", "lang", "xx"):                      {200, "booked"},
		play("booked", "fit", "2"):                        {400, `fit: "2", allowed is 1`},
		play("booked", "dropped", "you <b>won</b>"):       {400, "dropped: "},
		play("booked~0"):                                  {400, "a number from 1"},
		play("booked:A.X#9223372036854775808=fail"):       {400, "deliveries"},
		play("booked:A.Engine#1.journal2=crash-99999999"): {200, "newest writes lost: 99999999"},
	} {
		d := s.read(t, target, want.status)
		if !strings.Contains(d.text(), want.text) || len(d.all("b", "")) > 0 {
			t.Errorf("%s: no %q in %s", target, want.text, d.text())
		}
		if want.status != 200 {
			d.link(t, "lab")
		}
	}
}

// TestJapanese has every text of the pages.
func TestJapanese(t *testing.T) {
	s := newSite(t)
	for target, want := range map[string]string{
		"/console/lab": "ReserveFlight に Catch がありません", play("booked", "at", "6"): "ReserveFlight が結果を 1 つのトランザクションでコミットします", play("nowhere"): "再生できません",
	} {
		if body := s.answer(t.Context(), target, "ja").Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s: no %s", target, want)
		}
	}
}

// TestEveryTextHasItsKind: no fault and no event lacks its texts.
func TestEveryTextHasItsKind(t *testing.T) {
	for _, kind := range trip.Product().Kinds() {
		for _, l := range []page.Lang{page.English, page.Japanese} {
			if templates.Text(l, "kind-"+string(kind)) == "" {
				t.Errorf("no text for %s", kind)
			}
		}
	}
}

// TestMeansInJapanese: no scenario and no mutant lacks its text.
func TestMeansInJapanese(t *testing.T) {
	names := trip.Product().ScenarioNames()
	for _, m := range mutants.All() {
		names = append(names, m.Name)
	}
	for _, name := range names {
		if japanese()[name] == "" {
			t.Errorf("console/lab/means.ja.json has no text for %s", name)
		}
	}
	if n := len(japanese()); n != len(names) {
		t.Errorf("console/lab/means.ja.json has %d texts, want %d", n, len(names))
	}
}

// TestTracesAreKept: the last schedules are not played again, and the oldest is forgotten.
func TestTracesAreKept(t *testing.T) {
	s := newSite(t)
	for range 3 {
		s.read(t, play("booked", "at", "1"), 200)
		s.read(t, play("two", "at", "1"), 200)
	}
	if s.player.plays != 2 {
		t.Errorf("%d runs, want 2", s.player.plays)
	}
	for i := range maxTraces {
		s.read(t, play("booked~"+strconv.Itoa(i+1), "at", "1"), 200)
	}
	if len(s.player.kept) != maxTraces || s.player.find(what{schedule: "two"}) != nil {
		t.Errorf("%d traces are kept", len(s.player.kept))
	}
}

// TestTooManyRuns: who waits for a run gives up when the client leaves, and there is a limit to them.
func TestTooManyRuns(t *testing.T) {
	s := newSite(t)
	for range maxRuns {
		s.player.runs <- struct{}{}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if w := s.answer(gone, play("booked"), "en"); w.Code == 200 || s.player.plays != 0 {
		t.Errorf("who has left gets %d", w.Code)
	}
	for range maxRuns + maxWaits {
		s.player.waits <- struct{}{}
	}
	if w := s.answer(t.Context(), play("booked"), "en"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many gets %d", w.Code)
	}
}

// TestOff: a server without a lab says how to get one.
func TestOff(t *testing.T) {
	f := page.New(slog.New(slog.DiscardHandler), "")
	Off(f)
	if d := (site{frame: f}).read(t, play("booked"), 404); !strings.Contains(d.text(), "tripsaga serve --lab") || len(d.all("form", "")) > 0 || d.link(t, "list of trips") != "/console/" {
		t.Error(d.text())
	}
}

// TestOtherDefinition plays the definition that the lab was given.
func TestOtherDefinition(t *testing.T) {
	m := mutants.All()[0]
	cfg, err := m.Config()
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(cfg.Subject.Machines[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	s := site{l, page.New(slog.New(slog.DiscardHandler), "")}
	l.Pages(s.frame)
	if d := s.read(t, Address(m.Schedule()), 200); len(d.all("div", "lab-broken")) != 1 {
		t.Errorf("%s opens at %s", m.Schedule(), d.row(t))
	}
	if d := s.read(t, "/console/lab", 200); !strings.Contains(d.text(), "--asl") {
		t.Error("the first page does not say whose definition it is")
	}
	if _, err := New([]byte("{}")); err == nil {
		t.Error("a definition without states is accepted")
	}
}

// armed sends the form with a plan.
func (s site) armed(t *testing.T, plan string) *httptest.ResponseRecorder {
	t.Helper()
	form := s.answer(t.Context(), "/console/lab", "en")
	_, token, _ := strings.Cut(form.Body.String(), `name="token" value="`)
	token, _, _ = strings.Cut(token, `"`)
	r := httptest.NewRequest(http.MethodPost, "/console/lab/arm", strings.NewReader(url.Values{"token": {token}, "plan": {plan}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range form.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.frame.ServeHTTP(w, r)
	return w
}

// TestNextBooking: what the form asks for happens to the next saga, also when it comes again later, and to no other.
func TestNextBooking(t *testing.T) {
	s := newSite(t)
	begin := func(execution string) sim.Kind {
		return s.live.decide(sim.Label{Saga: execution, Actor: "ReserveFlight", N: 1}).Kind
	}
	reply := sim.Label{Saga: "next", Actor: "ProcessPayment", N: 1, Op: sim.Reply}
	begin("before")
	if w := s.armed(t, "ProcessPayment#1.reply=lost"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/console/book" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if d := s.read(t, "/console/lab", 200); !strings.Contains(d.text(), "The next booking: ProcessPayment#1.reply=lost") {
		t.Error("the first page does not say what is armed")
	}
	if n := len(s.read(t, play("booked"), 200).all("form", "banner")); n != 1 {
		t.Errorf("%d banners on a page say what is armed", n)
	}
	s.live.decide(sim.Label{Saga: "before", Actor: "ReserveHotel", N: 1})
	begin("next")
	begin("after")
	for saga, want := range map[string]sim.Kind{"before": sim.None, "next": sim.Lost, "after": sim.None} {
		at := reply
		if at.Saga = saga; s.live.decide(at).Kind != want {
			t.Errorf("%s: %q, want %q", saga, s.live.decide(at).Kind, want)
		}
	}
	if n := len(s.read(t, play("booked"), 200).all("form", "banner")); n != 0 {
		t.Error("the banner is there after the plan was used")
	}
	s.read(t, Address(crash), 200)
	s.armed(t, "ReserveFlight#1=die")
	s.armed(t, "")
	if kind := begin("another"); kind != sim.None {
		t.Errorf("%q happens after it was taken back", kind)
	}
	s.armed(t, "RefundBooking#1=fail:Conflict")
	refund := sim.Label{Saga: "cancelled", Actor: "RefundBooking", N: 1}
	if kind := begin("booked"); kind != sim.None || s.live.decide(refund).Kind != sim.Fail {
		t.Error("a plan for the next cancellation is used up by a booking")
	}
	if refund.N = 2; s.live.decide(refund).Kind != sim.None {
		t.Error("the redriven task fails again")
	}
	for _, option := range s.read(t, "/console/lab", 200).all("option", "") {
		if plan := option.attr("value"); strings.Contains(plan, "#") && !strings.Contains(plan, "A.") && s.armed(t, plan).Code != http.StatusSeeOther {
			t.Errorf("the form's own %s is refused", plan)
		}
	}
}

func TestWrongPlans(t *testing.T) {
	s := newSite(t)
	for plan, want := range map[string]string{
		"A.ReserveFlight#1=fail:ServiceUnavailable": "allowed is the task alone: ReserveFlight#1=fail:ServiceUnavailable",
		"Nothing#1=die": "there is no task", "ReserveFlight#1=boom": "there is no fault", "ReserveFlight#1=late@11m": "too late",
		"ReserveFlight": "is not a fault", strings.Repeat("#", maxPlan+1): "allowed are 2000",
	} {
		if w := s.armed(t, plan); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.40s: %d, no %q", plan, w.Code, want)
		}
	}
	if s.live.next != nil {
		t.Errorf("%s is armed", s.live.next)
	}
}
