package cost

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Booking is the usage of one booking, without the reads by clients.
type Booking struct {
	Transitions int            `json:"transitions"` // of the state machine
	Tasks       map[string]int `json:"tasks"`       // calls of each task's function
	ReadUnits   float64        `json:"read_units"`
	WriteUnits  float64        `json:"write_units"`
	Events      int            `json:"events"`       // published from the outbox
	EventBytes  int            `json:"event_bytes"`  // of all events together
	StoredBytes int            `json:"stored_bytes"` // of the items that remain, and their copies in the index
}

// Bookings are the measured paths through the saga.
type Bookings struct {
	Confirmed     Booking `json:"confirmed"`
	Failed        Booking `json:"failed"`    // a declined payment, the most expensive failure: hotel and flight are compensated
	Cancelled     Booking `json:"cancelled"` // what the cancellation of a confirmed trip adds
	ReadUnits     float64 `json:"get_read_units"`
	CustomMetrics int     `json:"custom_metrics"` // series that one version of the functions can write
}

// Logs are the bytes that the functions log for a booking. They log nothing for a read.
type Logs struct {
	Confirmed int `json:"confirmed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"` // what the cancellation adds
}

// Stack is what a stage has, independent of its use.
type Stack struct {
	MemoryMB       map[string]float64 `json:"memory_mb"` // of each function
	AlarmMetrics   int                `json:"alarm_metrics"`
	Dashboards     int                `json:"dashboards"`
	Keys           int                `json:"kms_keys"`
	ReconcilerRuns float64            `json:"reconciler_runs_a_month"`
	ListenerOn     []string           `json:"listener_on"`      // statuses of an execution that call the listener
	ArchiveDays    int                `json:"archive_days"`     // retention of the bus's archive
	LogDays        int                `json:"log_days"`         // retention of the logs
	AccessLogBytes int                `json:"access_log_bytes"` // of one line, approximately
}

// Usage is everything that is measured or read from the templates.
type Usage struct {
	Bookings Bookings
	Logs     Logs
	Stack    Stack
}

//go:embed usage/*.json
var usageFiles embed.FS

// Measured reads the usage from the embedded files.
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

// Price is the list price of a unit in US dollars, without free tiers and volume discounts.
type Price struct {
	USD     float64 `json:"usd"`
	Per     float64 `json:"per"` // the number of units for that price
	Unit    string  `json:"unit"`
	Source  string  `json:"source"`
	Checked string  `json:"checked"` // the second source that it was compared with
}

func (p Price) of(quantity float64) float64 { return quantity * p.USD / p.Per }

// Prices are the prices of a region, by name.
type Prices map[string]Price

//go:embed prices.json
var pricesFile []byte

type priceList struct {
	AsOf    string            `json:"as_of"`
	Regions map[string]Prices `json:"regions"`
}

func readPrices(data []byte) (list priceList, err error) {
	if err := json.Unmarshal(data, &list); err != nil {
		return list, err
	}
	for region, prices := range list.Regions {
		for name, p := range prices {
			if p.USD < 0 || p.Per <= 0 || p.Unit == "" || p.Source == "" || p.Checked == "" {
				return list, fmt.Errorf("the price %s of %s is not whole: %+v", name, region, p)
			}
		}
	}
	return list, nil
}

func (l priceList) region(name string) (Prices, error) {
	if prices, ok := l.Regions[name]; ok {
		return prices, nil
	}
	return nil, fmt.Errorf("there are no prices of %q; there are those of %s", name, strings.Join(slices.Sorted(maps.Keys(l.Regions)), ", "))
}
