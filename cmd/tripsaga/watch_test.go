package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// watched is a system in memory as it is served, and its watch.
func watched(t *testing.T) (http.Handler, *watch) {
	t.Helper()
	w, err := openWatch(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	sys, err := local.Open(t.Context(), local.Options{Telemetry: w.Observer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	server := rest.Server(rest.Guard(w.over(sys), nil))
	w.requests(server, func() int { return 0 })
	return server.Handler, w
}

func get(h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// TestTheDocumentListsTheMetrics compares docs/telemetry.md with what /metrics tells: names and types.
func TestTheDocumentListsTheMetrics(t *testing.T) {
	served, _ := watched(t)
	get(served, "GET", "localhost", "/metrics") // a request that is counted
	metrics := get(served, "GET", "localhost", "/metrics").Body.String()
	data, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`(?m)^# TYPE (tripsaga_\w+) (\w+)$`).FindAllStringSubmatch(metrics, -1)
	listed := regexp.MustCompile("(?m)^\\| `(tripsaga_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(data), -1)
	if got, want := pairs(told), pairs(listed); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("/metrics tells     %v\nthe document lists %v", got, want)
	}
	if !strings.Contains(metrics, "go_goroutines") {
		t.Error("/metrics tells nothing of the Go runtime")
	}
}

func pairs(matches [][]string) (all []string) {
	for _, m := range matches {
		all = append(all, m[1]+" "+m[2])
	}
	slices.Sort(all)
	return all
}

// TestTheNamesOfAllMetrics are what Prometheus wants.
func TestTheNamesOfAllMetrics(t *testing.T) {
	served, w := watched(t)
	get(served, "GET", "localhost", "/metrics")
	problems, err := testutil.GatherAndLint(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "tripsaga_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetricsStandBehindTheGuard(t *testing.T) {
	served, _ := watched(t)
	for _, c := range []struct {
		method, host, path string
		status             int
	}{
		{"GET", "localhost", "/metrics", http.StatusOK}, {"HEAD", "localhost", "/metrics", http.StatusOK},
		{"GET", "evil.example", "/metrics", http.StatusForbidden}, {"DELETE", "localhost", "/metrics", http.StatusNotFound},
		{"GET", "localhost", "/trips", http.StatusOK},
	} {
		if got := get(served, c.method, c.host, c.path).Code; got != c.status {
			t.Errorf("%s %s of %s: %d, want %d", c.method, c.path, c.host, got, c.status)
		}
	}
}

func TestLogFormat(t *testing.T) {
	for format, want := range map[string]string{"text": "level=WARN msg=m", "json": `"level":"WARN","msg":"m"`, "auto": `"level":"WARN"`} {
		var out bytes.Buffer
		log, err := logFlags{LogLevel: "warn", LogFormat: format}.logger(&program{stderr: &out})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("too low")
		log.Warn("m")
		if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "too low") {
			t.Errorf("%s: %s", format, got)
		}
	}
	if _, err := (logFlags{LogLevel: "loud"}).logger(&program{}); err == nil {
		t.Error("the level loud was taken")
	}
}

func TestAWrongTraceSettingIsAUsageError(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")
	_, err := openWatch(slog.New(slog.DiscardHandler))
	if err == nil || (&program{stderr: &bytes.Buffer{}}).fail(err) != exitUsage {
		t.Errorf("error %v", err)
	}
}
