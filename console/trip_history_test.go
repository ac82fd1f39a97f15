package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/console"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table/embedded"
	"tripsaga/trip/domain"
)

// long is a saga whose history is full.
const long = `{"StartAt": "Work", "States": {
	"Work": {"Type": "Task", "Resource": "work", "ResultPath": "$.last", "Next": "More"},
	"More": {"Type": "Choice", "Choices": [{"Variable": "$.last.n", "NumericLessThan": 0, "Next": "Done"}], "Default": "Work"},
	"Done": {"Type": "Succeed"}}}`

// longSaga shows the long saga in the place of every trip's.
type longSaga struct {
	console.Sagas
	*engine.Viewer
	engine *engine.Engine
}

func (l longSaga) View(ctx context.Context, _, _ string) (engine.View, error) {
	return l.Viewer.View(ctx, "long")
}

func (l longSaga) Version(ctx context.Context, _, _ string) (string, error) {
	return l.Viewer.Version(ctx, "long")
}

// openLong is a site with a trip whose saga has 25,000 events.
func openLong(t testing.TB) (s *site, id string, saga longSaga) {
	t.Helper()
	st, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	v := sim.NewVirtual(virtualStart)
	n := 0
	eng, err := engine.Open(t.Context(), engine.Options{
		Name: "long", Definition: []byte(long), Table: st, Scheduler: v, Seed: func() uint64 { return 7 },
		Tasks: map[string]engine.Task{"work": func(context.Context, json.RawMessage) (json.RawMessage, error) {
			n++
			return json.RawMessage(fmt.Sprintf(`{"n":%d,"note":%q}`, n, strings.Repeat("a text of a result ", 20))), nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Start(t.Context(), "long", json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	v.Run()
	s = open(t, func(o *console.Options) {
		saga = longSaga{o.Sagas, eng.Viewer(), eng}
		o.Sagas = saga
	})
	return s, s.ended("CONFIRMED").ID(), saga
}

// TestLongHistory shows the pages of a full history: a bounded part each, by filter and page.
func TestLongHistory(t *testing.T) {
	s, id, _ := openLong(t)
	history := "/console/trips/" + id + "/history"
	for target, want := range map[string]string{
		history:                           "25000 of 25000 events",
		history + "?page=250":             "Page 250 of 250",
		history + "?type=ExecutionFailed": "1 of 25000 events",
		history + "?state=More&page=2":    "7142 of 25000 events",
		history + "?q=%22N%22%3A3570%2C":  "6 of 25000 events",
		history + "?q=nowhere":            "No event fits",
		"/console/trips/" + id:            "earlier visits are not shown here",
	} {
		d := s.get(target)
		if rows := len(d.all("tr", "id", "*")); d.status != http.StatusOK || !strings.Contains(d.main(), want) || rows > 100 {
			t.Errorf("%s: %d with %d rows, lacks %q: %.300s", target, d.status, rows, want, d.main())
		}
		if len(d.body) > 400_000 {
			t.Errorf("%s has %d bytes", target, len(d.body))
		}
	}
}

// BenchmarkLongHistory is the first look at a history of 25,000 events, which replays its journal, and the next ones.
func BenchmarkLongHistory(b *testing.B) {
	s, id, saga := openLong(b)
	look := func(path string) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				d := s.get("/console/trips/" + id + path)
				b.ReportMetric(float64(len(d.body)), "bytes/page")
			}
		}
	}
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			if v, err := saga.Viewer.View(b.Context(), "long"); err != nil || len(v.Events) != asl.MaxHistory {
				b.Fatal(len(v.Events), err)
			}
		}
	})
	b.Run("first view", func(b *testing.B) {
		for b.Loop() {
			if v, err := saga.engine.Viewer().View(b.Context(), "long"); err != nil || len(v.Events) != asl.MaxHistory {
				b.Fatal(len(v.Events), err)
			}
		}
	})
	b.Run("trip", look(""))
	b.Run("history", look("/history"))
	b.Run("last page", look("/history?page=250"))
	b.Run("filtered", look("/history?q=nowhere&state=Work"))
	b.Run("visit", look("/visits/24990"))
}

// TestARemovedHistory is said to be removed, and the page does not wait for it.
func TestARemovedHistory(t *testing.T) {
	s := open(t)
	id := s.ended(domain.Confirmed).ID()
	for removed := 0; removed == 0; { // the saga ends a moment after its trip
		var err error
		if removed, err = s.sys.Engine.Forget(t.Context(), time.Now().Add(time.Hour), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	for lang, want := range map[string]string{"en": "its history was removed", "ja": "実行履歴は削除されています"} {
		s.lang = lang
		page := s.get("/console/trips/" + id)
		if page.status != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%s: %d, the page does not say %q", lang, page.status, want)
		}
		if len(page.all("body", "data-live", "*"))+len(page.all("main", "data-live", "*")) > 0 {
			t.Errorf("%s: the page waits for changes", lang)
		}
	}
}
