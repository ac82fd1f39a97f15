package cost

import (
	"embed"
	"encoding/json"
)

// Booking is what one booking uses, its reads by clients left out.
type Booking struct {
	Transitions int            `json:"transitions"` // of the state machine
	Tasks       map[string]int `json:"tasks"`       // calls of each task's function
	ReadUnits   float64        `json:"read_units"`
	WriteUnits  float64        `json:"write_units"`
	Events      int            `json:"events"`       // that leave by the outbox
	EventBytes  int            `json:"event_bytes"`  // of all of them
	StoredBytes int            `json:"stored_bytes"` // of the items that stay, and of their copies in the index
}

// Bookings are the measured ways through the saga.
type Bookings struct {
	Confirmed     Booking `json:"confirmed"`
	Failed        Booking `json:"failed"` // a declined payment, the dearest decline: hotel and flight are taken back
	ReadUnits     float64 `json:"get_read_units"`
	CustomMetrics int     `json:"custom_metrics"` // series that the functions can write, those of one version
}

// Logs are bytes that the functions print for a booking. They print nothing for a read.
type Logs struct {
	Confirmed int `json:"confirmed"`
	Failed    int `json:"failed"`
}

// Stack is what a stage has, used or not.
type Stack struct {
	MemoryMB       map[string]float64 `json:"memory_mb"` // of each function
	AlarmMetrics   int                `json:"alarm_metrics"`
	Dashboards     int                `json:"dashboards"`
	Keys           int                `json:"kms_keys"`
	ReconcilerRuns float64            `json:"reconciler_runs_a_month"`
	ListenerOn     []string           `json:"listener_on"`      // ends of an execution that call the listener
	ArchiveDays    int                `json:"archive_days"`     // that the bus keeps its events for
	LogDays        int                `json:"log_days"`         // that logs are kept for
	AccessLogBytes int                `json:"access_log_bytes"` // of a line, about
}

// Usage is everything that is measured or read from the template.
type Usage struct {
	Bookings Bookings
	Logs     Logs
	Stack    Stack
}

//go:embed usage/*.json
var usageFiles embed.FS

// Measured is the usage in the files.
func Measured() (u Usage, err error) {
	for name, into := range map[string]any{"bookings": &u.Bookings, "logs": &u.Logs, "stack": &u.Stack} {
		data, err := usageFiles.ReadFile("usage/" + name + ".json")
		if err != nil {
			return u, err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return u, err
		}
	}
	return u, nil
}
