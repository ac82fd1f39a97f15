package telemetry

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/telemetry"
	"tripsaga/trip/app"
)

// tree prints the spans below a parent, one a line, and forgets them.
func tree(spans map[string][]*tracepb.Span, parent, indent string) string {
	var b strings.Builder
	below := spans[parent]
	delete(spans, parent)
	slices.SortStableFunc(below, func(a, b *tracepb.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
	for _, s := range below {
		fmt.Fprintf(&b, "%s%s", indent, s.Name)
		if n := attempt(s); n >= 0 {
			fmt.Fprintf(&b, " %d %s", n, strings.TrimSpace(attribute(s, "outcome")+" "+attribute(s, "error")))
		}
		b.WriteString("\n" + tree(spans, id(s.SpanId), indent+"  "))
	}
	return b.String()
}

// traces are the spans of each trace as a tree; a span without its parent among them fails the test.
func traces(t *testing.T, spans []*tracepb.Span) map[string]string {
	t.Helper()
	byTrace := map[string]map[string][]*tracepb.Span{}
	for _, s := range spans {
		trace := id(s.TraceId)
		if byTrace[trace] == nil {
			byTrace[trace] = map[string][]*tracepb.Span{}
		}
		byTrace[trace][id(s.ParentSpanId)] = append(byTrace[trace][id(s.ParentSpanId)], s)
	}
	trees := map[string]string{}
	for trace, below := range byTrace {
		trees[trace] = tree(below, "", "")
		for parent, orphans := range below {
			t.Errorf("trace %s: %d spans of the parent %s, which is not there: %v", trace, len(orphans), parent, orphans)
		}
	}
	return trees
}

// one is the only trace.
func one(t *testing.T, spans []*tracepb.Span) string {
	t.Helper()
	all := traces(t, spans)
	if len(all) != 1 {
		t.Fatalf("%d traces, want 1: %v", len(all), all)
	}
	for _, tree := range all {
		return tree
	}
	return ""
}

func TestABookingIsOneTrace(t *testing.T) {
	c := newCollector(t)
	sys, v := open(t, local.Options{Telemetry: telemetry.Observer{Traces: c.Traces}})
	defer shut(t, sys)
	book(t, sys.API(nil), booking("tok_ok"))
	v.Run()
	const want = `POST /trips
  StartExecution
    ReserveFlight 0 ok
    ReserveHotel 0 ok
    ProcessPayment 0 ok
    BookingConfirmed 0 ok
`
	if got := one(t, c.collected(t)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// failing makes the first n writes of flight cancellations fail.
func failing(n int) func(table.Table) table.Table {
	return func(t table.Table) table.Table {
		return faulty.Wrap(t, func(op faulty.Op) faulty.Fault {
			if op.Kind != faulty.Transact || n == 0 {
				return faulty.Fault{}
			}
			for _, o := range op.Ops {
				if strings.HasSuffix(o.Item.SK, "OUTBOX#FlightCancelled") {
					n--
					return faulty.Before(errors.New("the disk is on fire"))
				}
			}
			return faulty.Fault{}
		})
	}
}

func TestRetriesAreSiblings(t *testing.T) {
	c := newCollector(t)
	sys, v := open(t, local.Options{Telemetry: telemetry.Observer{Traces: c.Traces}, WrapTable: failing(2)})
	defer shut(t, sys)
	book(t, sys.API(nil), booking("tok_declined"))
	v.Run()
	const want = `POST /trips
  StartExecution
    ReserveFlight 0 ok
    ReserveHotel 0 ok
    ProcessPayment 0 business PaymentDeclined
    CancelHotel 0 ok
    CancelFlight 0 fault ServiceUnavailable
    CancelFlight 1 fault ServiceUnavailable
    CancelFlight 2 ok
    BookingFailed 0 business BookingFailed
`
	if got := one(t, c.collected(t)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestARestartKeepsTheTrace(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	options := local.Options{Dir: dir, Telemetry: telemetry.Observer{Traces: c.Traces}}
	sys, _ := open(t, options)
	book(t, sys.API(nil), booking("tok_ok"))
	shut(t, sys) // the saga has not begun: nobody ran the virtual time
	if got := one(t, c.collected(t)); got != "POST /trips\n  StartExecution\n" {
		t.Fatalf("before the restart:\n%s", got)
	}
	sys, v := open(t, options)
	defer shut(t, sys)
	v.Run()
	if got := one(t, c.collected(t)); !strings.Contains(got, "\n    BookingConfirmed 0 ok\n") {
		t.Errorf("after the restart:\n%s", got)
	}
}

func TestTheReconcilerBeginsATraceOfItsOwn(t *testing.T) {
	c := newCollector(t)
	sys, v := open(t, local.Options{Telemetry: telemetry.Observer{Traces: c.Traces}})
	defer shut(t, sys)
	starter := sys.App.Starter
	sys.App.Starter = dead{}
	if w := call(t, sys.API(nil), "POST", "/trips", booking("tok_ok")); w.Code < 500 {
		t.Fatalf("the starter is dead, and the answer %d", w.Code)
	}
	sys.App.Starter = starter
	v.AfterFunc(time.Second, func() {})
	v.Run()
	if _, err := sys.App.Reconcile(t.Context(), app.Patience{}); err != nil {
		t.Fatal(err)
	}
	v.Run()
	var began []string
	for _, tree := range traces(t, c.collected(t)) {
		began = append(began, strings.SplitAfter(tree, "\n")[0])
	}
	if slices.Sort(began); !slices.Equal(began, []string{"POST /trips\n", "StartExecution\n"}) {
		t.Errorf("traces begin with %q", began)
	}
}

func TestWhatIsNotSampledIsNotRecorded(t *testing.T) {
	c := newCollector(t)
	sys, v := open(t, local.Options{Telemetry: telemetry.Observer{Traces: c.Traces}})
	defer shut(t, sys)
	api := sys.API(slog.New(slog.DiscardHandler))
	r := request(t, "POST", "/trips", booking("tok_ok"))
	r.Header.Set(telemetry.HeaderName, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
	serve(api, r)
	v.Run()
	if spans := c.collected(t); len(spans) != 0 {
		t.Errorf("%d spans: %v", len(spans), spans)
	}
}
