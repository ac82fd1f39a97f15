package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tripsaga/local"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/verify/check"
)

// serving is a server with an inventory of its own.
func serving(t *testing.T, csv string) (url string) {
	t.Helper()
	url, stop, err := serveSystem(func(sys *local.System) error {
		offers, err := inventory.Parse("inventory", strings.NewReader(csv))
		if err == nil {
			_, err = sys.App.LoadInventory(t.Context(), offers)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// plenty is an inventory with one trip to choose, for as many checks as one likes; the second hotel has less room.
const plenty = `
flight, NH53, All Nippon Airways, HND, CTS, 09:00, 10:35, 2999-03-01, 2999-03-01, 19800, JPY, 10000
flight, JL5, Japan Airlines, HND, JFK, 11:05, 11:05, 2999-03-01, 2999-03-01, 182000, JPY, 9
hotel, TYO-PARK, Park, Tokyo, 2999-03-01, 2999-03-02, 28000, JPY, 5000
hotel, TYO-BAY, Bay, Tokyo, 2999-03-01, 2999-03-02, 9000, JPY, 5
`

// runCheck runs a check that looks often and does not wait for what lags.
func runCheck(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return command(t, url, slices.Concat([]string{"check"}, args, []string{"--interval", "10ms", "--settle", "0s"})...)
}

// checkJSON gives the failed checks, and all, by name.
func checkJSON(t *testing.T, url string, args ...string) (code int, failed []string, all map[string]check.Check) {
	t.Helper()
	code, stdout, stderr := runCheck(t, url, append(args, "--json")...)
	var report check.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if report.Holds != (code == 0) {
		t.Errorf("holds is %v with exit code %d", report.Holds, code)
	}
	all = map[string]check.Check{}
	for _, s := range report.Scenarios {
		for _, v := range s.Checks {
			all[v.Name] = v
			if !v.OK && v.NotCompared == "" {
				failed = append(failed, v.Name)
			}
		}
	}
	return code, failed, all
}

var (
	happyArgs   = []string{"happy-path"}
	flightArgs  = []string{"compensation", "--only", "flight"}
	hotelArgs   = []string{"compensation", "--only", "hotel"}
	paymentArgs = []string{"compensation", "--only", "payment"}
	cancelArgs  = []string{"cancellation"}
)

// The nights of the stay that is chosen.
const (
	firstNight  = "2999-03-01"
	secondNight = "2999-03-02"
)

// tampered answers: each trips the one check that it names.
var tampered = []struct {
	check  string // up to a comma, behind which the offer is named
	args   []string
	at     string
	change func(any)
}{
	{"same key, same booking", happyArgs, "book 2", set("id", "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a")},
	{"same key, other booking", happyArgs, "book 3", set("name", "Conflict")},

	{"trip id", happyArgs, "trip", set("id", "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a")},
	{"trip status", happyArgs, "trip", set("status", "FAILED")},
	{"trip status", flightArgs, "trip", set("status", "NEEDS_ATTENTION")},
	{"trip reason", happyArgs, "trip", set("reason.name", "PaymentDeclined")},
	{"trip reason", paymentArgs, "trip", set("reason", nil)},
	{"trip total", happyArgs, "trip", set("total.minor", 1)},
	{"trip total", happyArgs, "trip", set("total.currency", "USD")},
	{"trip currency", happyArgs, "trip", set("currency", "USD")},
	{"trip version", happyArgs, "trip", set("version", 3)},
	{"trip traveler", happyArgs, "trip", set("traveler.email", "eve@example.com")},
	{"trip flight", happyArgs, "trip", set("flight.seats", 1)},
	{"trip hotel", happyArgs, "trip", set("hotel.check_out", "2999-03-04")},
	{"trip card", happyArgs, "trip", set("payment.card_token", "tok_ok")},
	{"trip times in order", happyArgs, "trip", set("updated", "2020-01-01T00:00:00Z")},

	{"saga status on record", happyArgs, "trip", set("saga.status", "ABORTED")},
	{"saga status", happyArgs, "history", func(doc any) {
		events := child(doc, "events").([]any)
		set("events", events[:len(events)-1])(doc)
	}},
	{"saga error", hotelArgs, "history", func(doc any) {
		set("executionFailedEventDetails.error", "FlightBookingFailed")(last(doc))
	}},
	{"saga redrives", happyArgs, "history", before("ExecutionSucceeded", map[string]any{"type": "ExecutionRedriven"})},
	{"saga times in order", happyArgs, "history", func(doc any) { set("timestamp", "2020-01-01T00:00:00Z")(last(doc)) }},
	{"saga state 1", happyArgs, "history", entered(1, "ReserveHotel")},
	{"saga state 2", happyArgs, "history", entered(2, "ReserveFlight")},
	{"saga state 3", paymentArgs, "history", entered(3, "RefundPayment")},
	{"saga state 4", happyArgs, "history", entered(4, "Unknown")},
	{"saga state 5", paymentArgs, "history", entered(5, "CancelHotel")},
	{"saga state 6", paymentArgs, "history", entered(6, "FlightBookingFailed")},
	{"saga state 3", flightArgs, "history", before("ExecutionFailed", entry("CancelFlight"))},

	{"flight", happyArgs, "trip", set("reservations.flight.state", "UNDONE")},
	{"flight", hotelArgs, "trip", set("reservations.flight.state", "DONE")},
	{"flight amount", happyArgs, "trip", set("reservations.flight.amount.minor", 1)},
	{"flight amount", paymentArgs, "trip", set("reservations.flight.amount.currency", "USD")},
	{"flight id", happyArgs, "trip", set("reservations.flight.id", nil)},
	{"flight reason", flightArgs, "trip", set("reservations.flight.reason", nil)},
	{"hotel", paymentArgs, "trip", set("reservations.hotel.state", "DONE")},
	{"hotel", flightArgs, "trip", set("reservations.hotel.state", "UNDONE")},
	{"hotel amount", happyArgs, "trip", set("reservations.hotel.amount.minor", 1)},
	{"hotel id", hotelArgs, "trip", set("reservations.hotel.id", "x")},
	{"hotel reason", hotelArgs, "trip", set("reservations.hotel.reason.name", "InternalError")},
	{"payment", paymentArgs, "trip", set("payment.state", "DONE")},
	{"payment amount", happyArgs, "trip", set("payment.amount.minor", 1)},
	{"payment charge id", paymentArgs, "trip", set("payment.charge_id", "c")},
	{"payment refund id", happyArgs, "trip", set("payment.refund_id", "r")},
	{"payment reason", paymentArgs, "trip", set("payment.reason", nil)},

	{"payment refund id", cancelArgs, "trip", set("payment.refund_id", nil)},
	{"quote cancellable", cancelArgs, "quote", set("cancellable", false)},
	{"quote fee", cancelArgs, "quote", set("fee.minor", 1)},
	{"quote refund", cancelArgs, "quote", set("refund.currency", "USD")},
	{"cancellation reason", cancelArgs, "trip", set("cancellation.reason", nil)},
	{"cancellation fee percent", cancelArgs, "trip", set("cancellation.fee_percent", 7)},
	{"cancellation fee", cancelArgs, "trip", set("cancellation.fee.minor", 7)},
	{"cancellation refund", cancelArgs, "trip", set("cancellation.refund.minor", 7)},
	{"cancelled twice", cancelArgs, "book 3", set("status", "CANCELLING")},

	{"seats held", happyArgs, "flights", setRows("flights", "", -1)},
	{"seats held", hotelArgs, "flights", setRows("flights", "", -1)},
	{"rooms held, first", happyArgs, "nights", setRows("nights", firstNight, -1)},
	{"rooms held, second", paymentArgs, "nights", setRows("nights", secondNight, -1)},
	{"list of trips", happyArgs, "list", set("trips.0.status", "PENDING")},

	{"ledger trips CONFIRMED", happyArgs, "ledger", set("trips.CONFIRMED", -1)},
	{"ledger trips CANCELLED", cancelArgs, "ledger", set("trips.CANCELLED", -1)},
	{"ledger trips FAILED", flightArgs, "ledger", set("trips.FAILED", -1)},
	{"ledger seats held", happyArgs, "ledger", set("seats_held", -1)},
	{"ledger room nights held", happyArgs, "ledger", set("rooms_held", -1)},
	{"ledger captured in JPY", happyArgs, "ledger", set("currencies.JPY.captured_minor", -1)},
	{"ledger refunded in JPY", happyArgs, "ledger", set("currencies.JPY.refunded_minor", -1)},
	{"ledger confirmed in JPY", happyArgs, "ledger", set("currencies.JPY.confirmed_minor", -1)},
	{"ledger refunded in JPY", cancelArgs, "ledger", set("currencies.JPY.refunded_minor", 0)},
	{"ledger fees in JPY", happyArgs, "ledger", set("currencies.JPY.fees_minor", -1)},
	{"ledger fees in JPY", cancelArgs, "ledger", set("currencies.JPY.fees_minor", 7)},
	{"ledger balanced", happyArgs, "ledger", set("balanced", false)},
}

// last is the last event of a history.
func last(doc any) any {
	events := child(doc, "events").([]any)
	return events[len(events)-1]
}

// entered renames the n-th state that a history enters, from 1.
func entered(n int, name string) func(any) {
	return func(doc any) {
		n := n
		for _, e := range child(doc, "events").([]any) {
			if _, enters := e.(map[string]any)["stateEnteredEventDetails"]; !enters {
				continue
			}
			if n--; n == 0 {
				set("stateEnteredEventDetails.name", name)(e)
			}
		}
	}
}

func entry(state string) map[string]any {
	return map[string]any{"type": "TaskStateEntered", "stateEnteredEventDetails": map[string]any{"name": state}}
}

// before puts an event into a history before the first one of a type, at the same time.
func before(what string, event map[string]any) func(any) {
	return func(doc any) {
		events := child(doc, "events").([]any)
		i := slices.IndexFunc(events, func(e any) bool { return child(e, "type") == what })
		if i < 0 { // not yet
			return
		}
		event := maps.Clone(event)
		event["timestamp"], event["id"], event["previousEventId"] = child(events[i], "timestamp"), 9000, 0
		set("events", slices.Insert(events, i, any(event)))(doc)
	}
}

// setRows makes every row of the inventory, or every one of a night, tell what is left.
func setRows(list, night string, left int) func(any) {
	return func(doc any) {
		for _, row := range child(doc, list).([]any) {
			if night == "" || child(row, "night") == night {
				set("available", left)(row)
			}
		}
	}
}

// short is a check's name without the offer that it is about.
func short(name string) string {
	for _, c := range []struct{ prefix, suffix, short string }{
		{"seats held, ", "", "seats held"},
		{"rooms held, ", " on " + firstNight, "rooms held, first"},
		{"rooms held, ", " on " + secondNight, "rooms held, second"},
	} {
		if strings.HasPrefix(name, c.prefix) && strings.HasSuffix(name, c.suffix) {
			return c.short
		}
	}
	return name
}

// TestChecksFail trips every check, one at a time.
func TestChecksFail(t *testing.T) {
	server := serving(t, plenty)
	untripped := map[string]bool{}
	for _, args := range [][]string{happyArgs, {"compensation"}, cancelArgs} {
		code, failed, all := checkJSON(t, server, args...)
		if code != 0 || len(all) < 40 {
			t.Fatalf("%s: exit %d, %d checks, failed %q", args, code, len(all), failed)
		}
		for name, v := range all {
			if v.NotCompared != "" {
				t.Errorf("%s was not compared: %s", name, v.NotCompared)
			}
			untripped[short(name)] = true
		}
	}
	for _, c := range tampered {
		url := startGateway(t, server, &gateway{edits: []edit{{c.at, c.change}}})
		code, failed, _ := checkJSON(t, url, c.args...)
		if code != exitFailure || len(failed) != 1 || short(failed[0]) != c.check {
			t.Errorf("%s %v: exit %d, failed %q", c.check, c.args, code, failed)
		}
		delete(untripped, c.check)
	}
	for name := range untripped {
		t.Errorf("no case trips %q", name)
	}
}

// TestAddedStates are no difference: a saga may have steps that the checks do not know.
func TestAddedStates(t *testing.T) {
	url := startGateway(t, serving(t, plenty), &gateway{edits: []edit{{"history", before("ExecutionSucceeded", entry("ReserveInsurance"))}}})
	if code, failed, _ := checkJSON(t, url, happyArgs...); code != 0 {
		t.Errorf("exit %d, failed %q", code, failed)
	}
}

// totals are the checks that others' bookings move.
func totals(name string) bool {
	return strings.HasPrefix(name, "ledger ") || strings.Contains(name, " held, ") || name == "list of trips"
}

// TestOthersBook has others move the totals in the ways there are, which the check must notice by itself.
func TestOthersBook(t *testing.T) {
	foreign := map[string]any{"id": "t-other", "status": "PENDING", "version": 1, "created": "2020-01-01T00:00:00Z"}
	list := func(doc any) { set("trips", []any{foreign})(doc) }
	for name, g := range map[string]*gateway{
		"one is open before": {edits: []edit{{"first list PENDING", list}}},
		"one is redriven":    {edits: []edit{{"list NEEDS_ATTENTION", list}}},
		"one comes and goes": {},
	} {
		server := serving(t, plenty)
		if len(g.edits) == 0 {
			g.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost && g.posts == 1 {
					command(t, server, "check", "compensation", "--only", "hotel", "--interval", "10ms")
				}
				return false
			}
		}
		url := startGateway(t, server, g)
		code, failed, all := checkJSON(t, url, happyArgs...)
		if code != 0 {
			t.Errorf("%s: exit %d, failed %q", name, code, failed)
		}
		for _, v := range all {
			if totals(v.Name) != (v.NotCompared != "") {
				t.Errorf("%s: %s: not compared: %q", name, v.Name, v.NotCompared)
			}
		}
		g.posts = 0
		if code, stdout, stderr := runCheck(t, url, "happy-path", "--strict"); code != exitFailure ||
			!strings.Contains(stdout, "\n  not compared: ") || !strings.HasSuffix(stderr, " were not compared\n") {
			t.Errorf("%s, strict: exit %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// TestLedgerNotToBeHad leaves the rest comparable.
func TestLedgerNotToBeHad(t *testing.T) {
	asked := 0
	url := startGateway(t, serving(t, plenty), &gateway{before: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/ledger" {
			return false
		}
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"message":"Service Unavailable"}`)
		return true
	}})
	code, failed, all := checkJSON(t, url, happyArgs...)
	if code != 0 || asked != 2 {
		t.Errorf("exit %d, failed %q, asked %d times for the ledger, want once before and once after", code, failed, asked)
	}
	for _, v := range all {
		if ledger := strings.HasPrefix(v.Name, "ledger "); ledger != strings.Contains(v.NotCompared, "503 Service Unavailable") {
			t.Errorf("%s: not compared: %q", v.Name, v.NotCompared)
		}
	}
}

func TestUnbalancedByAttention(t *testing.T) {
	attention := func(doc any) {
		set("trips", []any{map[string]any{"id": "t-stuck", "status": "NEEDS_ATTENTION", "version": 2}})(doc)
	}
	url := startGateway(t, serving(t, plenty), &gateway{edits: []edit{
		{"ledger", set("balanced", false)}, {"list NEEDS_ATTENTION", attention}, {"first list NEEDS_ATTENTION", attention},
	}})
	code, failed, all := checkJSON(t, url, happyArgs...)
	if code != 0 || all["ledger balanced"].NotCompared != "trips that need attention: 1, such as t-stuck" ||
		all["ledger captured in JPY"].NotCompared != "" {
		t.Errorf("exit %d, failed %q, %+v", code, failed, all["ledger balanced"])
	}
}

// TestSettles bears with a list that lags behind.
func TestSettles(t *testing.T) {
	looks := 0
	url := startGateway(t, serving(t, plenty), &gateway{edits: []edit{{"list", func(doc any) {
		if looks++; looks <= 2 { // the two looks at the list after the first booking, of one snapshot
			set("trips.0.status", "PENDING")(doc)
		}
	}}}})
	code, stdout, stderr := command(t, url, "check", "happy-path", "--interval", "10ms", "--settle", "1m")
	if code != 0 || looks != 4 {
		t.Errorf("exit %d after %d looks\n%s%s", code, looks, stdout, stderr)
	}
}

func TestUnknownOutcome(t *testing.T) {
	running := &gateway{edits: []edit{{"history", set("events", []any{
		map[string]any{"id": 1, "type": "ExecutionStarted", "timestamp": "2027-01-15T12:00:00Z"}})}}}
	code, _, stderr := runCheck(t, startGateway(t, serving(t, plenty), running), "happy-path", "--timeout", "50ms")
	if code != exitUnknown || !strings.Contains(stderr, "has not ended within 50ms, so that its outcome is unknown") {
		t.Errorf("still running: exit %d, %s", code, stderr)
	}

	gone := &gateway{}
	gone.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/ledger" && gone.posts > 0 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	code, _, stderr = runCheck(t, startGateway(t, serving(t, plenty), gone), "happy-path")
	if code != exitUnknown || !strings.Contains(stderr, "could not be verified: ") {
		t.Errorf("gone: exit %d, %s", code, stderr)
	}
}

func TestNothingOffered(t *testing.T) {
	const flight = "flight, NH53, All Nippon Airways, HND, CTS, 09:00, 10:35, 2999-03-01, 2999-03-01, 19800, JPY, %d\n"
	const hotel = "hotel, TYO-PARK, Park, Tokyo, 2999-03-0%d, 2999-03-0%d, 28000, %s, %d\n"
	seats := func(n int) string { return fmt.Sprintf(flight, n) }
	rooms := func(first, last int, currency string, n int) string {
		return fmt.Sprintf(hotel, first, last, currency, n)
	}
	for name, c := range map[string]struct {
		csv     string
		offered bool
	}{
		"just enough":     {seats(2) + rooms(1, 2, "JPY", 1), true},
		"from the 2nd on": {seats(2) + rooms(2, 3, "JPY", 1), true},
		"no flight":       {rooms(1, 2, "JPY", 1), false},
		"no hotel":        {seats(2), false},
		"one seat":        {seats(1) + rooms(1, 2, "JPY", 1), false},
		"no room":         {seats(2) + rooms(1, 2, "JPY", 0), false},
		"one night":       {seats(2) + rooms(1, 1, "JPY", 1), false},
		"full in between": {seats(2) + rooms(1, 1, "JPY", 1) + rooms(2, 2, "JPY", 0) + rooms(3, 3, "JPY", 1), false},
		"a gap":           {seats(2) + rooms(1, 1, "JPY", 1) + rooms(3, 3, "JPY", 1), false},
		"other currency":  {seats(2) + rooms(1, 2, "USD", 1), false},
		"too late":        {seats(2) + rooms(3, 4, "JPY", 1), false},
	} {
		code, stdout, stderr := runCheck(t, serving(t, c.csv), "happy-path")
		told := stdout == "" && strings.Contains(stderr, "`tripsaga inventory load FILE`")
		if (code == 0) != c.offered || told == c.offered {
			t.Errorf("%s: exit %d, %s%s", name, code, stdout, stderr)
		}
	}
}

// TestPagesOfInventory finds what only a later page offers.
func TestPagesOfInventory(t *testing.T) {
	soldOut := strings.Replace(strings.SplitAfter(plenty, "\n")[1], "2999-03-01, 2999-03-01, 19800, JPY, 10000", "2998-01-01, 2998-03-31, 19800, JPY, 0", 1)
	pages := 0
	g := &gateway{edits: []edit{{"first flights", func(any) { pages++ }}}}
	code, failed, _ := checkJSON(t, startGateway(t, serving(t, plenty+soldOut), g), happyArgs...)
	if code != 0 || pages < 3 { // two to choose, one to count
		t.Errorf("exit %d after %d pages, failed %q", code, pages, failed)
	}
}

// TestBrokenKeys has a server that answers a repeated booking wrongly.
func TestBrokenKeys(t *testing.T) {
	const conflict = `{"title":"Conflict","status":409,"name":"IdempotencyMismatch","detail":"another"}`
	refuses := &gateway{}
	refuses.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && refuses.posts == 2 {
			says(http.StatusConflict, conflict)(w, r)
			return true
		}
		return false
	}
	code, failed, all := checkJSON(t, startGateway(t, serving(t, plenty), refuses), happyArgs...)
	if want := "same key, same booking"; code != exitFailure || len(failed) != 1 || all[want].Got != "IdempotencyMismatch" {
		t.Errorf("refused: exit %d, failed %q, %+v", code, failed, all[want])
	}

	deaf := &gateway{before: func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Idempotency-Key")
		return false
	}}
	code, failed, _ = checkJSON(t, startGateway(t, serving(t, plenty), deaf), happyArgs...)
	for _, want := range []string{"same key, same booking", "same key, other booking", "ledger captured in JPY", "ledger seats held"} {
		if code != exitFailure || !slices.Contains(failed, want) {
			t.Errorf("deaf: exit %d, failed %q, want %q among them", code, failed, want)
		}
	}
}
