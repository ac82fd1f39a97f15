package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"tripsaga/local"
	"tripsaga/table/embedded"
)

// systemGauges are read when they are asked for.
type systemGauges struct{ sys *local.System }

func gauges(sys *local.System) prometheus.Collector { return systemGauges{sys} }

var (
	executionsOpen = prometheus.NewDesc("tripsaga_executions_open", "Sagas under way.", nil, nil)
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
	}
)

func storeDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("tripsaga_store_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector.
func (g systemGauges) Describe(to chan<- *prometheus.Desc) {
	to <- executionsOpen
	for _, s := range storeGauges {
		to <- s.desc
	}
}

// Collect implements prometheus.Collector. A system over another table than the embedded one has no store of its own.
func (g systemGauges) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(executionsOpen, prometheus.GaugeValue, float64(g.sys.Engine.OpenExecutions()))
	if g.sys.Store == nil {
		return
	}
	m := g.sys.Store.Metrics()
	for _, s := range storeGauges {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.of(m)))
	}
}
