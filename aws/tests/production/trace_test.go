package production

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tripsaga/aws/production"
)

// TestOneTraceABooking follows a booking over the processes of the API and of every task by the spans that they send.
func TestOneTraceABooking(t *testing.T) {
	var c spans
	c.forget()
	server := httptest.NewServer(&c)
	defer server.Close()
	s := serve(t, production.Options{Env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL}})
	c.forget()
	trip := s.book("happy")
	var whole [][]string // traces with tasks; the request that was repeated has one of its own
	for _, names := range c.of(trip.ID) {
		if slices.Contains(names, "ReserveFlight") {
			whole = append(whole, names)
		}
	}
	if len(whole) != 1 {
		t.Fatalf("the saga has %d traces: %q", len(whole), whole)
	}
	for _, want := range []string{"POST /trips", "StartExecution", "ReserveHotel", "ProcessPayment", "BookingConfirmed"} {
		if !slices.Contains(whole[0], want) {
			t.Errorf("no span %s among %q", want, whole[0])
		}
	}
}

// spans collects the names of spans by trace.
type spans struct {
	mu    sync.Mutex
	names map[string][]string
	trips map[string]map[string]bool // traces with a span about the trip
}

func (s *spans) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names, s.trips = map[string][]string{}, map[string]map[string]bool{}
}

func (s *spans) of(trip string) map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string][]string{}
	for trace := range s.trips[trip] {
		found[trace] = s.names[trace]
	}
	return found
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	data, err := io.ReadAll(body)
	var export tracev1.TracesData
	if err == nil {
		err = proto.Unmarshal(data, &export)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.take(&export)
}

func (s *spans) take(export *tracev1.TracesData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				trace := string(span.TraceId)
				s.names[trace] = append(s.names[trace], span.Name)
				for _, a := range span.Attributes {
					if a.Key == "trip_id" {
						trip := a.Value.GetStringValue()
						if s.trips[trip] == nil {
							s.trips[trip] = map[string]bool{}
						}
						s.trips[trip][trace] = true
					}
				}
			}
		}
	}
}
