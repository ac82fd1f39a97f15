package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"

	"tripsaga/local"
	"tripsaga/table/embedded"
	"tripsaga/telemetry"
	"tripsaga/telemetry/prom"
	"tripsaga/trip/handlers/rest"
)

// logFlags configure the log of a server.
type logFlags struct {
	LogLevel  string `env:"TRIPSAGA_LOG_LEVEL" help:"debug, info, warn or error. Steps that succeed are logged at debug." default:"info" enum:"debug,info,warn,error"`
	LogFormat string `env:"TRIPSAGA_LOG_FORMAT" help:"text, json, or auto: text on a terminal, else json." default:"auto" enum:"auto,text,json"`
}

func (f logFlags) logger(p *program) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.LogLevel)); err != nil {
		return nil, usage(err)
	}
	format := f.LogFormat
	if format == "auto" {
		format = telemetry.FormatJSON
		if isTerminal(p.stderr) {
			format = telemetry.FormatText
		}
	}
	log := telemetry.NewLogger(p.stderr, level, format)
	if format == telemetry.FormatJSON {
		p.log = log
	}
	return log, nil
}

// logOf returns the log of a server whose command line cannot be parsed, when that line or the environment asks for JSON.
func logOf(p *program, args []string) *slog.Logger {
	format := os.Getenv("TRIPSAGA_LOG_FORMAT")
	for i, arg := range args {
		const flag = "--log-format"
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			format = value
		}
		if arg == flag && i+1 < len(args) {
			format = args[i+1]
		}
	}
	if args[0] != "serve" || format != telemetry.FormatJSON {
		return nil
	}
	return telemetry.NewLogger(p.stderr, slog.LevelInfo, format)
}

// useLog makes log the default of this process, for packages such as net/http that have no separate one.
func useLog(log *slog.Logger) {
	slog.SetDefault(log)
	slog.SetLogLoggerLevel(slog.LevelWarn)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("tracing", "error", err) }))
}

// always is a handler that ignores the log's level: for the lines that say where the server is and that it stops.
type always struct{ slog.Handler }

func (always) Enabled(context.Context, slog.Level) bool { return true }

// notices returns a log that writes every line.
func notices(log *slog.Logger) *slog.Logger { return slog.New(always{log.Handler()}) }

// watch is what a server reports: its log, its metrics and, when the environment names a collector, its traces.
type watch struct {
	telemetry.Observer
	registry    *prometheus.Registry
	http        *prom.HTTP
	differences prometheus.Counter // of payments, see payments.webhook
}

func openWatch(log *slog.Logger) (*watch, error) {
	opt, err := telemetry.TraceEnv("tripsaga", readVersion().Version)
	if err != nil {
		return nil, usage(err)
	}
	opt.Log, opt.XRayDaemon = log, "" // X-Ray's daemon wants a segment that only Lambda makes
	traces, err := telemetry.OpenTraces(opt)
	if err != nil {
		return nil, usage(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	differences := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tripsaga", Name: "payment_differences_total",
		Help: "Events of the payment provider about ended trips whose payment is another in its books than in the records."})
	registry.MustRegister(differences)
	return &watch{registry: registry, differences: differences, http: prom.NewHTTP(registry, rest.Reasons()), Observer: telemetry.Observer{
		Log: log, Routine: slog.LevelDebug, Metrics: prom.New(registry), Traces: traces,
	}}, nil
}

// over adds GET /metrics to the API of sys. It is for operators, and so it is not in the API's description.
func (w *watch) over(sys *local.System) http.Handler {
	w.registry.MustRegister(gauges(sys))
	api := sys.API(w.Log)
	metrics := promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			rest.Routed(r.Context(), "/metrics")
			metrics.ServeHTTP(rw, r)
			return
		}
		api.ServeHTTP(rw, r)
	})
}

// requests counts the requests and connections of the server; open is the result of rest.Limit.
func (w *watch) requests(server *http.Server, open func() int) {
	server.Handler = rest.Metered(server.Handler, w.http)
	w.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tripsaga_http_connections", Help: "Open connections.",
	}, func() float64 { return float64(open()) }))
}

// Close sends the spans that are not sent yet.
func (w *watch) Close(ctx context.Context) error { return w.Traces.Shutdown(ctx) }

// systemGauges are the metrics of the engine and the store, read at each scrape.
type systemGauges struct{ sys *local.System }

func gauges(sys *local.System) prometheus.Collector { return systemGauges{sys} }

var (
	executionsOpen = prometheus.NewDesc("tripsaga_executions_open", "Sagas under way.", nil, nil)
	storeWritable  = storeDesc("writable", "1 while the store takes writes; 0 when its disk is full, or it failed.")
	storeGauges    = []struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		of   func(embedded.Metrics) uint64
	}{
		{storeDesc("transactions_total", "Transactions committed."), prometheus.CounterValue,
			func(m embedded.Metrics) uint64 { return m.Transactions }},
		{storeDesc("durable_waits_total", "Calls that waited for the disk."), prometheus.CounterValue,
			func(m embedded.Metrics) uint64 { return m.DurableWaits }},
		{storeDesc("syncs_total", "Times that the disk was asked to keep what was written."), prometheus.CounterValue,
			func(m embedded.Metrics) uint64 { return m.SyncGroups }},
		{storeDesc("written_bytes_total", "Bytes written: log, flushed and compacted tables."), prometheus.CounterValue,
			func(m embedded.Metrics) uint64 { return m.BytesWritten }},
		{storeDesc("log_bytes_total", "Bytes written to the log."), prometheus.CounterValue,
			func(m embedded.Metrics) uint64 { return m.LogBytes }},
		{storeDesc("size_bytes", "Size of the data folder."), prometheus.GaugeValue,
			func(m embedded.Metrics) uint64 { return m.BytesOnDisk }},
		{storeDesc("free_bytes", "Free bytes on the disk of the data folder."), prometheus.GaugeValue,
			func(m embedded.Metrics) uint64 { return m.BytesFree }},
	}
)

func storeDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("tripsaga_store_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector.
func (g systemGauges) Describe(to chan<- *prometheus.Desc) {
	to <- executionsOpen
	to <- storeWritable
	for _, s := range storeGauges {
		to <- s.desc
	}
}

// Collect implements prometheus.Collector. A system over another table than the embedded one has no store.
func (g systemGauges) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(executionsOpen, prometheus.GaugeValue, float64(g.sys.OpenExecutions()))
	if g.sys.Store == nil {
		return
	}
	writable := 1.0
	if g.sys.Health() != nil {
		writable = 0
	}
	to <- prometheus.MustNewConstMetric(storeWritable, prometheus.GaugeValue, writable)
	m := g.sys.Store.Metrics()
	for _, s := range storeGauges {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.of(m)))
	}
}
