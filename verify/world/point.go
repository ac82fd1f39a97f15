package world

import (
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// Where tells what kind of place a point is, on which depends what can go wrong there.
type Where uint8

// The kinds of places.
const (
	Delivery    Where = iota + 1 // of a task to its function
	Reply                        // of a function to the engine
	Read                         // of a function
	Write                        // of a function
	Charge                       // of a function, at the bank
	Refund                       // of a function, at the bank
	EngineRead                   // at a start, or when a saga is redriven
	EngineWrite                  // of the journal and what goes with it
	OtherRead                    // of the client's call, the listener, the reconciler
	OtherWrite                   // of these
)

// The operations' names in labels.
const (
	opGet     = "get"
	opQuery   = "query"
	opPut     = "put"
	opCharge  = "charge"
	opCancel  = "cancel"
	opJournal = "journal"
	opNotice  = "notice"
)

// The engine's partitions.
const (
	pkExecution = "EXEC#booking#"
	pkStatus    = "EXECS#"
	pkNotice    = "NOTICE#"
	pkMachine   = "MACHINE#"
	pkTrip      = "TRIP#"
	skExecution = "EXEC"
	skJournal   = "J#"
	skTrip      = "TRIP"
)

// Point is one operation of a run.
type Point struct {
	sim.Label
	Where   Where
	Attempt int           // of a delivery: how often its state was tried before
	Keys    []table.Key   // that it touches
	At      time.Duration // since the run's beginning
	Stopped bool          // a saga has stopped, so that it can be redriven
	Pending int           // writes that were not waited for
	First   bool          // of a function's operations in this delivery
	Alters  bool          // of a delivery: its input can be made another
	Deaf    bool          // a fault that lasts has taken it already, or it is the bank's own: nothing more can go wrong here
	Hit     sim.Kind      // the fault that happened here, for the timeline
	Given   bool          // that fault is the scenario's own
}

// keysOf are the keys that an operation touches; a query touches a partition, given by a key without sort key.
func keysOf(op *faulty.Op) []table.Key {
	switch op.Kind {
	case faulty.Get:
		return []table.Key{op.Key}
	case faulty.Query:
		return []table.Key{{PK: op.Query.PK}}
	}
	keys := make([]table.Key, len(op.Ops))
	for i := range op.Ops {
		keys[i] = op.Ops[i].Key
	}
	return keys
}

func isEngines(key table.Key) bool {
	return strings.HasPrefix(key.PK, "EXEC") || strings.HasPrefix(key.PK, pkNotice)
}
