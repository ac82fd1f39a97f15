// Package functions lists the functions of a deployment and their settings: the sagas' tasks, and the functions around
// them. The functions' program dispatches on these names; the infrastructure and the emulators loop over the list. It
// imports the standard library and the sagas' facts alone.
package functions

import (
	"slices"
	"strings"
	"time"

	"tripsaga/trip/saga"
)

// The functions that are not tasks of a saga.
const (
	API               = "Api"               // serves the REST API, behind an HTTP API of API Gateway, payload version 2.0
	ExecutionListener = "ExecutionListener" // gets the executions' status changes from EventBridge
	Reconciler        = "Reconciler"        // starts sagas that were never started and marks overdue trips, on a schedule
	OutboxRelay       = "OutboxRelay"       // converts the stream's outbox items to events for the event bus, within a pipe
	PreTraffic        = "PreTraffic"        // tries a new version before it gets traffic, as CodeDeploy's hook
)

// Function is one function and its limits.
type Function struct {
	Name    string        // also its handler, the value of _HANDLER
	Timeout time.Duration // of one call; a task's is shorter than its state's
	Memory  int           // in MB; the share of a processor follows it: 1769 MB have a whole one
	Task    bool          // called by a saga
}

// standardMemory suits a function that handles one trip at a time, in MB.
const standardMemory = 256

// All lists the functions: the sagas' tasks, sorted by name, then the others.
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

// Payers lists the functions that call the payment provider: the tasks that need the built-in bank's books, and the API,
// whose ledger reads them.
func Payers() (names []string) {
	for _, t := range saga.Tasks() {
		if slices.ContainsFunc(t.Touches, func(a saga.Access) bool { return slices.Contains(strings.Fields(a.Partitions), "BANK") }) {
			names = append(names, t.Name)
		}
	}
	return append(names, API)
}

// Names returns the names of all functions, sorted.
func Names() (names []string) {
	for _, f := range All() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}
