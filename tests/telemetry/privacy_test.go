package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/telemetry"
	"tripsaga/telemetry/prom"
	"tripsaga/trip/domain"
)

// personal is what must not be told: the traveler's name and address, the cards' tokens.
var personal = []string{"Lovelace", "ada@example.com", "example.com", "tok_ok", "tok_declined", "tok_timeout"}

func search(t *testing.T, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s: nothing was told", where)
	}
	for _, p := range personal {
		if i := strings.Index(text, p); i >= 0 {
			t.Errorf("%s: %q stands in ...%s...", where, p, text[max(0, i-150):min(len(text), i+150)])
		}
	}
}

// everybody tells both kinds of metrics.
type everybody []telemetry.Metrics

func (all everybody) Happened(ctx context.Context, what domain.EventType, reason string) {
	for _, m := range all {
		m.Happened(ctx, what, reason)
	}
}

func (all everybody) Delivered(ctx context.Context, d telemetry.Delivery) {
	for _, m := range all {
		m.Delivered(ctx, d)
	}
}

// trouble makes calls of the table fail, before or after them, and panic: within a task, which looks for its reservation,
// and within the API, which reads a whole trip.
func trouble(on *bool) func(table.Table) table.Table {
	return func(t table.Table) table.Table {
		n := 0
		return faulty.Wrap(t, func(op faulty.Op) faulty.Fault {
			if !*on {
				return faulty.Fault{}
			}
			n++
			switch {
			case op.Key.SK == "HOTEL" && n%5 == 0, strings.HasPrefix(op.Query.PK, "TRIP#"):
				return faulty.CrashBefore(func() { panic(errors.New("index out of range")) })
			case n%11 == 0:
				return faulty.Before(errors.New("the disk is on fire"))
			case n%13 == 0:
				return faulty.After(errors.New("the reply is lost"))
			}
			return faulty.Fault{}
		})
	}
}

// TestNoPersonalDataAreTold books trips well and badly, with faults of every kind, and searches all logs at the level
// debug, metrics, spans, and what the executions keep.
func TestNoPersonalDataAreTold(t *testing.T) {
	var logged, metrics output
	c, registry, on := newCollector(t), prometheus.NewRegistry(), false
	log := telemetry.NewLogger(&logged, slog.LevelDebug, telemetry.FormatJSON)
	v := sim.NewVirtual(begin)
	sys, _ := open(t, local.Options{
		Scheduler: v, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		Log: log, WrapTable: trouble(&on),
		Telemetry: telemetry.Observer{Log: log, Traces: c.Traces, Metrics: everybody{
			telemetry.NewEMF(&metrics, "tripsaga", "1"), prom.New(registry),
		}},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, v, mishaps(t, &on))
		},
	})
	defer shut(t, sys)
	api := sys.API(log)
	var trips []string
	for round := range 8 {
		on = round%2 == 1
		for _, card := range []string{"tok_ok", "tok_declined", "tok_timeout_before", "tok_timeout_after"} {
			w := call(t, api, "POST", "/trips", booking(card))
			if _, id, ok := strings.Cut(w.Header().Get("Location"), "/trips/"); ok {
				trips = append(trips, id)
				call(t, api, "GET", "/trips/"+id, "")
			}
		}
		v.Run()
	}
	on = false
	refused(t, sys.API(log))
	v.Run()

	search(t, "log", logged.String())
	search(t, "embedded metrics", metrics.String())
	search(t, "spans", fmt.Sprint(c.collected(t))+c.sent())
	search(t, "Prometheus", scrape(t, registry))
	searchExecutions(t, sys, trips)
	for _, want := range []string{"task panicked", "panic while answering", `"outcome":"fault"`, `"level":"DEBUG"`, "trip event"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log has no %s: it did not see all that it should", want)
		}
	}
}

// mishaps are those of the network, while there is no other trouble: nothing catches the panic of a call that comes late.
func mishaps(t *testing.T, trouble *bool) func(sim.Label) sim.Fault {
	t.Helper()
	plan, err := sim.ParsePlan("ReserveHotel#1=twice\nCancelFlight#1.reply=lost\nBookingConfirmed#1=again@20m\nProcessPayment#1=late@1h")
	if err != nil {
		t.Fatal(err)
	}
	return func(at sim.Label) sim.Fault {
		if *trouble {
			return sim.Fault{}
		}
		return plan.Decide(at)
	}
}

// refused sends requests that are refused, with personal data where they do not belong.
func refused(t *testing.T, api http.Handler) {
	t.Helper()
	for _, body := range []string{
		strings.Replace(booking("tok_ok"), "ada@example.com", "Ada Lovelace", 1),
		strings.Replace(booking("tok_ok"), "JL317", "ada@example.com", 1),
		strings.Replace(booking("tok_ok"), "JPY", "tok_ok", 1),
		strings.Replace(booking("tok_ok"), `"seats": 2`, `"seats": "Ada Lovelace"`, 1),
		`{"ada@example.com": "tok_ok"}`, `"Ada Lovelace tok_ok`,
	} {
		if w := call(t, api, "POST", "/trips", body); w.Code/100 != 4 {
			t.Errorf("%s: answered %d", body, w.Code)
		}
	}
	call(t, api, "GET", "/trips/ada@example.com", "")
	call(t, api, "GET", "/trips?status=tok_ok&cursor=ada@example.com", "")
}

func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	data, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func searchExecutions(t *testing.T, sys *local.System, trips []string) {
	t.Helper()
	for _, id := range trips {
		d, err := sys.Engine.Describe(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		history, err := sys.Engine.History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for what, v := range map[string]any{"execution": d, "history": history} {
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			search(t, what+" of "+id, string(data))
		}
	}
}
