package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

func TestListInventory(t *testing.T) {
	w := newWorld()
	flights := decoded[wire.FlightPage](t, ask(w.handler(), "GET", "/inventory/flights?from=2027-03-01&to=2027-03-02&limit=3&cursor=cursor123456", ""))
	if len(flights.Flights) != 1 || flights.Flights[0].Available != 7 || flights.NextCursor != "more" {
		t.Errorf("flights %+v", flights)
	}
	want := domain.InventoryQuery{From: "2027-03-01", To: "2027-03-02", Limit: 3, Cursor: "cursor123456"}
	if !slices.Contains(w.queries, any(want)) {
		t.Errorf("queries %+v, want %+v", w.queries, want)
	}
	nights := ask(w.handler(), "GET", "/inventory/hotels", "")
	if got := strings.TrimSpace(nights.Body.String()); got != `{"nights":[]}` {
		t.Errorf("nights %s", got)
	}
}

func TestLoadInventory(t *testing.T) {
	w := newWorld()
	const csv = "kind,number\nflight,JL5\n"
	answer := ask(w.handler(), "POST", "/inventory", csv, "Content-Type", "text/csv")
	report := decoded[domain.LoadReport](t, answer)
	if answer.Code != http.StatusOK || report.Added != 2 || w.csv != csv {
		t.Errorf("answer %d %s, loaded %q", answer.Code, answer.Body, w.csv)
	}
}

func TestLoadInventoryNamesEveryBadRow(t *testing.T) {
	var bad fault.Problems
	bad.Add("", fault.Invalidf("", "inventory:3: price: %q is no amount", "x"))
	bad.Add("", fault.Invalidf("", "inventory:7: first day: %q is no date", "y"))
	w := newWorld()
	w.fails = bad.Err()
	p := wantProblem(t, ask(w.handler(), "POST", "/inventory", "x", "Content-Type", "text/csv"), 422, fault.NameInvalid)
	want := []wire.FieldProblem{
		{Location: "body", Message: `inventory:3: price: "x" is no amount`},
		{Location: "body", Message: `inventory:7: first day: "y" is no date`},
	}
	if !slices.Equal(p.Errors, want) || !strings.HasPrefix(p.Detail, "2 problems") {
		t.Errorf("%+v", p)
	}
}

// TestFewLoadsAtOnce holds every place with a body that never ends; the next load is refused before its body is read.
func TestFewLoadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := w.handler()
		body, sender := io.Pipe()
		for range maxLoads {
			r := httptest.NewRequest("POST", "/inventory", body)
			r.Header.Set("Content-Type", "text/csv")
			go h.ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait()
		answer := ask(h, "POST", "/inventory", "x", "Content-Type", "text/csv")
		wantProblem(t, answer, 503, fault.NameUnavailable)
		if answer.Header().Get("Retry-After") == "" || w.csv != "" {
			t.Errorf("Retry-After %q, loaded %q", answer.Header().Get("Retry-After"), w.csv)
		}
		sender.Close()
		synctest.Wait()
		if answer := ask(h, "POST", "/inventory", "x", "Content-Type", "text/csv"); answer.Code != 200 {
			t.Errorf("after the others have ended: %d %s", answer.Code, answer.Body)
		}
	})
}

func TestLedgerAndHealth(t *testing.T) {
	h := newWorld().handler()
	if l := decoded[app.Ledger](t, ask(h, "GET", "/ledger", "")); !l.Balanced || l.SeatsHeld != 2 {
		t.Errorf("ledger %+v", l)
	}
	if got := ask(h, "GET", "/healthz", ""); got.Code != 200 || strings.TrimSpace(got.Body.String()) != `{"status":"ok"}` {
		t.Errorf("health %d %s", got.Code, got.Body)
	}
}
