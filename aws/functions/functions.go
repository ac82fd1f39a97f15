// Package functions lists the functions that tripsaga consists of where each of them runs by itself: the saga's tasks and
// what stands around them. The deployed binary dispatches on these names, and whoever runs or deploys the functions
// loops over this list. It needs the standard library alone.
package functions

import (
	"slices"
	"time"

	"tripsaga/trip/saga"
)

// The functions that are no task of the saga.
const (
	API               = "Api"               // serves the REST API, behind an HTTP API of API Gateway, payload version 2.0
	ExecutionListener = "ExecutionListener" // hears of the executions' status changes from EventBridge
	Reconciler        = "Reconciler"        // starts what was never started and marks what is overdue, on a schedule
	OutboxRelay       = "OutboxRelay"       // makes events for the event bus of the stream's outbox items, within a pipe
	PreTraffic        = "PreTraffic"        // tries a new version before it takes traffic, as CodeDeploy's hook
)

// Function is one of them.
type Function struct {
	Name    string        // also its handler, the value of _HANDLER
	Timeout time.Duration // after which a call is ended; of a task it is shorter than its state's
	Memory  int           // in MB, and with it the share of a processor: 1769 MB have a whole one
	Task    bool          // called by the saga
}

// standardMemory is that of a function which handles one trip at a time.
const standardMemory = 256

// All lists the functions: the saga's tasks, sorted by name, then the others.
func All() []Function {
	var all []Function
	for _, t := range saga.Tasks() {
		all = append(all, Function{Name: t.Name, Timeout: t.CallTimeout(), Memory: standardMemory, Task: true})
	}
	return append(all,
		// API Gateway gives up after 30 s. It parses inventories, and a customer waits for it.
		Function{Name: API, Timeout: 29 * time.Second, Memory: 512},
		Function{Name: ExecutionListener, Timeout: 30 * time.Second, Memory: standardMemory},
		Function{Name: Reconciler, Timeout: 5 * time.Minute, Memory: 512}, // reads many trips
		Function{Name: OutboxRelay, Timeout: 30 * time.Second, Memory: standardMemory},
		Function{Name: PreTraffic, Timeout: 5 * time.Minute, Memory: 512}, // makes a whole booking
	)
}

// Names returns the names of all functions, sorted.
func Names() (names []string) {
	for _, f := range All() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}
