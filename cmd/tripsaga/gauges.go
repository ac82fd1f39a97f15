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

// Collect implements prometheus.Collector. A system over another table than the embedded one has no store of its own.
func (g systemGauges) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(executionsOpen, prometheus.GaugeValue, float64(g.sys.Engine.OpenExecutions()))
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
